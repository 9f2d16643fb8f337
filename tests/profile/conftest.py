"""A profile of the digits' MLP through the real programs, made once for all tests, and the study that it is of."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edgebnn.cli import main
from edgebnn.data.datasets import prepare, write_packed
from edgebnn.profile.arena import ArenaProfile
from edgebnn.record import Record, read_record
from edgebnn.study.config import load_study
from edgebnn.study.files import write_plan
from edgebnn.study.plan import Plan, make_plan

ROOT = Path(__file__).parents[2]
VALGRIND = shutil.which("valgrind")
STEPS = 40


@dataclass(frozen=True)
class Study:
    """The default study's runs, written down, and its packed data."""

    results: Path

    def run(self, method: str, stage: str = "device") -> Path:
        return next((self.results / "runs" / stage).glob(f"digits-mlp-{method}-*-s0-*.json"))

    @property
    def data(self) -> Path:
        return next((self.results / "data").glob("*.ebd"))


@dataclass(frozen=True)
class Profiled:
    record: Record
    folder: Path
    """With the artifacts."""

    @property
    def arena(self) -> ArenaProfile:
        return ArenaProfile.model_validate_json((self.folder / "profile.json").read_bytes())


def _planned() -> Plan:
    return make_plan(load_study(ROOT / "config" / "config.yaml"), {"virtual": ["v1"]})


@pytest.fixture(scope="session")
def study(once: Callable[[str, Callable[[Path], Any]], Path]) -> Study:
    def make(results: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(ROOT)
            plan = _planned()
            write_plan(plan, results)
            pack = next(iter(plan.runs["device"].values())).pack
            write_packed(results / "data" / f"{pack}.ebd", prepare("digits", None, results))

    return Study(once("profiled-study", make))


@pytest.fixture(scope="session")
def profiled(
    built: Callable[[str], Path], once: Callable[[str, Callable[[Path], Any]], Path], study: Study
) -> Callable[[str], Profiled]:
    """`profiled(method)`: what `edgebnn profile` finds of it."""
    built("native")

    def of(method: str) -> Profiled:
        def make(folder: Path) -> None:
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(ROOT)
                words = [str(study.run(method)), "--steps", str(STEPS)]
                assert main(["profile", *words, "--output", str(folder / "record.json")]) == 0

        folder = once(f"profiled-{method}", make)
        record = read_record(folder / "record.json")
        return Profiled(record, folder / record.run_id)

    return of
