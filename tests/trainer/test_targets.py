"""What SCons builds: the unit tests, the boards' targets, and what it refuses."""

import json
import os
import platform
import re
import shutil
import struct
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
BATCH, STEPS = 50, 10
EMULATORS = {
    "aarch64-linux": ("qemu-aarch64",),
    "armv7-linux": ("qemu-arm",),
    "armv6-linux": ("qemu-arm", "-cpu", "arm1176"),
}
VECTORS = ("aarch64-linux", "armv7-linux")
COMPARED = [
    *(
        (target, *case)
        for target in VECTORS
        for case in [
            ("standard", "exact"),
            ("standard", None),
            ("proposed", "exact"),
            ("lean", None),
        ]
    ),
    ("armv6-linux", "proposed", "scalar"),
    ("armv6-linux", "lean", None),
]
LAYERS = {
    "mlp": [(60, 33, 1), (33, 65, 1), (65, 4, 0)],
    "conv": [(18, 9, 3 * 2), (81, 17, 3 * 2), (17, 4, 0)],
    "stride": [(18, 9, 3 * 3), (81, 17, 2 * 2), (68, 4, 0)],
}
"""(fan_in, units, positions of the sign) of the job's networks."""


def scons(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "SCons", "-Q", "-C", "rpi", *arguments],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )


def test_unknown_target_names_the_allowed_ones() -> None:
    done = scons("TARGET=riscv")
    assert done.returncode == 2
    assert (
        "TARGET: found 'riscv', allowed are native, aarch64-linux, armv7-linux, armv6-linux"
        in done.stderr
    )


def test_unknown_argument() -> None:
    done = scons("TARGTE=native")
    assert done.returncode == 2
    assert "TARGTE: unknown argument" in done.stderr


@pytest.mark.parametrize("name", ["a b", 'it\'s; a & $HOME "b" (c), 50%'])
def test_a_clone_and_an_environment_anywhere(name: str, tmp_path: Path) -> None:
    clone = tmp_path / name
    files = ["SConstruct", *(f"{folder}/SConscript" for folder in ("src", "tests", "bench"))]
    for file in [*files, "src/threads.cc", "src/threads.h"]:
        (clone / "rpi" / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "rpi" / file, clone / "rpi" / file)
    venv.create(clone / "an environment", symlinks=True)
    python = clone / "an environment" / "bin" / "python"
    cache = os.environ.get("ZIG_GLOBAL_CACHE_DIR", f"{sys.prefix}/share/zig")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    environment |= {"ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": str(clone / "made")}
    made = []
    for build, options in (("build", []), ("another", [f"BUILD={clone / 'another'}"])):
        asked = [*options, f"../{build}/native/obj/threads.o"]
        done = subprocess.run(
            [python, "-m", "SCons", "-Q", "-C", "rpi", *asked],
            cwd=clone,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert (clone / build / "native" / "obj" / "threads.o").exists()
        made.append({path.parent.name for path in (clone / "made").glob("o/*/threads.o")})
    assert made[0] and made[0] == made[1]  # compiled once for both folders
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_unit_tests(programs: Path) -> None:
    done = scons("test")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"[1-9]\d* passed, 0 failed", done.stdout.splitlines()[-1])


def installed(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


def emulator(target: str) -> tuple[str, ...]:
    """The words that run a target's programs here."""
    program, *words = EMULATORS[target]
    return (installed(program), *words)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="a native build is for this machine")
def test_a_native_build_runs_on_any_such_machine(job: Any) -> None:
    """On a processor of 2008, with nothing of AVX; the same losses."""
    ours = job.record("--steps", 2)
    job.runner = (installed("qemu-x86_64"), "-cpu", "Nehalem")
    theirs = job.record("--steps", 2)
    assert theirs["versions"]["kernels"] == "scalar"
    assert theirs["series"]["loss"][0] == pytest.approx(ours["series"]["loss"][0], rel=1e-5)


@pytest.mark.slow
def test_benches_build(programs: Path) -> None:
    done = scons("../build/native/bench/kernels", "../build/native/bench/passes")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("target", VECTORS)
