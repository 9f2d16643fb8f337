"""profiles/slurm against a real Slurm: emulations go through sbatch, the farm's jobs stay here. profiles/kubernetes, dry."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from edgebnn.machine import memory_mib
from edgebnn.record import read_record

from .conftest import ROOT
from .slurm import missing, slurm
from .test_elsewhere import snakemake

SBATCH = """#!/bin/sh
echo "$@" >> {seen}
exec {sbatch} "$@"
"""


@pytest.mark.slow
@pytest.mark.skipif(bool(missing()), reason=missing())
def test_a_study_on_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, bin_folder, seen = tmp_path / "study", tmp_path / "bin", tmp_path / "seen"
    shutil.copytree(ROOT / ".test" / "config", folder / "config")
    shutil.copytree(ROOT / "profiles", folder / "profiles")
    bin_folder.mkdir()
    (bin_folder / "sbatch").write_text(SBATCH.format(seen=seen, sbatch=shutil.which("sbatch")))
    (bin_folder / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_folder}{os.pathsep}{os.environ['PATH']}")
    profile = ["--workflow-profile", str(folder / "profiles" / "slurm"), "--directory", str(folder)]
    (tmp_path / "slurm").mkdir()
    with slurm(tmp_path / "slurm", cores=2, memory_mib=memory_mib()):
        snakemake(ROOT, "all", *profile, "--latency-wait", "10",
                  "--slurm-init-seconds-before-status-checks", "3", cores=False)  # fmt: skip
        again = snakemake(ROOT, "all", *profile, cores=False)
    assert "Nothing to be done" in again
    submitted = seen.read_text().splitlines()
    assert len(submitted) == 1
    assert "emulate_training" in submitted[0] and "--cpus-per-task=2" in submitted[0]
    for stage, runs in (("memory", 4), ("emulate", 1), ("device", 1)):
        records = [read_record(path) for path in (folder / "results" / stage).glob("*.json")]
        assert [record.stage for record in records] == [stage] * runs


@pytest.mark.slow
def test_kubernetes_as_far_as_a_dry_run(tmp_path: Path) -> None:
    shutil.copytree(ROOT / ".test" / "config", tmp_path / "config")
    profile = ["--workflow-profile", str(ROOT / "profiles" / "kubernetes")]
    said = snakemake(ROOT, "all", "--dry-run", *profile, "--directory", str(tmp_path), cores=False)
    assert "emulate_training" in said and "train_on_device" in said
