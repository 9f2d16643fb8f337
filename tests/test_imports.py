"""Imports run one way: down the floors of this house, and in no circle within a room."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from edgebnn.code import stage_files

PACKAGE = Path(__file__).parents[1] / "src" / "edgebnn"

FLOORS = (
    ("cli", "reference"),
    ("options",),
    ("commands",),
    ("first_study", "schema"),
    ("fit",),
    ("farm",),
    ("bench", "tracking", "weights"),
    ("memory",),
    ("profile",),
    ("trainer",),
    ("baseline",),
    ("emulation",),
    ("study",),
    ("report",),
    ("energy",),
    ("data",),
    ("weights_file",),
    ("exclusive", "record", "summary"),
    ("ended", "gpu", "streams"),
    ("unexpected",),
    ("disk", "home"),
    ("markdown",),
    ("code", "epochs", "errors", "machine", "paper", "progress", "shipped", "spelling"),
    ("printable", "secrecy"),
)
"""Rooms, top to bottom (CONTRIBUTING.md): a module imports from its own room and from floors below."""

FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def test_every_room_has_its_floor() -> None:
    rooms = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert rooms - {"__init__", "__pycache__"} == set(FLOOR)


def test_imports_go_down() -> None:
    up = [
        f"{module} imports {imported}"
        for module, imports in _imports().items()
        for imported in imports
        if _room(module) != _room(imported) and FLOOR[_room(module)] >= FLOOR[_room(imported)]
    ]
    assert not up, "\n".join(["imports that do not go down (tests/test_imports.py):", *up])


def test_imports_make_no_circle() -> None:
    TopologicalSorter(_imports()).prepare()  # raises CycleError, which shows the circle


def test_the_files_of_a_stages_digest_exist() -> None:
    for stage in (
        "data",
        "memory",
        "weights",
        "emulate",
        "device",
        "baseline",
        "profile",
        "track",
        "report",
    ):
        assert all(path.exists() for path in stage_files(stage)), stage


ENTRIES = {
    "data": ("data.datasets", "data.sources", "data.digest"),
    "memory": ("memory.stage",),
    "weights": ("weights",),
    "emulate": ("emulation.train",),
    "device": ("farm.job",),
    "baseline": ("farm.baseline",),
    "profile": ("profile.stage",),
    "track": ("tracking.track",),
    "report": ("report",),
}
"""Stage -> the modules that its command calls (commands/)."""

MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts) for path in PACKAGE.rglob("*.py")
}
GROUND = {
    "code",
    "disk",
    "epochs",
    "errors",
    "exclusive",
    "home",
    "progress",
    "record",
    "printable",
    "secrecy",
    "shipped",
    "spelling",
    "weights_file",
}
"""Messages, paths, locks, and the record and the file of initial weights, which have versions of their own."""
FORMULAS = {"study.network", "study.switches"}
TO_THE_RUN = {name for name in MODULES if name.startswith("study.")} - FORMULAS
"""What makes a run: all that follows of it is in the run's id."""
TO_THE_PACK = {name for name in MODULES if name.startswith("data.")}
"""What makes or checks a packed data set: all that follows of it is in the pack."""
TO_THE_BOARD = {name for name in MODULES if name.startswith("farm.")}
"""How a board is found and reached; what its figures are made of is counted in code.py."""
NO_FIGURE = {
    "data": GROUND,
    # The trainer plans: its sources have a digest of their own (trainer_digest).
    "memory": GROUND | TO_THE_RUN | TO_THE_PACK | {"trainer.build", "trainer.native"},
    "weights": GROUND | TO_THE_RUN | TO_THE_PACK | FORMULAS,
    "emulate": GROUND | TO_THE_RUN | TO_THE_PACK,
    "device": GROUND | TO_THE_RUN | TO_THE_PACK | TO_THE_BOARD | FORMULAS | {"trainer.build"},
    "baseline": GROUND
    | TO_THE_RUN
    | TO_THE_PACK
    | TO_THE_BOARD
    | FORMULAS
    | {"trainer.build", "trainer.run_file"},
    "profile": GROUND
    | TO_THE_RUN
    | TO_THE_PACK
    | FORMULAS
    | {"machine", "paper", "report.groups", "trainer.build", "trainer.native"},
    "track": GROUND | TO_THE_PACK | {"markdown", "paper", "report.number", "study.network"},
    "report": GROUND | {"markdown", "machine"},  # its tables in documents, and what a MiB is
}
"""Stage -> what it imports and what changes none of its figures: such a change repeats no work."""


@pytest.mark.parametrize("stage", ENTRIES)
def test_a_stages_digest_is_of_all_that_changes_a_figure(stage: str) -> None:
    imports = _imports()
    seen, todo = set(), [f"edgebnn.{name}" for name in ENTRIES[stage]]
    while todo:
        module = todo.pop()
        if module not in seen:
            seen.add(module)
            todo += imports.get(module, ())
    counted = {
        f"edgebnn.{'.'.join(path.relative_to(PACKAGE).with_suffix('').parts)}"
        for path in stage_files(stage)
    }
    left_out = {
        name.removeprefix("edgebnn.")
        for name in seen
        if not any(name == place or name.startswith(f"{place}.") for place in counted)
    }
    assert left_out - NO_FIGURE[stage] == set(), "neither in code.py nor in NO_FIGURE"


def _room(module: str) -> str:
    return module.split(".")[1]


def _imports() -> dict[str, set[str]]:
    """Module -> the modules of this package that it imports, wherever in the file."""
    modules = {_name(path): path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE}
    modules |= {_name(path): path for path in PACKAGE.glob("*.py") if path.stem != "__init__"}
    return {name: _imported(path, modules) - {name} for name, path in modules.items()}


def _name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(path: Path, modules: dict[str, Path]) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            within = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in modules else node.module for name in within]
        found |= {name for name in names if name in modules}
    return found
