"""Paths with a space, a quote, `;`, `&` or `$` in them are paths, and the workflow says where it runs."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from .conftest import ROOT, Workflow

RULES = sorted((ROOT / "workflow" / "rules").glob("*.smk"))


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_a_command_quotes_whatever_it_is_given(path: Path) -> None:
    """The shell takes a path's `;` for an end of the command, and a space for an end of the path."""
    for block in re.findall(r"\n    shell:\n((?:        .*\n)+)", path.read_text()):
        for given in re.findall(r"\{[^}]*\}", block):
            assert given.endswith(":q}") or given == "{threads}", f"{path.name}: {given}"


@pytest.mark.parametrize("name", ["a:b", "a{b}"])
def test_make_says_at_once_which_folder_it_cannot_work_in(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    shutil.copy(ROOT / "Makefile", tmp_path / name)
    done = subprocess.run(
        ["make", "-n", "clean"], cwd=tmp_path / name, check=False, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert f"{tmp_path / name}': rename this folder" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["a b", 'it\'s 50% & $HOME; "b" #1 (c)', "größe"])
def test_make_works_in_a_folder_of_any_other_name(name: str, tmp_path: Path) -> None:
    (tmp_path / name / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", tmp_path / name)
    for file in ("requirements.lock", "pyproject.toml", ".venv/ready"):
        (tmp_path / name / file).touch()
    tool = tmp_path / name / ".venv" / "bin" / "ruff"
    tool.write_text('#!/bin/sh\necho ours "$@"\n')
    tool.chmod(0o755)
    done = subprocess.run(
        ["make", "lint"], cwd=tmp_path / name, check=False, capture_output=True, text=True
    )
    assert "ours check src tests" in done.stdout


def test_a_study_that_snakemake_cannot_read_is_one_line(workflow: Workflow) -> None:
    (workflow.folder / "study.yaml").write_bytes("study: größe\n".encode("latin-1"))
    status, output = workflow.run("--dry-run")
    assert status == 1
    said = f"edgebnn: {workflow.folder}/study.yaml: line 1: not UTF-8: found the byte 0xf6"
    assert output.splitlines()[-1].startswith(said)
    assert "Traceback" not in output
