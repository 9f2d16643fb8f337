"""The trainer watched while it works: no access outside its memory, nothing undefined, no race.

docs/sanitizers.md says how to run more than this.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebnn.data.datasets import Packed, Split, write_packed
from edgebnn.study.config import parse_study
from edgebnn.study.plan import make_plan
from edgebnn.trainer.run_file import run_file

ROOT = Path(__file__).parents[2]
CLANG = "clang++-19"
MODELS = {"mlp": "mnist", "cnv": "cifar10", "binarynet": "cifar10"}
KERNELS = ["amx", "avx512", "avx2", "scalar"]
BATCH, STEPS = 2, 20
# A step of BinaryNet takes the scalar kernels a minute.
STEPS_OF = {
    **{("mlp", kernels): STEPS for kernels in KERNELS},
    **{("cnv", kernels): STEPS for kernels in KERNELS},
    **{("cnv", "scalar"): 2},
    **{("binarynet", "amx"): STEPS, ("binarynet", "avx512"): 2, ("binarynet", "avx2"): 2},
}
OPTIONS = {"UBSAN_OPTIONS": "print_stacktrace=1", "TSAN_OPTIONS": "halt_on_error=1"}


def scons(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "SCons", "-Q", "-C", "rpi", *arguments]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["SANITIZE=memory"], "SANITIZE: found 'memory', allowed are address, thread, memcheck"),
        (["SANITIZE=thread", "TARGET=armv7-linux"], "TARGET=armv7-linux does not"),
        (["SANITIZE=thread", "CXX=no-compiler"], "'no-compiler' is not on the PATH"),
    ],
)
def test_refused(arguments: list[str], said: str) -> None:
    done = scons(*arguments)
    assert done.returncode == 2
    assert said in done.stderr


@pytest.fixture(scope="session")
def watched(once: Callable[[str, Callable[[Path], Any]], Path]) -> Callable[[str], Path]:
    """`watched(sanitizer)`: the folder with that build's programs and tests, made once a run."""

    def folder(sanitizer: str) -> Path:
        if shutil.which(CLANG) is None:
            pytest.skip(f"{CLANG} is not installed")

        def build(stamp: Path) -> None:
            of = f"../build/{sanitizer}"
            wanted = [f"{of}/edgebnn-train"]
            wanted += [f"{of}/tests/unit-tests"] if sanitizer == "address" else []
            done = scons(f"SANITIZE={sanitizer}", *wanted)
            assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
            stamp.touch()

        once(f"watched-{sanitizer}", build)
        return ROOT / "build" / sanitizer

    return folder


def run(command: list[str], kernels: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **OPTIONS, **({"EDGEBNN_KERNEL": kernels} if kernels else {})}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if kernels and f"EDGEBNN_KERNEL: found '{kernels}'" in done.stderr:
        pytest.skip(f"{kernels} does not run here")
    return done


# Minutes each: convolutions of many rows, the pool's rounds. Predictions are made below.
LONG = ("predictions are", "more rows than", "each part runs once")


@pytest.mark.slow
def test_unit_tests(watched: Callable[[str], Path]) -> None:
    program = watched("address") / "tests" / "unit-tests"
    done = run([str(program), *(f"-{part}" for part in LONG)])
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"[1-9]\d* passed, 0 failed", done.stdout.splitlines()[-1])


def model_job(job: Any, model: str, steps: int) -> Any:
    """A job on noise: an epoch of BATCH images a step, of the shape that the model takes."""
    experiment = {
        "name": "a",
        "dataset": MODELS[model],
        "model": model,
        "methods": ["proposed"],
        "augmentation": {"shift": 0.1, "flip": True},
        "device": {"batch_size": BATCH, "epochs": 1},
    }
    study = {"study": "s", "models": str(ROOT / "config/models"), "experiments": [experiment]}
    (planned,) = make_plan(parse_study(study, "test"), {"virtual": ["v1"]}).runs["device"].values()
    rng = np.random.default_rng(5)

    def split(count: int) -> Split:
        images = rng.integers(0, 256, (count, *planned.network.input))
        return Split(images.astype(np.uint8), rng.integers(0, 10, count).astype(np.uint8))

    job.data = job.folder / "noise.ebd"
    write_packed(job.data, Packed(10, split(BATCH * steps), split(1), split(1)))
    job.text = lambda: run_file(planned)
    return job


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sanitizer", "model", "kernels", "threads"),
    [
        *(("address", model, kernels, 2) for model, kernels in STEPS_OF),
        *(("thread", model, "", threads) for model in ("mlp", "cnv") for threads in (2, 3)),
    ],
)
def test_models(
    *,
    job: Any,
    watched: Callable[[str], Path],
    sanitizer: str,
    model: str,
    kernels: str,
    threads: int,
) -> None:
    job.program = watched(sanitizer) / "edgebnn-train"
    steps = STEPS_OF.get((model, kernels), STEPS)
    job = model_job(job, model, steps)
    command = job.command("--threads", threads, "--checkpoint", job.folder / "state")
    done = run(command, kernels)
    assert done.returncode == 0, done.stderr
    assert f'"steps":{steps}' in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "preset"),
    [("mlp", "proposed"), ("conv", "proposed"), ("conv", "standard"), ("stride", "lean")],
)
@pytest.mark.parametrize(
    ("sanitizer", "kernels"), [*(("address", kernels) for kernels in KERNELS), ("thread", "")]
)
def test_kernels(
    *,
    job: Any,
    watched: Callable[[str], Path],
    sanitizer: str,
    kernels: str,
    network: str,
    preset: str,
) -> None:
    """Training, export and prediction, by every variant."""
    job.program = watched(sanitizer) / "edgebnn-train"
    job.network, job.preset, job.keys = network, preset, {"batch_size": 5}
    trained = job.folder / "network"
    done = run(job.command("--threads", 2, "--steps", STEPS, "--export", trained), kernels)
    assert done.returncode == 0, done.stderr
    predict = ["--predict", trained, "--data", job.data, "--threads", 2]
    done = run([str(job.program), *map(str, predict)], kernels)
    assert done.returncode == 0, done.stderr
