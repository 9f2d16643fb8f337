"""The training step of docs/numerics.md once more, in plain numpy: a third, independent definition.

Written to be read beside that page. Slow, no Keras, nothing shared with the package: it knows a method
only as a mapping of switches, and a network only as a model file's list of layers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

F = NDArray[np.float32]

f32 = np.float32
G = 0x9E3779B97F4A7C15
M64 = 2**64 - 1
M32 = 2**32 - 1


# Random numbers, one at a time, in Python's integers.


def mix(z: int) -> int:
    z ^= z >> 30
    z = z * 0xBF58476D1CE4E5B9 & M64
    z ^= z >> 27
    z = z * 0x94D049BB133111EB & M64
    return z ^ z >> 31


def draw(seed: int, stream: int, i: int) -> int:
    key = mix((mix((seed + G) & M64) + stream * G) & M64)
    return mix((key + (i + 1) * G) & M64)


def mix32(z: int) -> int:
    z ^= z >> 16
    z = z * 0x7FEB352D & M32
    z ^= z >> 15
    z = z * 0x846CA68B & M32
    return z ^ z >> 16


def noise(seed: int, stream: int, t: int, size: int) -> F:
    start = mix32((draw(seed, stream, 0) >> 32) + t & M32)
    return np.array([mix32(start + j & M32) >> 16 for j in range(size)], f32) * f32(2**-16)


@cache
def permutation(seed: int, epoch: int, n: int) -> list[int]:
    h = 1
    while 4**h < n:
        h += 1

    def once(x: int) -> int:
        left, right = x >> h, x & (2**h - 1)
        for q in range(6):
            left, right = right, left ^ draw(seed, 2**32 + epoch, q * 2**32 + right) >> 64 - h
        return left << h | right

    order = []
    for position in range(n):
        x = once(position)
        while x >= n:
            x = once(x)
        order.append(x)
    return order


def augmented(
    image: NDArray[np.uint8], seed: int, epoch: int, p: int, *, shift: float = 0, flip: bool = False
) -> NDArray[np.uint8]:
    """The image at position p of an epoch: what is beyond an edge is the edge's pixel."""
    a, b, c = (draw(seed, 2**33 + epoch, 3 * p + i) for i in range(3))
    h, w, _ = image.shape
    most_y, most_x = int(shift * h), int(shift * w)
    dy = ((a >> 32) * (2 * most_y + 1) >> 32) - most_y
    dx = ((b >> 32) * (2 * most_x + 1) >> 32) - most_x
    source = np.arange(w)[::-1] if flip and c >> 63 else np.arange(w)
    rows, columns = np.clip(np.arange(h) - dy, 0, h - 1), np.clip(source - dx, 0, w - 1)
    return np.asarray(image[np.ix_(rows, columns)])


@cache
def initial_weights(seed: int, layer: int, fan_in: int, units: int) -> F:
    def uniform(i: int) -> float:
        return float((draw(seed, 1000 + layer, i) >> 11) + 1) * 2.0**-53

    u = np.array([uniform(i) for i in range(2 * fan_in * units)])
    w = np.sqrt(-2 * np.log(u[0::2])) * np.cos(2 * np.pi * u[1::2]) / np.sqrt(fan_in)
    return np.clip(w.astype(f32), f32(-1), f32(1)).reshape(fan_in, units)


# Storage.


def to_grid(x: F, scale: float, low: int, high: int, u: F | None) -> F:
    steps = x * f32(scale)
    k = np.rint(steps) if u is None else np.floor(steps + u.reshape(x.shape))
    return np.clip(k, low, high).astype(f32) * f32(1 / scale)


def store(dtype: str, x: F, grids: dict[str, tuple[float, int, int, bool]], u: Any = None) -> F:
    if dtype == "f32":
        return x
    if dtype == "f16":
        with np.errstate(over="ignore"):
            return x.astype(np.float16).astype(f32)
    scale, low, high, stochastic = grids[dtype]
    return to_grid(x, scale, low, high, u() if stochastic and u is not None else None)


