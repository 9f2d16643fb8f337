"""A training that begins from given weights, some of which stay: what is refused, and what it needs."""

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebnn.weights_file import InitialWeights, Norm, checksum_of, read_weights, write_weights

SIZES = [(60, 33), (33, 65), (65, 4)]
"""Of the job's layers 2, 5 and 8."""


def weights(sizes: list[tuple[int, int]], seed: int = 4) -> InitialWeights:
    rng = np.random.default_rng(seed)

    def normal(*shape: int, scale: float = 1) -> Any:
        return rng.normal(0, scale, shape).astype(np.float32)

    return InitialWeights(
        tuple(normal(fan_in, units, scale=fan_in**-0.5) for fan_in, units in sizes),
        tuple(
            Norm(normal(units, scale=0.1), normal(units), abs(normal(units)) + 1)
            for _, units in sizes
        ),
    )


@pytest.fixture
def begun(job: Any) -> Any:
    """Options of a job that begins from a file of such sizes and freezes such layers."""

    def options(freeze: str = "", sizes: Any = SIZES) -> tuple[object, ...]:
        path = job.folder / "begun.ebw"
        write_weights(path, weights(sizes))
        job.keys |= {"init": checksum_of(path)} | ({"freeze": freeze} if freeze else {})
        return "--init", path

    return options


def said(job: Any, *options: object) -> str:
    done = job.train(*options)
    assert done.returncode == 2, done.stdout
    assert done.stderr.count("\n") == 1
    return str(done.stderr)


