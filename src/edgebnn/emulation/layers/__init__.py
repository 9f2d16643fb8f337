"""The layers of a binary network, with the backward of Courbariaux & Bengio or of Wang et al.

What reaches an optimiser is the gradient of the batch's mean loss, or a sign. What flows between layers
is that of the loss as it is: of the mean, as Keras' losses are, or of the sum (`reduction="sum"`), as
docs/numerics.md has it and as narrow storage of gradients wants it.
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
