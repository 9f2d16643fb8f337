"""No traceback, no silence: whatever ends a command, its user reads one line, and why."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from argparse import Namespace
from pathlib import Path

import pytest

from edgebnn.cli import main
from edgebnn.commands import questions, stages
from edgebnn.ended import ended
from edgebnn.study.model_file import load_network
from edgebnn.study.optimizer_config import Optimizer
from edgebnn.study.run import Run, canonical_json
from edgebnn.study.switches import PRESETS

ROOT = Path(__file__).parents[1]
RUN = Run(
    stage="memory",
    dataset="imagenet",
    model="resnete18",
    network=load_network("resnete18", ROOT / "config" / "models"),
    switches=PRESETS["standard"],
    optimizer=Optimizer(),
    batch_size=100,
)  # of real weights: the trainer is not asked
SECRET = "s3cr3t-Zx81"
EDGEBNN = [sys.executable, "-m", "edgebnn.cli"]


class _Speechless(Exception):
    def __str__(self) -> str:
        raise ValueError


def run(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A line of a shell; `$EDGEBNN` is our command, `$PYTHON` the interpreter."""
    known = {"EDGEBNN": " ".join(EDGEBNN), "PYTHON": sys.executable}
    usual = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        ["bash", "-c", command],
        cwd=ROOT,
        env={**usual, **known, **environment},
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    "error",
    [
        ValueError(f"no connection to http://me:{SECRET}@host\nsecond line"),
        MemoryError(),
        RecursionError("maximum recursion depth exceeded"),
        RuntimeError("Could not determine home directory."),
        UnicodeEncodeError("ascii", "é", 0, 1, "ordinal not in range(128)"),
        KeyError("digits"),
        AssertionError(),
        ModuleNotFoundError("No module named 'mlflow'"),
        OSError(5, "Input/output error"),
        BrokenPipeError(32, "Broken pipe"),  # of a connection: our reader is there
        _Speechless(),
        ExceptionGroup("several", [ValueError("x" * 1000)]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_no_one_foresaw(
    error: Exception,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def fail(_: Namespace) -> None:
        raise error

    monkeypatch.setattr(stages, "data", fail)
    output = tmp_path / "out.ebd"
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path))
        assert main(["data", "digits", "--output", str(output)]) == 70
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"edgebnn: unexpected: {type(error).__name__}")
    found = re.search(r"; the details are in (/\S+\.log)$", line)
    assert found
    details = Path(found[1])
    assert "Traceback" in details.read_text()
    assert details.stat().st_mode & 0o777 == 0o600
    note = (tmp_path / "out.ebd.failed").read_text()
    assert note == line.removeprefix("edgebnn: ") + "\n"
    assert SECRET not in line + note + details.read_text()
    assert len(line) < 500


def test_details_that_cannot_be_kept(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(questions, "plan", lambda _: 1 / 0)
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "tempdir", "/proc/none")
        assert main(["plan"]) == 70
    (line,) = capfd.readouterr().err.splitlines()
    assert "unexpected: ZeroDivisionError: division by zero; the details could not be kept" in line


