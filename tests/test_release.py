"""What a release says of itself."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import yaml

from edgebnn.cli import main
from edgebnn.paper import CITATION

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_version_stands_in_the_changelog(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"edgebnn {PROJECT['version']}\n"
    assert f"\n## {PROJECT['version']}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_licence_is_the_same_everywhere() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert cited["license"] == PROJECT["license"] == "Apache-2.0"
    assert (
        "Apache License\n                           Version 2.0" in (ROOT / "LICENSE").read_text()
    )


def test_the_papers_are_cited() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())["references"]
    assert all(paper["doi"] in CITATION for paper in cited)
    assert [len(paper["authors"]) for paper in cited] == [9, 9]
