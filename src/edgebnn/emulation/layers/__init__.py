"""The layers of a binary network, with the backward of Courbariaux & Bengio or of Wang et al.

Gradients follow docs/numerics.md: what flows between layers is the gradient of the loss *summed* over
the batch, as stored; what reaches an optimiser is divided by the batch size, or is a sign.
"""

from edgebnn.emulation.layers.batch_norm import BatchNorm
from edgebnn.emulation.layers.conv import BinaryConv2D, RealConv2D
from edgebnn.emulation.layers.dense import BinaryDense, RealDense
from edgebnn.emulation.layers.pool import MaxPool2D
from edgebnn.emulation.layers.registry import KERNEL, LATENT
from edgebnn.emulation.layers.sign import Sign

__all__ = [
    "KERNEL",
    "LATENT",
    "BatchNorm",
    "BinaryConv2D",
    "BinaryDense",
    "MaxPool2D",
    "RealConv2D",
    "RealDense",
    "Sign",
]
