"""The C++ trainer against the emulation: the same steps from the same seed and data."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from cases import CASES, MNIST_CASES, STEPS, Case
from state_dump import assert_same, read_dump

from edgebnn.emulation.dump import dump
from edgebnn.run_file import run_file


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("case", [*CASES, *MNIST_CASES], ids=str)
def test_steps(case: Case, threads: int, trainer: Path, data_file: Any, tmp_path: Path) -> None:
    run, data = case.run, data_file(case.data)
    (tmp_path / "run").write_text(run_file(run))
    arguments = ["--run", "run", "--data", data, "--dump", "trainer", "--steps", STEPS]
    done = subprocess.run(
        [trainer, *map(str, arguments), "--threads", str(threads)],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    dump(run, data, tmp_path / "emulation", STEPS)
    found, expected = (
        read_dump(tmp_path / name, case.widths, case.batch_size) for name in ("trainer", "emulation")
    )
    assert len(found) == STEPS
    assert_same(found, expected, case.weights_atol)
