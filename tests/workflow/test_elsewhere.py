"""The workflow on the study of another folder: as a module of that folder's Snakefile, and by --directory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgebnn.record import read_record

from .conftest import ROOT

MODULE = f"""
configfile: "config/config.yaml"

module edgebnn:
    snakefile: "{ROOT}/Snakefile"
    config: config

use rule * from edgebnn as edgebnn_*

rule all:
    default_target: True
    input: rules.edgebnn_all.input
    output: "seen.txt"
    shell: "echo {{input}} > {{output}}"
"""


def snakemake(folder: Path, *arguments: str, cores: bool = True) -> str:
    environment = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *["--cores", "2"][: 2 * cores], *arguments],
        cwd=folder,
        env=environment,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.slow
def test_a_study_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / "a study"
    shutil.copytree(ROOT / ".test" / "config", folder / "config")
    (folder / "Snakefile").write_text(MODULE)
    snakemake(folder)
    assert (folder / "seen.txt").read_text().split()[0] == "results/report/index.html"
    assert (folder / "build" / "native" / "edgebnn-train").exists()
    for stage, runs in (("memory", 4), ("emulate", 1), ("device", 1)):
        records = [read_record(path) for path in (folder / "results" / stage).glob("*.json")]
        assert [record.stage for record in records] == [stage] * runs
    again = snakemake(ROOT, "all", "--directory", str(folder))
    assert "Nothing to be done" in again
