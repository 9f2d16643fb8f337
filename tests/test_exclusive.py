"""The lock that belongs to an output."""

import subprocess
import sys
from pathlib import Path

from edgebnn.exclusive import exclusive

HOLDER = """
import sys; from pathlib import Path
from edgebnn.exclusive import exclusive
output = Path(sys.argv[1])
with exclusive(output):
    print("held", flush=True)
    sys.stdin.read()
    output.write_text("made by the first")
"""


def test_the_second_waits_and_finds_the_work_done(tmp_path: Path) -> None:
    output = tmp_path / "record.json"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(output)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    second = subprocess.Popen(
        [sys.executable, "-c", HOLDER.replace('print("held", flush=True)', "pass").replace(
            "with exclusive(output):", "with exclusive(output) as done:\n    print(done); sys.exit()"), str(output)],
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert second.stdout is not None
    assert "waiting for another process" in second.stdout.readline()
    holder.communicate("")
    assert second.communicate()[0] == "True\n"
    assert second.returncode == 0


def test_a_dead_holder_leaves_no_lock(tmp_path: Path) -> None:
    output = tmp_path / "record.json"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(output)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    holder.kill()
    holder.communicate()
    with exclusive(output) as done:
        assert not done
