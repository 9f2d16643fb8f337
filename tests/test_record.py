"""Records: complete or absent."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgebnn.errors import ConfigError, InfrastructureError
from edgebnn.record import Metric, Record, atomic_write, provenance, read_record


def record() -> Record:
    return Record(
        stage="emulate",
        run_id="a",
        parameters={"batch_size": 100, "method": "proposed", "learning_rate": 1e-3},
        metrics={"test_accuracy": Metric(value=0.5, source="measured")},
        series={"loss": [(1, 0.5), (2, 0.25)]},
        provenance=provenance("2026-01-01T00:00:00+00:00", ("numpy",)),
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    record().write(tmp_path / "deep" / "a.json")
    assert read_record(tmp_path / "deep" / "a.json") == record()
    assert [file.name for file in (tmp_path / "deep").iterdir()] == ["a.json"]


@pytest.mark.parametrize(
    ("metrics", "at_chance"),
    [
        ({"test_accuracy": 0.11, "test_images": 400, "guessing_accuracy": 0.1}, True),
        ({"test_accuracy": 0.14, "test_images": 400, "guessing_accuracy": 0.1}, False),
        ({"test_accuracy": 0.11, "test_images": 10000, "guessing_accuracy": 0.1}, False),
        # A class with 60 % of the images is guessed by every network that learned nothing.
        ({"test_accuracy": 0.6, "test_images": 400, "guessing_accuracy": 0.6}, True),
        ({"test_accuracy": 0.1, "test_accuracy_at_best": 0.8, "test_images": 400, "guessing_accuracy": 0.1}, False),
        ({"test_accuracy": 0.1}, False),
        ({"test_images": 400, "guessing_accuracy": 0.1}, False),
    ],
)  # fmt: skip
def test_a_run_at_chance_level(metrics: dict[str, float], at_chance: bool) -> None:
    made = {name: Metric(value=value, source="measured") for name, value in metrics.items()}
    assert record().model_copy(update={"metrics": made}).at_chance is at_chance


def test_not_a_record(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"version": 1}')
    with pytest.raises(ConfigError, match=r"a\.json: not a record"):
        read_record(tmp_path / "a.json")
    with pytest.raises(ConfigError, match="No such file"):
        read_record(tmp_path / "b.json")


def test_a_failure_in_the_middle_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_write(path) as file:
        file.write(b"half of the new")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    """A file size limit stands in for the disk's end: the same OSError on the same write."""
    script = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from edgebnn.record import atomic_write\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "with atomic_write(Path(sys.argv[1])) as file: file.write(bytes(5000))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "big")],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "InfrastructureError" in done.stderr
    assert "big: cannot be written" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InfrastructureError, match="cannot be written"):
        record().write(tmp_path / "file" / "a.json")


def test_provenance_outside_git_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent) + os.pathsep)
    assert provenance("now").git_commit == "unknown"


def test_a_pipe_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    """Root's `--output /dev/null` would take the device away."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with (
        pytest.raises(InfrastructureError, match="pipe: cannot be written: a device, a pipe or a"),
        atomic_write(pipe),
    ):
        pass
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]
