"""Reads a state dump (docs/formats.md) and holds two of them against each other."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from reference import Step

from edgebnn.study.network import Network

HEADER = b"EDGEBNNS" + struct.pack("<I", 1)


def read_dump(path: Path, network: Network, batch_size: int) -> list[Step]:
    """The steps of a dump: signs flat, weights [fan_in, units]."""
    placed = network.placed()
    sign_sizes = [int(np.prod(a.output)) for a in placed if a.layer.kind == "sign"]
    weighted = [a for a in placed if a.weights]
    content = path.read_bytes()
    assert content[:12] == HEADER, f"{path}: not a state dump: begins with {content[:12]!r}"
    offset = 12

    def take(dtype: str, *shape: int) -> np.ndarray:
        nonlocal offset
        count = int(np.prod(shape))
        values = np.frombuffer(content, dtype, count, offset).reshape(shape)
        offset += values.nbytes
        return values

    steps = []
    while offset < len(content):
        loss = float(take("<f8", 1)[0])
        signs = [take("u1", batch_size * size) for size in sign_sizes]
        weights = [take("<f4", a.fan_in, a.output[-1]) for a in weighted]
        betas = [take("<f4", a.output[-1]) for a in weighted]
        steps.append(Step(loss, [bits.astype(bool) for bits in signs], weights, betas))
    return steps


def assert_same(found: list[Step], expected: list[Step], weights_atol: float, engines: str) -> None:
    """Sign bits all equal, losses and betas to 1e-6, weights to `weights_atol` (0: to the bit)."""
    assert len(found) == len(expected), engines
    for number, (ours, theirs) in enumerate(zip(found, expected, strict=True), 1):
        for layer, (a, b) in enumerate(zip(ours.signs, theirs.signs, strict=True)):
            wrong = np.argwhere(a != b)
            assert not len(wrong), (
                f"{engines}: step {number}, sign layer {layer}: {len(wrong)} of {a.size} bits differ, "
                f"first at {wrong[0]}"
            )
        where = f"{engines}: step {number}, layer"
        np.testing.assert_allclose(ours.loss, theirs.loss, rtol=1e-6, err_msg=where)
        for layer, (a, b) in enumerate(zip(ours.weights, theirs.weights, strict=True)):
            if np.array_equal(a, b):  # millions of them: what says where they differ is slow
                continue
            np.testing.assert_allclose(
                a, b, rtol=0, atol=weights_atol, err_msg=f"{where} {layer}: weights"
            )
        for layer, (a, b) in enumerate(zip(ours.betas, theirs.betas, strict=True)):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-6, err_msg=f"{where} {layer}: beta")
