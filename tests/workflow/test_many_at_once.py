"""Emulations that run at once share a machine: a GPU each, and no more of them than its memory holds."""

from __future__ import annotations

import itertools
import re
from datetime import datetime

import pytest

from edgebnn.record import read_record

from .conftest import STUDY, Workflow

TOGETHER = 2
MEMORY_MIB = 3000
"""Room for two emulations of the digits (1,308 MiB each), and not for three."""


@pytest.mark.slow
def test_jobs_at_once(workflow: Workflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEBNN_GPUS", "5,7,9")
    monkeypatch.setenv("EDGEBNN_CACHE", str(workflow.folder / "cache"))
    experiment = {**STUDY["experiments"][0], "seeds": [0, 1]}
    del experiment["device"]
    workflow.configure(experiments=[experiment], memory=[])
    workflow.run("--cores", "8", "--resources", f"mem_mb={MEMORY_MIB}")
    jobs = []
    for path in (workflow.results / "emulate").glob("*.json"):
        begun = datetime.fromisoformat(read_record(path).provenance.started).timestamp()
        log = workflow.results / "logs" / "emulate" / f"{path.stem}.log"
        (gpu,) = re.findall(r"on GPU (\S+)", log.read_text())
        # begun: to the second; ended: by the last line of the log, as Snakemake touches outputs.
        jobs.append((begun + 1, log.stat().st_mtime, gpu))
    assert len(jobs) == 4
    at_once = [sum(begun <= moment < end for begun, end, _ in jobs) for moment, _, _ in jobs]
    assert max(at_once) == TOGETHER
    for (begun, end, gpu), (other_begun, other_end, other) in itertools.combinations(jobs, 2):
        assert gpu != other or begun >= other_end or other_begun >= end
