"""The command line: help, exit statuses, messages, and nothing half-written."""

import errno
import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from edgebnn.cli import main
from edgebnn.record import Metric, Record, provenance

ROOT = Path(__file__).parents[1]


def run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgebnn.cli", *arguments]
    return subprocess.run(command, cwd=cwd, check=False, capture_output=True, text=True)


@pytest.mark.parametrize(
    "command",
    [[], ["data"], ["memory"], ["emulate"], ["build"], ["device"], ["baseline"], ["profile"], ["farm"], ["farm", "list"],
     ["farm", "check"], ["farm", "enroll"], ["track"], ["report"], ["export"], ["plan"], ["fit"], ["schema"], ["ended"]],
)  # fmt: skip
def test_every_command_explains_itself(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    assert "usage: edgebnn" in capsys.readouterr().out


def test_starting_loads_nothing_heavy() -> None:
    script = (
        "import sys, edgebnn.cli, edgebnn.options; edgebnn.options.parser(); "
        "heavy = {'tensorflow', 'keras', 'mlflow', 'fabric', 'sklearn', 'matplotlib', 'snakemake', 'onnx'}; "
        "print(heavy & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["data", "mnst", "--output", "OUT"], 2, ["unknown data set 'mnst'", "did you mean 'mnist'"]),
        (["build", "riscv", "--output", "OUT"], 2, ["unknown target 'riscv'", "native, aarch64-linux, armv7-linux, armv6-linux"]),
        (["memory", "--model", "binarnet"], 2, ["did you mean 'binarynet'", "config/models"]),
        (["memory", "--model", "mlp", "--method", "leen"], 2, ["unknown preset 'leen'", "lean"]),
        (["memory", "--model", "mlp", "--batch-size", "0"], 2, ["--batch-size: 0"]),
        (["emulate", "--run", "none.json", "--data", "none", "--output", "OUT"], 2, ["none.json: No such file"]),
        (["export", "none.ebn", "--onnx", "OUT"], 2, ["none.ebn: cannot be read: No such file"]),
        (["plan", "none.yaml"], 2, ["none.yaml: No such file"]),
    ],
)  # fmt: skip
def test_mistakes_give_one_line_and_a_status(
    *,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
    words: list[str],
) -> None:
    monkeypatch.chdir(ROOT)
    output = tmp_path / "out.json"
    assert main([str(output) if part == "OUT" else part for part in arguments]) == status
    said = capfd.readouterr().err
    assert len(said.strip().splitlines()) == 1
    for word in words:
        assert word in said
    assert not output.exists()


def test_a_run_at_chance_level_is_called_that_in_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = {"test_accuracy": 0.11, "test_images": 400, "guessing_accuracy": 0.1}
    record = Record(
        stage="emulate",
        run_id="digits-mlp",
        parameters={},
        metrics={name: Metric(value=value, source="measured") for name, value in metrics.items()},
        provenance=provenance(""),
    )
    monkeypatch.setattr("edgebnn.study.files.read_run", lambda _: Namespace(id="digits-mlp"))
    monkeypatch.setattr("edgebnn.emulation.train.emulate", lambda *_, **__: record)
    arguments = ["--run", "a", "--data", "b", "--output", str(tmp_path / "out.json")]
    assert main(["emulate", *arguments]) == 0
    assert "warning: digits-mlp: at chance level: test accuracy 0.1100" in capsys.readouterr().out


def test_a_failure_leaves_its_reason_for_the_report(tmp_path: Path) -> None:
    output = tmp_path / "out.ebd"
    done = run("data", "mnst", "--output", str(output))
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    note = tmp_path / "out.ebd.failed"
    assert "unknown data set 'mnst'" in note.read_text()
    assert main(["data", "digits", "--output", str(output)]) == 0
    assert not note.exists()


def test_the_plan_is_listed() -> None:
    done = run("plan")
    assert done.returncode == 0
    assert "digits-mlp" in done.stdout
    assert "devices" not in done.stdout


def test_the_plan_shows_devices_that_are_asked_for(tmp_path: Path) -> None:
    device = "{devices: [v2]}"
    experiment = f"{{name: a, dataset: digits, model: mlp, methods: [lean], device: {device}}}"
    (tmp_path / "farm.yaml").write_text("devices: {v1: {kind: virtual}, v2: {kind: virtual}}")
    study = tmp_path / "study.yaml"
    study.write_text(f"study: s\nfarm: {tmp_path}/farm.yaml\nexperiments: [{experiment}]\n")
    done = run("plan", str(study))
    assert done.returncode == 0, done.stderr
    assert "devices" in done.stdout
    assert [line.split()[-2] for line in done.stdout.splitlines() if " device " in line] == ["v2"]


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("/proc/none/out.ebd", "choose a folder that you may write to"),
        ("/dev/null/out.ebd", "something else stands in that place"),
        ("x" * 300, "choose a shorter name"),
    ],
)
def test_an_output_that_cannot_be_written(
    place: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "digits", "--output", place]) == 3
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert f"{place}: cannot be written: " in said
    assert words in said


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (errno.ENOSPC, "No space left on device; make room on that disk"),
        (errno.EDQUOT, "make room on that disk"),
        (errno.EROFS, "Read-only file system; choose a folder that you may write to"),
        (errno.EIO, "the disk has faults"),
    ],
)
def test_a_disk_that_refuses_half_way(
    refused: int,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(refused, os.strerror(refused))

    monkeypatch.setattr(os, "fsync", refuse)
    monkeypatch.setattr(Path, "write_text", refuse)  # not even the reason can be left
    output = tmp_path / "out.ebd"
    assert main(["data", "digits", "--output", str(output)]) == 3
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert f"{output}: cannot be written: " in said
    assert words in said
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".lock"] == []
