"""What every test may rely on: one build for all workers, one thread a worker, and a mark for what is heavy."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

ROOT = Path(__file__).parents[1]
TESTS = Path(__file__).parent

# Their tests are all heavy: they load TensorFlow, run what SCons built, make MLflow stores, or run the workflow.
HEAVY_ROOMS = frozenset({"browser", "emulation", "parity", "tracking", "trainer", "workflow"})

# Workers share the cores: none may take them all.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell's background jobs ignore SIGINT and hand that down to what they start; a terminal's do not. Tests of
# Ctrl-C want a terminal's.
signal.signal(signal.SIGINT, signal.default_int_handler)


def room(path: Path) -> str:
    """The folder of tests/ that `path` is in or is; empty for tests/ itself and its files."""
    parts = path.relative_to(TESTS).parts if path.is_relative_to(TESTS) else ()
    return parts[0] if parts and (TESTS / parts[0]).is_dir() else ""


def wants_light_only(config: pytest.Config) -> bool:
    return "not heavy" in config.getoption("markexpr")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """`-m "not heavy"` does not even import the heavy rooms: that alone takes seconds."""
    return True if wants_light_only(config) and room(collection_path) in HEAVY_ROOMS else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks what is heavy, wherever it stands, and puts the tests in the order that keeps workers busy.

    Each of three workers begins with a third of the list: the first builds the trainer, the others run what
    does not need it, whole studies first. The smallest tests come last, so that all end together.
    """
    needing: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        needs_build = "built" in getattr(item, "fixturenames", ())
        if needs_build or room(item.path) in HEAVY_ROOMS:
            item.add_marker("heavy")
        (needing if needs_build else others).append(item)
    needing.sort(key=lambda item: ("unit_tests" not in item.name, room(item.path) != "trainer"))
    others.sort(key=lambda item: room(item.path) != "workflow")
    third = len(items) // 3
    items[:] = [*needing[:third], *others, *needing[third:]]


def pytest_collection_finish(session: pytest.Session) -> None:
    if wants_light_only(session.config) and "tensorflow" in sys.modules:
        raise pytest.UsageError(
            "a test file outside the heavy rooms (tests/conftest.py) imports TensorFlow"
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """A test that loads TensorFlow and is not marked heavy stands in the wrong room."""
    before = "tensorflow" in sys.modules
    yield
    if "tensorflow" in sys.modules and not before and not item.get_closest_marker("heavy"):
        pytest.fail("it loads TensorFlow: mark it heavy, or move it (HEAVY_ROOMS)", pytrace=False)


@pytest.fixture(scope="session")
def first_states() -> dict[str, Any]:
    """By module: where its generator RNG stood before the first test."""
    return {}


@pytest.fixture(autouse=True)
def same_numbers(request: pytest.FixtureRequest, first_states: dict[str, Any]) -> None:
    """A test draws the same numbers from its module's RNG, whichever tests its worker ran before."""
    generator = getattr(request.module, "RNG", None)
    if generator is not None:
        bits = generator.bit_generator
        bits.state = first_states.setdefault(request.module.__name__, bits.state)


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all workers of this run."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def once(shared_folder: Path) -> Callable[[str, Callable[[Path], Any]], Path]:
    """`once(name, make)`: the path that `make(path)` filled, by whichever worker came first."""

    def path(name: str, make: Callable[[Path], Any]) -> Path:
        found = shared_folder / f"once-{name}"
        with FileLock(f"{found}.lock"):
            if not found.exists():
                part = found.with_suffix(".part")
                make(part)
                part.rename(found)
        return found

    return path


@pytest.fixture(scope="session")
def built(once: Callable[[str, Callable[[Path], Any]], Path]) -> Callable[[str], Path]:
    """`built(target)`: the folder with that target's programs, brought up to date once a run."""

    def folder(target: str) -> Path:
        def build(stamp: Path) -> None:
            done = subprocess.run(
                [sys.executable, "-m", "SCons", "-Q", "-C", "rpi", f"TARGET={target}"],
                cwd=ROOT,
                check=False,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, f"{target} does not build:\n{done.stdout}\n{done.stderr}"
            stamp.touch()

        once(f"built-{target}", build)
        return ROOT / "build" / target

    return folder
