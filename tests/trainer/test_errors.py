"""Bad input ends in one clear line, a non-zero status, and no output file."""

import json
import math
import os
import resource
import signal
import struct
import subprocess
import zlib
from pathlib import Path
from typing import Any

import pytest

from edgebnn.data.datasets import Packed, Split, read_packed, write_packed


def refused(job: Any, *options: object, status: int = 2, environment: Any = None) -> str:
    """The one line that is said."""
    done = job.train("--output", job.output, *options, environment=environment)
    assert done.returncode == status, done.stderr
    assert done.stderr.startswith("edgebnn-train: ")
    assert done.stderr.count("\n") == 1
    left = sorted(path.name for path in job.folder.iterdir() if path.suffix != ".ebd")
    assert left == ["a.run"]
    return str(done.stderr)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"colour": "red"}, "unknown key 'colour'"),
        ({"weight_dtype": "f8"}, "weight_dtype: found 'f8', allowed are bool, f16, f32, i8, q15"),
        ({"optimizer": "adagrad"}, "optimizer: found 'adagrad', allowed are adam, sgd, bop"),
        ({"batch_norm": "l2"}, "batch_norm: all but bnn need real activations"),
        ({"batch_size": 401}, "batch_size: 401 is more than the 400 training images"),
        ({"input": "8 8 1"}, "input: 8x8x1, but"),
        ({"seed": ""}, "seed: found ''"),
        ({"learning_rate": "fast"}, "learning_rate: found 'fast'"),
        ({"gradient_dtype": "i7"}, "gradient_dtype: found 'i7', allowed are f16, f32, i16, i6, i8"),
        ({"optimizer": "bop"}, "gamma: missing"),
        ({"tau": 0.1}, "tau: only optimizer bop has it"),
        (
            {"weight_dtype": "bool"},
            "weight_dtype: bool keeps no weight that optimizer adam could move; allowed is bop",
        ),
        ({"momentum_dtype": "i4", "weight_gradient": "f32"}, "momentum_dtype: i8 and i4 hold"),
    ],
    ids=str,
)
def test_run_file(job: Any, keys: dict[str, Any], said: str) -> None:
    job.keys = keys
    message = refused(job)
    assert said in message
    assert "a.run" in message


@pytest.mark.parametrize(
    ("layer", "said"),
    [("residual", "layer 2 (residual): not yet"), ("dense 7", "the last has 7 outputs"),
     ("global_avg_pool", "layer 2 (global_avg_pool): not yet")],
)  # fmt: skip
def test_layers(job: Any, layer: str, said: str) -> None:
    job.layers = ("flatten", layer, "batch_norm")
    assert said in refused(job)


@pytest.mark.parametrize(("split", "name"), [(1, "validation"), (2, "testing")])
def test_nothing_to_evaluate_on(job: Any, split: int, name: str) -> None:
    """No accuracy of nothing: it was 0.0."""
    whole = read_packed(job.data)
    splits = list(whole.splits())
    splits[split] = Split(splits[split].images[:0], splits[split].labels[:0])
    job.data = job.folder / "empty.ebd"
    write_packed(job.data, Packed(whole.classes, *splits))
    assert f"empty.ebd: no images for {name}" in refused(job)


def damaged(data: Path, folder: Path, change: Any) -> Path:
    content = bytearray(data.read_bytes())
    path = folder / "damaged.ebd"
    path.write_bytes(bytes(change(content)))
    return path


def header_with(offset: int, value: int) -> Any:
    """One u32 of the header changed, its checksum set right."""

    def change(content: bytearray) -> bytearray:
        struct.pack_into("<I", content, offset, value)
        struct.pack_into("<I", content, 60, zlib.crc32(content[:60]))
        return content

    return change


def flipped(offset: int) -> Any:
    def change(content: bytearray) -> bytearray:
        content[offset] ^= 1
        return content

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda content: content[:-1], "its header promises"),
        (lambda content: content + b"x", "its header promises"),
        (lambda content: content[:30], "truncated: 30 bytes"),
        (lambda content: b"", "truncated: 0 bytes"),
        (flipped(0), "does not begin with EDGEBNND"),
        (flipped(20), "header's checksum"),
        (flipped(64), "payload's checksum"),
        (header_with(40, 0), "payload's checksum"),
        (header_with(8, 2), "version 2; this trainer reads version 1"),
        (header_with(12, 0), "image shape out of range"),
    ],
)
def test_damaged_data(job: Any, change: Any, said: str) -> None:
    job.data = damaged(job.data, job.folder, change)
    message = refused(job)
    assert said in message
    assert "damaged.ebd" in message


