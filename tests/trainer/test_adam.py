"""Adam under binary gradients keeps no second moment: held against literal Adam.

One weighted layer trained on the whole data set at once, so that neither the shuffle nor the
generator matters: the reference takes the initial weights from a step of no length.
"""

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgebnn.data.datasets import read_packed

Real = NDArray[np.floating[Any]]
F = np.float32
STEPS = 30


def read_dump(content: bytes, fan_in: int, units: int) -> list[tuple[float, Real, Real]]:
    """(loss, W [fan_in, units], beta [units]) of each step of a network without sign layers."""
    assert content[:12] == b"EDGEBNNS" + struct.pack("<I", 1)
    size = 8 + 4 * fan_in * units + 4 * units
    steps = []
    for at in range(12, len(content), size):
        (loss,) = struct.unpack_from("<d", content, at)
        values = np.frombuffer(content, "<f4", (size - 8) // 4, at + 8)
        steps.append((loss, values[:-units].reshape(fan_in, units), values[-units:]))
    return steps


def sign(x: Real) -> Real:
    return np.where(x >= 0, F(1), F(-1))


def loss_and_dw(w: Real, beta: Real, c: Real, labels: Any) -> tuple[float, Real]:
    """Mean loss, and dW as docs/numerics.md has it (bnn, float16 gradients)."""
    y = c.astype(np.float64) @ sign(w)
    mu = y.mean(0).astype(F)
    d = y.astype(F) - mu
    r = F(1) / np.abs(d.astype(np.float64)).mean(0).astype(F)
    x = d * r + beta
    omega = np.abs(x.astype(np.float64)).mean(0).astype(F)
    z = x.astype(np.float64)
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    rows = np.arange(len(labels))
    loss = float(-np.log(p[rows, labels]).mean())
    p[rows, labels] -= 1
    g = p.astype(F).astype(np.float16).astype(F)
    v = g * r
    m1 = v.astype(np.float64).mean(0).astype(F)
    m2 = (v.astype(np.float64) * sign(x)).mean(0).astype(F) * omega
    dy = ((v - m1) - m2 * sign(x)).astype(np.float16).astype(np.float64)
    return loss, c.astype(np.float64).T @ dy


def test_binary_adam_is_literal_adam(job: Any) -> None:
    train = read_packed(job.data).train
    c = 2 * train.images.reshape(len(train.labels), -1).astype(np.int32) - 255
    fan_in, units = c.shape[1], 4
    job.layers = ("flatten", f"dense {units}", "batch_norm")
    lr = 0.02
    # More epochs than steps; float32 storage, so that nothing is rounded but by the arithmetic.
    job.keys = {"batch_size": len(c), "epochs": STEPS, "weight_dtype": "f32",
                "momentum_dtype": "f32"}  # fmt: skip

    def dump(rate: float, steps: int) -> list[tuple[float, Real, Real]]:
        job.keys["learning_rate"] = rate
        job.record("--steps", steps, "--dump", job.folder / "dump")
        return read_dump((job.folder / "dump").read_bytes(), fan_in, units)

    [(_, before, beta)] = dump(1e-30, 1)
    assert np.abs(beta).max() < 1e-20
    w = before.astype(np.float64)
    m, v = np.zeros_like(w), np.zeros_like(w)
    moved = False
    for t, (loss, after, beta_after) in enumerate(dump(lr, STEPS), 1):
        expected_loss, dw = loss_and_dw(before, beta, c, train.labels)
        np.testing.assert_allclose(loss, expected_loss, rtol=1e-6)
        g = sign(dw) / np.sqrt(fan_in)
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g * g
        w -= lr * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        w = np.clip(w, -1, 1)
        np.testing.assert_allclose(after, w, rtol=0, atol=2e-6, err_msg=f"step {t}")
        moved = moved or bool((sign(after) != sign(before)).any())
        before, beta = after, beta_after
    assert moved  # some bit has flipped: the comparison saw the products change
