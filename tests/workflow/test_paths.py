"""Paths with a space, a quote, `;`, `&` or `$` in them are paths, and the workflow says where it runs."""

from __future__ import annotations

import re
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


def test_another_working_folder_is_told_where_to_run(workflow: Workflow) -> None:
    status, output = workflow.run("--dry-run", "--directory", str(workflow.folder))
    assert status != 0
    assert f"edgebnn runs in its own folder: cd {ROOT}, without --directory" in output
    assert f"results: {workflow.folder}/results" in output
    assert "Traceback" not in output


def test_a_study_that_snakemake_cannot_read_is_one_line(workflow: Workflow) -> None:
    (workflow.folder / "study.yaml").write_bytes("study: größe\n".encode("latin-1"))
    status, output = workflow.run("--dry-run")
    assert status == 1
    said = f"edgebnn: {workflow.folder}/study.yaml: line 1: not UTF-8: found the byte 0xf6"
    assert output.splitlines()[-1].startswith(said)
    assert "Traceback" not in output