def test_label_out_of_range(job: Any, mislabelled: Path) -> None:
    job.data = mislabelled
    message = refused(job)
    assert "label 3 of image" in message
    assert "allowed are 0 to 2" in message


def test_missing_files(job: Any, tmp_path: Path) -> None:
    job.data = tmp_path / "none.ebd"
    assert "none.ebd: cannot be read: No such file" in refused(job)
    job.data = tmp_path
    assert "cannot be read: not a file" in refused(job)


@pytest.mark.parametrize("option", ["--output", "--dump", "--stamps", "--profile"])
def test_unwritable(job: Any, option: str) -> None:
    """Said before the training, not after it."""
    job.keys = {"epochs": 1000000}
    assert "none/x: cannot be written" in refused(job, option, job.folder / "none" / "x")
    assert "it is a directory" in refused(job, option, job.folder)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--colour"], "--colour: unknown option"),
        (["--steps"], "--steps: needs a value"),
        (["--steps", "0"], "--steps: found '0'"),
        (["--steps", "3x"], "--steps: found '3x'"),
        (["--threads", "65"], "--threads: found '65', at most 64 are allowed"),
    ],
)
def test_options(job: Any, options: list[str], said: str) -> None:
    assert said in refused(job, *options)


def test_unknown_kernels(job: Any) -> None:
    environment = {**os.environ, "EDGEBNN_KERNEL": "abacus"}
    message = refused(job, environment=environment)
    assert "EDGEBNN_KERNEL: found 'abacus'" in message
    assert "scalar" in message


def test_loss_that_is_no_number(job: Any) -> None:
    """The job's own failure: status 1."""
    job.preset, job.keys = "standard", {"learning_rate": 3e38, "epochs": 100}
    message = refused(job, status=1)
    assert "the loss is no number" in message
    assert "learning_rate" in message


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_full_disk_under_standard_output(job: Any) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(job.command("--steps", 1), check=False, stdout=full,
                              stderr=subprocess.PIPE, text=True)  # fmt: skip
    assert done.returncode == 1
    assert "standard output cannot be written" in done.stderr


@pytest.mark.parametrize(
    ("option", "most"),
    [("--output", 100), ("--dump", 5000), ("--stamps", 20), ("--profile", 500)],
)
def test_full_disk(job: Any, option: str, most: int) -> None:
    """Status 1; neither the file nor its beginning is left. What was there before, stays."""
    path = job.folder / "old"
    path.write_text("as it was")

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    done = subprocess.run(job.command("--steps", 2, option, path), check=False, preexec_fn=limit,
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 1
    assert "old: cannot be written: File too large" in done.stderr
    assert done.stderr.count("\n") == 1
    assert path.read_text() == "as it was"
    assert sorted(left.name for left in job.folder.iterdir()) == ["a.run", "old"]


@pytest.mark.parametrize("network", ["mlp", "conv"])
@pytest.mark.parametrize("preset", ["standard", "proposed"])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("rate", [1e3, 1e30, 3e38])
def test_huge_learning_rate(
    job: Any, network: str, preset: str, optimizer: str, rate: float
) -> None:
    """It trains, or says that the loss is no number; no line of output holds such a number."""
    job.network, job.preset = network, preset
    job.keys = {"learning_rate": rate, "optimizer": optimizer}
    for steps in (1, 20):
        done = job.train("--steps", steps)
        assert done.returncode in (0, 1), done.stderr
        if done.returncode == 1:
            assert "is no number" in done.stderr
            assert done.stderr.count("\n") == 1
        for line in done.stdout.splitlines():
            event = json.loads(line, parse_constant=pytest.fail)
            assert all(math.isfinite(value) for value in event.get("metrics", {}).values())


def test_a_verified_file_is_not_read_for_its_checksum(job: Any) -> None:
    whole = job.data
    job.data = damaged(whole, job.folder, flipped(64))
    assert job.train("--steps", 1, "--verified").returncode == 0
    job.data = damaged(whole, job.folder, flipped(20))
    done = job.train("--steps", 1, "--verified")
    assert done.returncode == 2
    assert "header's checksum" in done.stderr