def test_kernels_of_boards(target: str) -> None:
    """Each variant of each kernel makes of awkward sizes what the definition makes of them."""
    qemu = emulator(target)
    program = f"../build/{target}/tests/unit-tests"
    done = scons(f"TARGET={target}", program)
    assert done.returncode == 0, done.stderr
    command = [*qemu, str(ROOT / "rpi" / program), "kernels:", "variant"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"[1-9]\d* passed, 0 failed", done.stdout.splitlines()[-1])


def read_dump(path: Path, network: str) -> list[tuple[float, Any, Any]]:
    """(loss, sign bits, weights and betas) of each step."""
    content = path.read_bytes()
    assert content[:12] == b"EDGEBNNS" + struct.pack("<I", 1)
    layers = LAYERS[network]
    signs = BATCH * sum(positions * units for _, units, positions in layers)
    state = sum(fan_in * units + units for fan_in, units, _ in layers)
    assert (len(content) - 12) % (8 + signs + 4 * state) == 0
    steps = []
    for at in range(12, len(content), 8 + signs + 4 * state):
        (loss,) = struct.unpack_from("<d", content, at)
        bits = np.frombuffer(content, "u1", signs, at + 8)
        steps.append((loss, bits, np.frombuffer(content, "<f4", state, at + 8 + signs)))
    return steps


@pytest.mark.slow
@pytest.mark.parametrize("network", LAYERS)
@pytest.mark.parametrize(("target", "preset", "kernels"), COMPARED)
def test_boards_agree_with_the_host(
    *,
    job: Any,
    built: Any,
    target: str,
    preset: str,
    kernels: str | None,
    network: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ten steps, all bits equal where sums are: by the same kernels, or of integers.

    Else losses to 1e-5 and every sign bit: where vector kernels round each in its order, Adam may make
    much of a gradient of nearly 0.
    """
    if kernels:
        monkeypatch.setenv("EDGEBNN_KERNEL", kernels)
    programs = built(target)
    qemu = emulator(target)
    job.preset, job.network = preset, network
    dumps = []
    for program, runner in ((job.program, ()), (programs / "edgebnn-train", qemu)):
        job.program, job.runner = program, runner
        path = job.folder / f"dump-{len(dumps)}"
        job.record("--steps", STEPS, "--dump", path)
        dumps.append(read_dump(path, network))
    assert len(dumps[0]) == len(dumps[1]) == STEPS
    for host, board in zip(*dumps, strict=True):
        assert board[0] == pytest.approx(host[0], rel=1e-5)
        assert (board[1] == host[1]).all()
        if kernels or preset == "lean":
            assert board[0] == host[0]
            np.testing.assert_array_equal(board[2], host[2])
    assert len({loss for loss, _, _ in dumps[0]}) == STEPS


@pytest.mark.slow
@pytest.mark.parametrize("network", LAYERS)
@pytest.mark.parametrize("target", EMULATORS)
def test_boards_predict_as_the_host(job: Any, built: Any, target: str, network: str) -> None:
    """One network file, the same label for every image."""
    programs = built(target)
    qemu = emulator(target)
    job.network, job.keys = network, {"epochs": 1}
    trained = job.folder / "network.ebn"
    record = job.record("--export", trained)
    found = []
    for command in ([job.program], [*qemu, programs / "edgebnn-train"]):
        labels = job.folder / f"labels-{len(found)}"
        options = ["--predict", trained, "--data", job.data, "--output", labels]
        done = subprocess.run(
            [*map(str, [*command, *options])], check=True, capture_output=True, text=True
        )
        accuracy = json.loads(done.stdout)["accuracy"]
        assert accuracy == record["metrics"]["test_accuracy"]
        found.append(labels.read_text())
    assert found[0] == found[1]


@pytest.mark.slow
@pytest.mark.parametrize("target", EMULATORS)
def test_measure_runs_on_boards(built: Any, target: str, tmp_path: Path) -> None:
    program = built(target) / "edgebnn-measure"
    qemu = emulator(target)
    command = [*qemu, str(program), "--output", str(tmp_path / "m"), "--", "sh", "-c", "exit 3"]
    assert subprocess.run(command, check=False).returncode == 3
    assert json.loads((tmp_path / "m").read_text())["exit_status"] == 3
