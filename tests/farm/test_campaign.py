"""Thirty faults over eight jobs on three boards: each ends with its record, and nothing is left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebnn.study.run import Run
from tests.farm.campaign import campaign

FAULTS, JOBS, BOARDS = 30, 8, 3


@pytest.mark.slow
def test_thirty_faults_change_nothing(
    kind: str, run: Run, digits: Path, trainer: Path, tmp_path: Path
) -> None:
    long = run.model_copy(update={"epochs": 30})
    counts = (FAULTS, JOBS, BOARDS)
    with campaign(kind, tmp_path, long, digits, trainer, counts) as one:
        one.run()
        one.check()
        assert one.faults.total() >= FAULTS, one.faults