WEIGHT_GRIDS = {"q15": (32768.0, -32768, 32767, False), "i8": (512.0, -128, 127, True)}
MOMENTUM_GRIDS = {
    "q15": (32768.0, -32768, 32767, False),
    "i8": (127.0, -127, 127, True),
    "i4": (7.0, -7, 7, True),
}


def smallest_exponent(top: float, largest: int) -> int:
    e = max(-126, math.frexp(top / largest)[1] - 1) if top else -126  # one too small, at the least
    while largest * 2.0**e < top:
        e += 1
    return e


def store_g(dtype: str, x: F, samples: int | None = None) -> F:
    """[rows, channels]; of `samples` samples with exponents of their own, or of all with one."""
    if dtype in ("f32", "f16"):
        return store(dtype, x, {})
    largest, spread = {"i16": (8191, None), "i8": (127, 6), "i6": (31, 8)}[dtype]
    result = np.empty_like(x)
    for part, stored in zip(np.split(x, samples or 1), np.split(result, samples or 1), strict=True):
        tops = [float(np.abs(part).max())] if spread is None else np.abs(part).max(axis=0)
        e = np.array([smallest_exponent(float(top), largest) for top in tops])
        if spread is not None and samples is None:
            e = np.maximum(e, e.max() - spread)
        stored[:] = np.rint(part.astype(np.float64) * 2.0**-e) * 2.0**e
    return result


# The network: blocks of a product, a pool, batch norm, and a sign and a pool after all but the last.
# A map is [B, positions, channels], row by row; a dense layer has one position, whose taps are all.


def sgn(x: F) -> F:
    return np.where(x >= 0, f32(1), f32(-1))


def total(x: NDArray[Any], axis: int | None = 0) -> NDArray[np.float64]:
    return np.sum(x, axis=axis, dtype=np.float64)


@dataclass(frozen=True)
class Block:
    """Where a product and its pools look: taps [positions, k·k], -1 outside the map; windows."""

    taps: NDArray[np.int64]
    fan_in: int
    units: int
    signed: bool = False
    pool_before: NDArray[np.int64] | None = None
    pool_after: NDArray[np.int64] | None = None


