"""The state dump of the first steps (docs/formats.md), to hold the trainer against, step by step."""

from __future__ import annotations

import itertools
import struct
from pathlib import Path
from typing import Any

import numpy as np

from edgebnn.data.datasets import read_packed
from edgebnn.emulation.backend import load_backend
from edgebnn.emulation.checkpoint import values
from edgebnn.record import atomic_write
from edgebnn.study.plan import Run

MAGIC = b"EDGEBNNS" + struct.pack("<I", 1)


def dump(run: Run, data: Path, path: Path, steps: int) -> None:
    """Trains `steps` steps with exact sums, eagerly, and writes what each left behind.

    Args:
        run: its network, switches, optimiser, batch size, augmentation and seed count.
        data: the packed data set.
        path: the dump.
        steps: at most those of one epoch.
    """
    load_backend()
    import keras

    from edgebnn.emulation.batches import centred, training_images
    from edgebnn.emulation.layers import BatchNorm, Sign
    from edgebnn.emulation.loss import cross_entropy
    from edgebnn.emulation.model import compiled_model, latent_weights
    from edgebnn.emulation.precision import exact_sums

    train = read_packed(data).train
    model = compiled_model(run, run_eagerly=True, jit_compile=False)
    signs = [layer.output for layer in model.layers if isinstance(layer, Sign)]
    betas = [layer.beta for layer in model.layers if isinstance(layer, BatchNorm)]
    look = keras.Model(model.inputs, [*signs, *model.outputs])
    batches = training_images(run, train, 0, 1)
    with exact_sums(), atomic_write(path) as file:
        file.write(MAGIC)
        for pixels, classes in itertools.islice(batches, steps):
            images, labels = centred(pixels), classes.astype(np.int32)
            *bits, logits = _without_trace(look, images)
            losses = np.asarray(cross_entropy(labels, logits), np.float64)
            file.write(struct.pack("<d", losses.mean()))
            for bit in bits:
                file.write((np.asarray(bit) > 0).astype(np.uint8).tobytes())
            model.train_on_batch(images, labels)
            for variable in [*latent_weights(model), *betas]:
                file.write(np.asarray(variable).astype("<f4").tobytes())


def _without_trace(model: Any, images: Any) -> list[Any]:
    """A training forward pass that leaves the moving averages as they were."""
    before = values(model.non_trainable_variables)
    outputs = model(images, training=True)
    for variable, value in zip(model.non_trainable_variables, before, strict=True):
        variable.assign(value)
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]