@pytest.mark.parametrize("output", ["", "/", "..", "results/.."])
def test_an_output_that_is_no_file(
    output: str,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["data", "digits", "--output", output]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert "a file's name is wanted" in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        ("$EDGEBNN plan >&-", 0, ""),
        ("$EDGEBNN plan >&- 2>&-", 0, ""),
        ("$EDGEBNN plan <&- >&- 2>&-", 0, ""),
        ("PYTHONIOENCODING=ascii $EDGEBNN plan >/dev/null", 0, ""),
        ("LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 $EDGEBNN plan >/dev/null", 0, ""),
        ("PYTHONIOENCODING=ascii $EDGEBNN data dätaset --output /proc/x/y", 3, "/proc/x/y"),
        ("env -u HOME $EDGEBNN plan >/dev/null", 0, ""),
        ("$EDGEBNN plan >/dev/full", 70, "edgebnn: unexpected: OSError: [Errno 28] No space left"),
        (f"$EDGEBNN track http://me:{SECRET}@host --nonsense 2>&1 >/dev/null | tail -1 >&2", 0, "error"),
        ("(sleep 0.1; $EDGEBNN plan; echo $? >&2) | true", 0, "1"),  # Rich says 1
        ("(sleep 0.1; $EDGEBNN memory --run $RUN 2>/dev/null; echo $? >&2) | true", 0, "141"),
        ("(sleep 0.1; $EDGEBNN --help; echo $? >&2) | true", 0, "0"),
    ],
)  # fmt: skip
def test_streams_that_bear_little(command: str, status: int, said: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(canonical_json(RUN))
    done = run(command, RUN=str(tmp_path / "run.json"))
    assert done.returncode == status, done.stderr
    assert said in done.stderr
    assert SECRET not in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert len(done.stderr.splitlines()) == bool(said)


def test_a_thread_that_fails_says_so_in_a_line() -> None:
    script = (
        "import threading; from edgebnn import streams; streams.prepare(); "
        f"t = threading.Thread(target=lambda: int('http://me:{SECRET}@host')); t.start(); t.join()"
    )
    done = run('"$PYTHON" -c "$SCRIPT"', SCRIPT=script)
    (line,) = done.stderr.splitlines()
    assert line.startswith("edgebnn: in the background: unexpected: ValueError: invalid literal")
    assert SECRET not in line


def test_what_libraries_log_is_a_line_without_a_traceback() -> None:
    script = """if True:
        import logging
        from edgebnn import streams
        streams.prepare()
        try:
            1 / 0
        except ZeroDivisionError:
            logging.getLogger("mlflow.store").exception("cannot do it")
            logging.getLogger("paramiko.transport").error("Traceback (most recent call last):")
    """
    done = run('"$PYTHON" -c "$SCRIPT"', SCRIPT=script)
    assert done.stderr == "cannot do it\n"


@pytest.mark.parametrize(
    ("number", "why"),
    [
        (signal.SIGKILL, "killed by signal 9: out of memory?"),
        (signal.SIGTERM, "killed by signal 15: ended from outside"),
        (signal.SIGSEGV, "killed by signal 11: a library crashed"),
        (signal.SIGABRT, "killed by signal 6: a library gave up"),
        (signal.SIGILL, "killed by signal 4: this processor lacks an instruction"),
        (signal.SIGUSR1, "killed by signal 10: SIGUSR1"),
        (signal.SIGHUP, "killed by signal 1: its terminal"),
    ],
)
def test_a_stage_that_a_signal_ends(tmp_path: Path, number: int, why: str) -> None:
    """As the workflow's rules do it, with a stage that says something and dies."""
    stage = "import os, signal; os.write(1, b'epoch 3\\n'); "
    if number != signal.SIGKILL:  # as from a shell: not passed over, as nohup has it
        stage += f"signal.signal({int(number)}, signal.SIG_DFL); "
    stage += f"os.kill(os.getpid(), {int(number)})"
    done = run(
        '"$PYTHON" -c "$STAGE" > "$F.log" 2>&1 || $EDGEBNN ended $? "$F" "$F.log"',
        STAGE=stage,
        F=str(tmp_path / "a run.json"),
    )
    assert done.returncode == 128 + number
    assert f"epoch 3\nedgebnn: {why}" in (tmp_path / "a run.json.log").read_text()
    note = (tmp_path / "a run.json.failed").read_text()
    assert note.startswith(why)
    assert note.endswith("; its last words: epoch 3\n")


@pytest.mark.parametrize(
    ("status", "log", "before", "note"),
    [
        (2, "edgebnn: none.yaml: No such file\n", "none.yaml: No such file\n", "none.yaml: No such file\n"),
        (2, "usage: edgebnn\nedgebnn: error: argument --run\n\n", None, "edgebnn: error: argument --run\n"),
        (1, "", None, "exit status 1\n"),
        (127, "bash: edgebnn: command not found\n", None, "bash: edgebnn: command not found\n"),
        (137, "", None, "killed by signal 9: out of memory?\n"),
        (137, f"to http://me:{SECRET}@host\n", None, "killed by signal 9: out of memory?; its last words: to http://host\n"),
        (137, "10%\r20%\r", "of an earlier attempt\n", "killed by signal 9: out of memory?; its last words: 20%\n"),
        (130, "edgebnn: interrupted\n", None, None),
        (255, "no signal has the number 127\n", None, None),
        (137, "bytes \udcff\n", None, "killed by signal 9: out of memory?; its last words: bytes \ufffd\n"),
    ],
)  # fmt: skip
def test_the_note_of_a_stage(
    tmp_path: Path, status: int, log: str, before: str | None, note: str | None
) -> None:
    place = tmp_path / "run.json.failed"
    (tmp_path / "log").write_text(log, errors="surrogateescape", newline="")
    if before:
        place.write_text(before)
    assert ended(status, tmp_path / "run.json", tmp_path / "log") == status
    assert (place.read_text() if place.exists() else None) == note


def test_a_stage_without_a_log_or_a_folder(tmp_path: Path) -> None:
    assert ended(137, tmp_path / "none" / "run.json", tmp_path / "none" / "log") == 137
    assert ended(0, tmp_path / "run.json", tmp_path / "log") == 1


@pytest.mark.parametrize(
    ("end", "status", "said"),
    [
        ("os.abort()", -signal.SIGABRT, True),
        ("os.kill(os.getpid(), 9)", -signal.SIGKILL, True),
        ("os.kill(os.getpid(), 11)", -signal.SIGSEGV, True),
        ("os._exit(3)", 3, True),
        ("sys.exit(4)", 4, True),
        ("pass", 0, False),
    ],
)
def test_last_words_of_native_code(end: str, status: int, said: bool) -> None:
    words = "compiled to use AVX instructions, but these aren't available"
    script = (
        "import os, sys\nfrom edgebnn.emulation.last_words import held_back\n"
        f"with held_back():\n    os.write(2, {words.encode()!r})\n    {end}\n"
        "os.write(2, b'after')\n"
    )
    # Standard error is a file, as a log is: what keeps it may end after the process.
    with tempfile.TemporaryFile() as log:
        done = subprocess.run([sys.executable, "-c", script], check=False, stderr=log)
        keeper_ends(log.fileno(), words if said else "after")
        log.seek(0)
        found = log.read().decode()
    assert done.returncode == status
    assert (words in found) == said
    assert ("after" in found) != said


def keeper_ends(log: int, words: str) -> None:
    """Waits until a log has its words; at most a second."""
    for _ in range(100):
        if words.encode() in os.pread(log, 10_000, 0):
            return
        signal.sigtimedwait([], 0.01)


def test_every_rule_asks_how_its_stage_ended() -> None:
    for path in (ROOT / "workflow" / "rules").glob("*.smk"):
        for rule in path.read_text().split("\nrule ")[1:]:
            assert '> {log:q} 2>&1 "\n        "|| edgebnn ended $? {output:q} {log:q}"' in rule


def test_a_failed_stage_is_not_taken_apart(tmp_path: Path) -> None:
    """What it holds may wait for ever when it is: native threads that wait for Python."""
    script = """
import sys, threading
from edgebnn.cli import main
from edgebnn.commands import stages
from edgebnn.errors import ConfigError

class Iterator:
    def __del__(self):
        threading.Event().wait()

def fail(options):
    held = Iterator()
    raise ConfigError("no such thing")

stages.build = fail
sys.argv = ["edgebnn", "build", "native", "--output", "x.json"]
sys.exit(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (2, "edgebnn: no such thing\n")