def test_the_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    expected = weights(SIZES)
    write_weights(tmp_path / "a.ebw", expected)
    found = read_weights(tmp_path / "a.ebw")
    for ours, theirs in zip(found.layers, expected.layers, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for norm, other in zip(found.norms, expected.norms, strict=True):
        for row in ("beta", "mu", "psi"):
            np.testing.assert_array_equal(getattr(norm, row), getattr(other, row))


def test_frozen_layers_stay(job: Any, begun: Any) -> None:
    """At every step, in the dump; the network that is exported has their signs, and others move."""
    options = begun("2 8")
    job.record(*options, "--dump", job.folder / "dump", "--steps", 3)
    content = (job.folder / "dump").read_bytes()
    signs, numbers = 50 * (33 + 65), [a * b for a, b in SIZES]
    step = 8 + signs + 4 * (sum(numbers) + 33 + 65 + 4)
    assert len(content) == 12 + 3 * step
    given = weights(SIZES)
    for at in range(12, len(content), step):
        values = np.frombuffer(content, "<f4", sum(numbers) + 102, at + 8 + signs)
        first, second, last = np.split(values[: sum(numbers)], np.cumsum(numbers[:2]))
        np.testing.assert_array_equal(first, np.where(given.layers[0].ravel() >= 0, 1, -1))
        np.testing.assert_array_equal(last, np.where(given.layers[2].ravel() >= 0, 1, -1))
        assert (second != given.layers[1].ravel()).mean() > 0.9
        betas = values[sum(numbers) :]
        np.testing.assert_array_equal(betas[:33], given.norms[0].beta)
        assert (betas[33:98] != given.norms[1].beta).all()
        np.testing.assert_array_equal(betas[98:], given.norms[2].beta)


@pytest.mark.parametrize("network", ["mlp", "conv"])
@pytest.mark.parametrize("preset", ["standard", "proposed", "lean"])
def test_the_plan_gets_smaller(job: Any, network: str, preset: str) -> None:
    job.preset, job.network = preset, network
    lowest = {"mlp": "2", "conv": "1"}[network]
    second = {"mlp": "5", "conv": "5"}[network]

    def planned(freeze: str) -> Any:
        job.keys = {"freeze": freeze} if freeze else {}
        return json.loads(job.train("--plan", "--json").stdout)

    def buffers(plan: Any) -> dict[str, int]:
        return {buffer["name"]: buffer["bytes"] for buffer in plan["buffers"]}

    plans = [planned(freeze) for freeze in ("", second, lowest, f"{lowest} {second}")]
    whole, _, first, both = plans
    sizes = [plan["arena_bytes"] for plan in plans]
    assert sizes[0] > sizes[1] > sizes[3], sizes
    assert sizes[0] > sizes[2] > sizes[3], sizes
    gone = set(buffers(whole)) - set(buffers(first))
    layer = f"layer {lowest} ({network.replace('mlp', 'dense')})"
    assert {f"{layer}: m", f"{layer}: m of beta", f"{layer}: dW of a tile"} <= gone
    assert f"{layer}: |X| <= 1" in gone  # nothing below it is trained
    bits, full = buffers(both)[f"{layer}: W"], buffers(whole)[f"{layer}: W"]
    assert bits * {"standard": 16, "proposed": 8, "lean": 4}[preset] < full


def test_a_last_layer_of_other_classes_begins_anew(job: Any, begun: Any) -> None:
    options = begun("2 5", [*SIZES[:2], (65, 7)])
    assert job.record(*options)["metrics"]["test_accuracy"] > 0.5
    job.keys["freeze"] = "2 8"
    assert "freeze: found 8, the last layer, which has other units" in said(job, *options)


def test_it_goes_on_from_a_checkpoint(saved: Any, begun: Any) -> None:
    """As any other; and not from that of a training which began elsewhere."""
    options = begun("2")
    whole = saved.train(*options)
    saved.remove()
    saved.train(*options, "--steps", 11)
    assert saved.resume(*options).record == whole.record
    text = saved.job.keys["init"]
    path = saved.job.folder / "other.ebw"
    write_weights(path, weights(SIZES, seed=5))
    saved.job.keys["init"] = checksum_of(path)
    refused = saved.resume("--init", path, status=2).said
    assert f"it has 'init {text}' where" in refused


@pytest.mark.parametrize(
    ("freeze", "expected"),
    [
        ("3", "freeze: found 3, which is no layer with weights"),
        ("2 99", "freeze: found 99, which is no layer with weights"),
        ("2 5 8", "freeze: found all layers with weights; nothing is trained"),
        ("two", "freeze: found 'two', allowed is a number from 1"),
        (" ", "freeze: found '', allowed are numbers of layers"),
    ],
)
def test_what_cannot_be_frozen(job: Any, begun: Any, freeze: str, expected: str) -> None:
    assert expected in said(job, *begun(freeze))


def test_init_and_its_file_go_together(job: Any, begun: Any) -> None:
    options = begun()
    assert "--init: missing; " in said(job)
    init = job.keys.pop("init")
    assert "has no line 'init'" in said(job, *options)
    job.keys["freeze"] = "2"
    assert "freeze: goes with 'init'" in said(job)
    job.keys = {"init": init.upper() + "0"}
    assert "are eight digits of 0-9 and a-f" in said(job, *options)
    job.keys = {"init": "00000000"}
    assert f"its checksum is {init}; " in said(job, *options)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        (SIZES[:2], "2 layers with weights and 2 batch norms"),
        ([(61, 33), *SIZES[1:]], "layer 2 (dense): found 33 units of 61 inputs"),
        ([*SIZES[:2], (66, 4)], "layer 8 (dense): found 4 units of 66 inputs"),
    ],
)
def test_weights_of_another_network(job: Any, begun: Any, sizes: Any, expected: str) -> None:
    message = said(job, *begun(sizes=sizes))
    assert "begun.ebw" in message
    assert expected in message


def test_a_damaged_file(job: Any, begun: Any) -> None:
    """Cut anywhere, or with any of its bytes changed: refused by both engines' readers, by name."""
    from edgebnn.errors import ConfigError

    options = begun()
    path = Path(str(options[1]))
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    contents = [whole[:cut] for cut in (0, 7, 23, 40, 59, len(whole) // 2, len(whole) - 1)]
    contents += [whole + b"\0"]
    for at in (0, 9, 13, 17, 25, 45, *rng.integers(60, len(whole), 5)):
        contents.append(whole[:at] + bytes([whole[at] ^ 64]) + whole[at + 1 :])
    for content in contents:
        path.write_bytes(content)
        assert "begun.ebw: " in said(job, *options)
        with pytest.raises(ConfigError, match=r"begun\.ebw: "):
            read_weights(path)
    promised = whole[:24] + struct.pack("<I", 1 << 31) + whole[28:-4]
    path.write_bytes(promised + struct.pack("<I", zlib.crc32(promised)))
    assert "found 33 units of 2147483648 inputs" in said(job, *options)
    path.unlink()
    assert "begun.ebw: cannot be read: No such file" in said(job, *options)
