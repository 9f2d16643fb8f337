"""Adam, SGD with momentum, and Bop, for latent weights kept in [-1, 1] and stored narrowly.

The update is docs/numerics.md, "Update", to the letter. Latent weights (layers.LATENT) are clipped
and stored as `weight_dtype`, their momentum as `momentum_dtype`; other weights (beta) take the same
optimiser's plain form in float32. To add one: subclass `LatentOptimizer`, name it in `OPTIMIZERS`.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from edgebnn.emulation.layers import LATENT
from edgebnn.emulation.layers.arguments import switch_value
from edgebnn.emulation.quantizers import sgn
from edgebnn.emulation.random import ROUND_MOMENTA, ROUND_WEIGHTS, rounding_base, rounding_noise
from edgebnn.emulation.storage import Noise, store_momenta, store_weights

BETA1, BETA2, EPSILON = np.float32(0.9), np.float32(0.999), np.float32(1e-8)
REST1, REST2 = np.float32(1) - BETA1, np.float32(1) - BETA2

_register = keras.saving.register_keras_serializable("edgebnn")


@dataclass(frozen=True)
class _Latent:
    """What a latent weight matrix's step needs to know."""

    shape: tuple[int, ...]
    fan_in: int
    weight_base: int
    momentum_base: int


class LatentOptimizer(keras.optimizers.Optimizer):  # type: ignore[misc]
    """Clips and stores what a subclass's `latent_step` returns.

    Args:
        learning_rate: float, or a variable set between epochs.
        weight_dtype, momentum_dtype: storages (storage.WEIGHTS, storage.MOMENTA).
        weight_gradient: `bool`: of a latent weight's gradient the sign is taken; or `f32`.
        seed: of the stochastic rounding.

    Raises:
        ValueError: an argument that is not allowed.
    """

    def __init__(
        self,
        learning_rate: float = 1e-3,
        weight_dtype: str = "f32",
        momentum_dtype: str = "f32",
        weight_gradient: str = "f32",
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        name = type(self).__name__
        self.weight_dtype = switch_value(name, "weight_dtype", weight_dtype)
        self.momentum_dtype = switch_value(name, "momentum_dtype", momentum_dtype)
        self.weight_gradient = switch_value(name, "weight_gradient", weight_gradient)
        self.seed = seed
        if weight_dtype == "bool" and not isinstance(self, Bop):
            raise ValueError(
                f"{name}: weight_dtype: bool keeps no latent weights: it is Bop's alone"
            )
        if weight_gradient == "f32" and momentum_dtype in ("i8", "i4"):
            raise ValueError(
                f"{name}: momentum_dtype: {momentum_dtype} holds averages of signs, in [-1, 1]: "
                f"allowed with weight_gradient='bool'"
            )

    in_a_program = False
    """Whether a step is a program of XLA by itself, where the training step around it is none."""

    def build(self, variables: list[Any]) -> None:
        if self.built:
            return
        super().build(variables)
        self._momenta = self.add_optimizer_variables(variables, "momentum")
        self._seconds: list[Any] = []
        self._latents: list[_Latent | None] = []
        self._beta1_power = self.add_variable((), "ones", "float32", name="beta1_power")
        self._beta2_power = self.add_variable((), "ones", "float32", name="beta2_power")
        layer = 0
        for variable in variables:
            latent = variable.name == LATENT
            adam_on_real = isinstance(self, Adam) and self.weight_gradient == "f32"
            needed = adam_on_real if latent else not isinstance(self, SGD)
            self._seconds.append(
                self.add_variable_from_reference(variable, "second") if needed else None
            )
            if not latent:
                self._latents.append(None)
                continue
            shape = tuple(variable.shape)
            bases = (rounding_base(self.seed, s + layer) for s in (ROUND_WEIGHTS, ROUND_MOMENTA))
            self._latents.append(_Latent(shape, int(np.prod(shape[:-1])), *bases))
            layer += 1

    def _backend_update_step(self, grads: Any, trainable_variables: Any, learning_rate: Any) -> Any:
        """One step, on averages of gradients under Keras' `gradient_accumulation_steps`: first the
        running powers of the betas, then every variable's `update_step`."""

        def step(grads: Any, learning_rate: Any) -> Any:
            self.assign(self._beta1_power, self._beta1_power * BETA1)
            self.assign(self._beta2_power, self._beta2_power * BETA2)
            return update(grads, trainable_variables, learning_rate)

        update = super()._backend_update_step
        if not self.in_a_program:
            return step(grads, learning_rate)
        import tensorflow as tf

        tensors = [tf.convert_to_tensor(gradient) for gradient in grads]
        program = tf.function(step, jit_compile=True)
        return program(tensors, tf.convert_to_tensor(learning_rate))

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        index = self._get_variable_index(variable)
        latent = self._latents[index]
        w = ops.convert_to_tensor(variable)
        if latent is None:
            self.assign(variable, self.plain_step(w, gradient, index, learning_rate))
        else:
            if self.weight_gradient == "bool":
                gradient = sgn(gradient)  # of the sum over micro-batches; without them it is one
            w = self.latent_step(w, gradient, index, learning_rate, latent)
            self.assign(variable, self.store(w, latent))

    @abstractmethod
    def latent_step(self, w: Any, g: Any, index: int, lr: Any, latent: _Latent) -> Any:
        """Latent weights after the step, before clipping and storing; updates the momentum."""

    @abstractmethod
    def plain_step(self, w: Any, g: Any, index: int, lr: Any) -> Any:
        """A float32, unclipped variable after the step; updates its momenta."""

    def store(self, w: Any, latent: _Latent) -> Any:
        """store_w(clip(w, -1, 1))."""
        return store_weights(
            self.weight_dtype, ops.clip(w, -1, 1), self._noise(latent.weight_base, latent.shape)
        )

    def average(self, g: Any, keep: Any, take: Any, index: int, latent: _Latent | None) -> Any:
        """m <- store_m(m·keep + g·take) and returns it (float32 without a `latent`)."""
        m = self._momenta[index]
        value = ops.convert_to_tensor(m) * keep + (g if take is None else g * take)
        if latent is not None:
            noise = self._noise(latent.momentum_base, latent.shape)
            value = store_momenta(self.momentum_dtype, value, noise)
        self.assign(m, value)
        return value

    def adam_step(self, w: Any, g: Any, index: int, lr: Any, latent: _Latent | None) -> Any:
        """Adam (Kingma & Ba 2015) on a real gradient."""
        m = self.average(g, BETA1, REST1, index, latent)
        second = self._seconds[index]
        v = second * BETA2 + (g * g) * REST2
        self.assign(second, v)
        correction = ops.sqrt(1 - self._beta2_power)
        a = lr * correction / (1 - self._beta1_power)
        return w - (a * m) / (ops.sqrt(v) + EPSILON * correction)

    def get_config(self) -> dict[str, Any]:
        names = ("weight_dtype", "momentum_dtype", "weight_gradient", "seed")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

    def _noise(self, base: int, shape: tuple[int, ...]) -> Noise:
        return lambda: rounding_noise(base, self.iterations + 1, shape)


@_register
class Adam(LatentOptimizer):
    """Adam; on binary gradients its second moment is the constant 1/fan_in and is not kept.

    With |g| = 1/sqrt(fan_in) everywhere, lr·m^/(sqrt(v^) + eps) is, with m kept as an average of
    signs, a·m with a = (lr/(1 - beta1^t)) / (1 + eps·sqrt(fan_in)).
    """

    def latent_step(self, w: Any, g: Any, index: int, lr: Any, latent: _Latent) -> Any:
        if self.weight_gradient == "f32":
            return self.adam_step(w, g, index, lr, latent)
        m = self.average(g, BETA1, REST1, index, latent)
        scale = np.float32(1) + EPSILON * np.sqrt(np.float32(latent.fan_in))
        return w - ((lr / (1 - self._beta1_power)) / scale) * m

    def plain_step(self, w: Any, g: Any, index: int, lr: Any) -> Any:
        return self.adam_step(w, g, index, lr, None)


@keras.saving.register_keras_serializable("edgebnn", "Sgd")  # its name in .keras files
class SGD(LatentOptimizer):
    """W <- W - lr·m, m <- 0.9·m + g; on binary gradients g = sign/sqrt(fan_in).

    Narrow storage (all but f32) then keeps m in units of its bound, 10/sqrt(fan_in).
    """

    def latent_step(self, w: Any, g: Any, index: int, lr: Any, latent: _Latent) -> Any:
        root = np.sqrt(np.float32(latent.fan_in))
        if self.weight_gradient == "f32":
            return w - lr * self.average(g, BETA1, None, index, latent)
        if self.momentum_dtype == "f32":
            return w - lr * self.average(g / root, BETA1, None, index, latent)
        m = self.average(g, BETA1, REST1, index, latent)
        return w - (lr * (np.float32(10) / root)) * m

    def plain_step(self, w: Any, g: Any, index: int, lr: Any) -> Any:
        return w - lr * self.average(g, BETA1, None, index, None)


@_register
class Bop(LatentOptimizer):
    """Bop (Helwegen et al. 2019): weights are +1 or -1, flipped where their average insists.

    m <- (1 - gamma)·m + gamma·g; flip w where |m| > tau and sgn(m) = sgn(w). Other variables
    take Adam. gamma follows the learning rate: it holds at `full_rate`, and is as many times less
    as the learning rate is; flips then die out. Where storage saturates (q15, i8, i4), an average of
    signs is kept in units of 2 tau, if tau is below 1/2.

    Args:
        gamma: weight of the newest gradient in the average.
        tau: threshold of a flip. The defaults suit real gradients; for signs see study.optimizer_config.
        full_rate: the learning rate at which gamma holds; None: `learning_rate`, a number.

    Raises:
        ValueError: an argument that is not allowed.
    """

    def __init__(
        self,
        learning_rate: float = 1e-3,
        gamma: float = 1e-4,
        tau: float = 1e-8,
        full_rate: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        full_rate = learning_rate if full_rate is None else full_rate
        number = isinstance(full_rate, (int, float, np.number))
        for key, value, fits, allowed in (
            ("gamma", gamma, 0 < gamma <= 1, "above 0, to 1"),
            ("tau", tau, tau >= 0, "from 0"),
            ("full_rate", full_rate, number and full_rate > 0, "above 0; name it with a schedule"),
        ):
            if not fits:
                raise ValueError(f"Bop: {key}: found {value!r}, allowed are numbers {allowed}")
        self.gamma, self.tau, self.full_rate = gamma, tau, float(full_rate)

    def latent_step(self, w: Any, g: Any, index: int, lr: Any, latent: _Latent) -> Any:
        gamma = np.float32(self.gamma) * (lr / np.float32(self.full_rate))
        tau, unit = np.float32(self.tau), self._unit()
        m = self.average(g, np.float32(1) - gamma, gamma / unit, index, latent)
        flip = ops.logical_and(ops.abs(m) > tau / unit, sgn(m) == sgn(w))
        return ops.where(flip, -sgn(w), sgn(w))

    def _unit(self) -> np.float32:
        """Of m as it is kept."""
        saturates = self.weight_gradient == "bool" and self.momentum_dtype in ("q15", "i8", "i4")
        tau = np.float32(self.tau)
        return np.float32(2) * (tau if saturates and 0 < tau < 0.5 else np.float32(0.5))

    def plain_step(self, w: Any, g: Any, index: int, lr: Any) -> Any:
        return self.adam_step(w, g, index, lr, None)

    def store(self, w: Any, latent: _Latent) -> Any:
        """One bit a weight, whatever the storage of latent weights."""
        return w

    def get_config(self) -> dict[str, Any]:
        own = {"gamma": self.gamma, "tau": self.tau, "full_rate": self.full_rate}
        return {**super().get_config(), **own}


OPTIMIZERS: dict[str, type[LatentOptimizer]] = {"adam": Adam, "sgd": SGD, "bop": Bop}
"""By the name that a study's `optimizer.kind` uses."""