def blocks_of(shape: tuple[int, int, int], layers: list[Any]) -> list[Block]:
    """The blocks of a model file's `layers` on images of `shape`."""
    (h, w, c), blocks = shape, []
    for entry in layers:
        kind, argument = next(iter(entry.items())) if isinstance(entry, dict) else (entry, None)
        if kind == "dense":
            blocks.append(Block(np.arange(h * w)[None], h * w * c, argument))
            h, w, c = 1, 1, argument
        elif kind == "conv":
            conv = {"kernel": 3, "stride": 1, "padding": "same"}
            conv |= argument if isinstance(argument, dict) else {"filters": argument}
            k, s, same = conv["kernel"], conv["stride"], conv["padding"] == "same"
            sizes = [-(-n // s) if same else (n - k) // s + 1 for n in (h, w)]
            taps = conv_taps((h, w), (sizes[0], sizes[1]), k, s)
            (h, w), fan_in, c = sizes, k * k * c, conv["filters"]
            blocks.append(Block(taps, fan_in, c))
        elif kind == "max_pool":
            h, w, windows = h // 2, w // 2, pool_windows(h, w)
            changed = {"pool_after" if blocks[-1].signed else "pool_before": windows}
            blocks[-1] = replace(blocks[-1], **changed)
        elif kind == "sign":
            blocks[-1] = replace(blocks[-1], signed=True)
    return blocks


def conv_taps(size: tuple[int, int], out: tuple[int, int], k: int, s: int) -> NDArray[np.int64]:
    """Input position of every output position and tap; the smaller half of the padding before."""
    before = [max((o - 1) * s + k - n, 0) // 2 for n, o in zip(size, out, strict=True)]
    taps = []
    for y, x, ky, kx in np.ndindex(*out, k, k):
        at = y * s + ky - before[0], x * s + kx - before[1]
        inside = all(0 <= a < n for a, n in zip(at, size, strict=True))
        taps.append(at[0] * size[1] + at[1] if inside else -1)
    return np.array(taps).reshape(out[0] * out[1], k * k)


def pool_windows(h: int, w: int) -> NDArray[np.int64]:
    """The four positions of each 2x2 window, row by row; a last odd row or column is in none."""
    places = [(2 * y + a) * w + 2 * x + b for y, x, a, b in np.ndindex(h // 2, w // 2, 2, 2)]
    return np.array(places).reshape(-1, 4)


def pool(x: F, windows: NDArray[np.int64] | None) -> tuple[F, Any]:
    """The largest of each window of [B, positions, channels], and which is the first of them."""
    if windows is None:
        return x, None
    winners = x[:, windows].argmax(axis=2)
    return x[:, windows].max(axis=2), winners


def unpool(g: F, windows: NDArray[np.int64] | None, winners: Any, positions: int) -> F:
    """The gradient at the winners, 0 elsewhere."""
    if windows is None:
        return g
    spread = np.zeros((g.shape[0], positions, g.shape[2]), f32)
    for place in range(4):
        spread[:, windows[:, place]] = np.where(winners == place, g, f32(0))
    return spread


@dataclass
class Layer:
    at: Block
    W: F
    beta: F
    m: F
    beta_m: F
    v: F
    beta_v: F
    constants: tuple[F, F] | None = None
    """Of a frozen layer: mu and psi, which stay."""
    Y: F = field(default_factory=lambda: np.zeros(0, f32))
    r: F = field(default_factory=lambda: np.zeros(0, f32))
    Xn: F = field(default_factory=lambda: np.zeros(0, f32))
    Xp: F = field(default_factory=lambda: np.zeros(0, f32))
    omega: F = field(default_factory=lambda: np.zeros(0, f32))
    X_in: F = field(default_factory=lambda: np.zeros(0, f32))
    """[B, positions, channels]; Xn and Xp are [rows, units] with a row for each B and position."""
    cols: F = field(default_factory=lambda: np.zeros(0, f32))
    """[B·positions', fan_in]: the inputs of each product, 0 outside the map."""
    won_before: Any = None
    won_after: Any = None


@dataclass
class Step:
    """What a state dump holds of one step."""

    loss: float
    signs: list[NDArray[np.bool_]]
    weights: list[F]
    betas: list[F]


class Reference:
    """A binary network in training.

    Args:
        blocks: of `blocks_of`.
        switches: name -> value, all of them.
        optimizer: adam, sgd or bop, with gamma and tau.
        begin: of the first layers W, beta, mu and psi to begin from, in place of the seed's.
        frozen: numbers of layers, from 0, that are not trained.
    """

    def __init__(
        self,
        blocks: list[Block],
        switches: dict[str, str],
        seed: int,
        *,
        optimizer: str = "adam",
        lr: float = 1e-3,
        gamma: float = 1e-4,
        tau: float = 1e-8,
        begin: list[tuple[F, F, F, F]] | None = None,
        frozen: tuple[int, ...] = (),
    ) -> None:
        begun = begin or []
        self.trained = [number for number in range(len(blocks)) if number not in frozen]
        self.s, self.seed, self.optimizer = switches, seed, optimizer
        self.lr, self.gamma, self.tau = f32(lr), f32(gamma), f32(tau)
        self.t, self.b1t, self.b2t = 0, f32(1), f32(1)
        self.layers = []
        for number, block in enumerate(blocks):
            beta = row = np.zeros(block.units, f32)
            if number < len(begun):
                w, beta, *constants = begun[number]
            else:
                w = initial_weights(seed, number, block.fan_in, block.units).copy()
            if switches["weight_dtype"] != "bool" and number in self.trained:
                w = store(switches["weight_dtype"], w, WEIGHT_GRIDS)
            if optimizer == "bop" or number in frozen:
                w = sgn(w)
            zero = np.zeros_like(w)
            self.layers.append(Layer(block, w, beta, zero, row, zero, row))
            if number in frozen:
                self.layers[-1].constants = (constants[0], constants[1])

    def step(self, pixels: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Step:
        """One step on uint8 images [B, height, width, channels] and labels [B]."""
        x = (2 * pixels.astype(np.int32) - 255).astype(f32)
        x = x.reshape(len(x), -1, x.shape[-1])
        for a in self.layers:
            a.X_in = x
            signs = sgn(self._forward(a)).reshape(len(x), -1, a.at.units)
            x, a.won_after = pool(signs, a.at.pool_after)
        loss, g = self._loss(self.layers[-1].Xp, labels)
        bits = [(a.Xp >= 0).reshape(-1) for a in self.layers[:-1]]
        self.t, self.b1t, self.b2t = self.t + 1, self.b1t * f32(0.9), self.b2t * f32(0.999)
        for number in reversed(range(self.trained[0], len(self.layers))):
            g = self._backward(number, g)
        return Step(loss, bits, [a.W.copy() for a in self.layers], [a.beta for a in self.layers])

    def _forward(self, a: Layer) -> F:
        batch, _, channels = a.X_in.shape
        padded = np.concatenate([a.X_in, np.zeros((batch, 1, channels), f32)], axis=1)
        a.cols = padded[:, a.at.taps].reshape(-1, a.at.fan_in)
        products = (a.cols.astype(np.int64) @ sgn(a.W).astype(np.int64)).astype(f32)
        pooled, a.won_before = pool(products.reshape(batch, -1, a.at.units), a.at.pool_before)
        a.Y = pooled.reshape(-1, a.at.units)
        n = len(a.Y)
        mu = (total(a.Y) / n).astype(f32)
        d = a.Y - mu
        if self.s["batch_norm"] == "l2":
            psi = np.sqrt(total(d.astype(np.float64) ** 2) / n + 1e-5).astype(f32)
        else:
            psi = (total(np.abs(d)) / n).astype(f32)
        alive = psi > 0
        if a.constants:
            mu, psi = a.constants
            d, alive = a.Y - mu, psi >= 2**-10
        with np.errstate(divide="ignore"):
            a.r = np.where(alive, f32(1) / psi, f32(0))
        a.Xn = d * a.r
        a.Xp = a.Xn + a.beta
        a.omega = (total(np.abs(a.Xp)) / n).astype(f32)
        return a.Xp

    def _loss(self, z: F, labels: NDArray[np.uint8]) -> tuple[float, F]:
        z64 = z.astype(np.float64)
        shifted = z64 - z64.max(axis=1, keepdims=True)
        e = np.exp(shifted)
        s = e.sum(axis=1, keepdims=True)
        onehot = np.eye(z.shape[1])[labels]
        losses = np.log(s[:, 0]) - (shifted * onehot).sum(axis=1)
        return float(losses.mean()), store_g(
            self.s["gradient_dtype"], (e / s - onehot).astype(f32), len(z)
        )

    def _backward(self, number: int, g: F) -> F:
        a, n, kind = self.layers[number], f32(len(g)), self.s["batch_norm"]
        batch, positions, channels = a.X_in.shape
        v = g * a.r
        m1 = (total(v) / n).astype(f32)
        if a.constants:
            m1, m2, toward = f32(0), f32(0), sgn(a.Xp)
        elif kind == "bnn":
            toward = sgn(a.Xp)
            m2 = (total(v.astype(np.float64) * toward) / n).astype(f32) * a.omega
        else:
            kept = store(self.s["activations"], a.Xn, {})
            toward = kept if kind == "l2" else sgn(kept)
            along = toward if kind == "bnn-xn" else kept
            m2 = (total(v.astype(np.float64) * along) / n).astype(f32)
        dY = store_g(self.s["gradient_dtype"], (v - m1) - m2 * toward)
        dbeta = total(g).astype(f32) / f32(batch)
        spread = unpool(
            dY.reshape(batch, -1, a.at.units), a.at.pool_before, a.won_before, len(a.at.taps)
        )
        dY = spread.reshape(-1, a.at.units)
        dcols = dY.astype(np.float64) @ sgn(a.W).T.astype(np.float64)
        dX = np.zeros((batch, positions + 1, channels))  # the last takes what falls outside
        np.add.at(dX, (slice(None), a.at.taps), dcols.reshape(batch, *a.at.taps.shape, channels))
        dW = (a.cols.T.astype(np.float64) @ dY.astype(np.float64)).astype(f32)
        dW = sgn(dW) if self.s["weight_gradient"] == "bool" else dW / f32(batch)
        if not a.constants:
            self._update(number, dW, dbeta)
        if number == 0:
            return g
        below = self.layers[number - 1]
        dX = dX[:, :-1].astype(f32).reshape(batch, -1, below.at.units)
        rows = len(below.Xp)
        dX = unpool(dX, below.at.pool_after, below.won_after, rows // batch)
        dX = dX.reshape(rows, below.at.units)
        if self.s["ste"] == "clip":
            dX = np.where(np.abs(below.Xp) <= 1, dX, f32(0))
        return store_g(self.s["gradient_dtype"], dX, batch)

    def _update(self, number: int, g: F, dbeta: F) -> None:
        a, binary = self.layers[number], self.s["weight_gradient"] == "bool"
        stream = self.trained.index(number)
        fan_in = f32(a.W.shape[0])
        b1, b2, eps = f32(0.9), f32(0.999), f32(1e-8)
        one = f32(1)

        def store_m(m: F) -> F:
            dtype = self.s["momentum_dtype"]
            u = lambda: noise(self.seed, 4000 + stream, self.t, m.size)  # noqa: E731
            return store(dtype, m, MOMENTUM_GRIDS, u)

        def adam(w: F, g: F, m: F, v: F) -> tuple[F, F]:
            v = v * b2 + (g * g) * (one - b2)
            root = np.sqrt(one - self.b2t)
            step = self.lr * root / (one - self.b1t)
            return w - (step * m) / (np.sqrt(v) + eps * root), v

        if self.optimizer == "bop":
            saturates = binary and self.s["momentum_dtype"] in MOMENTUM_GRIDS
            unit = f32(2) * self.tau if saturates and 0 < self.tau < 0.5 else one
            a.m = store_m(a.m * (one - self.gamma) + g * (self.gamma / unit))
            flip = (np.abs(a.m) > self.tau / unit) & (sgn(a.m) == sgn(a.W))
            a.W = np.where(flip, -a.W, a.W)
        elif self.optimizer == "sgd":
            if not binary:
                a.m = store_m(a.m * b1 + g)
                w = a.W - self.lr * a.m
            elif self.s["momentum_dtype"] == "f32":
                a.m = a.m * b1 + g / np.sqrt(fan_in)
                w = a.W - self.lr * a.m
            else:
                a.m = store_m(a.m * b1 + g * (one - b1))
                w = a.W - (self.lr * (f32(10) / np.sqrt(fan_in))) * a.m
        else:
            a.m = store_m(a.m * b1 + g * (one - b1))
            if binary:
                step = (self.lr / (one - self.b1t)) / (one + eps * np.sqrt(fan_in))
                w = a.W - step * a.m
            else:
                w, a.v = adam(a.W, g, a.m, a.v)
        if self.optimizer != "bop":
            u = lambda: noise(self.seed, 3000 + stream, self.t, w.size)  # noqa: E731
            w = np.clip(w, f32(-1), f32(1))
            a.W = store(self.s["weight_dtype"], w, WEIGHT_GRIDS, u)
        if self.optimizer == "sgd":
            a.beta_m = a.beta_m * b1 + dbeta
            a.beta = a.beta - self.lr * a.beta_m
        else:
            a.beta_m = a.beta_m * b1 + dbeta * (one - b1)
            a.beta, a.beta_v = adam(a.beta, dbeta, a.beta_m, a.beta_v)
