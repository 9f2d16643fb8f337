"""The state dump of the first steps (docs/formats.md), to hold the trainer against, step by step."""

from __future__ import annotations

import itertools
import struct
from pathlib import Path
from typing import Any

import numpy as np

from edgebnn.data.datasets import read_packed
from edgebnn.emulation.backend import load_backend
from edgebnn.record import atomic_write
from edgebnn.study.run import Run

MAGIC = b"EDGEBNNS" + struct.pack("<I", 1)


def dump(run: Run, data: Path, path: Path, steps: int, initial: Path | None = None) -> None:
    """Trains `steps` steps with exact sums and writes what each left behind.

    Args:
        run: its network, switches, optimiser, batch size, augmentation and seed count.
        data: the packed data set.
        path: the dump.
        steps: at most those of one epoch.
        initial: weights to begin from, where the run asks for them.
    """
    load_backend()
    import keras
    import tensorflow as tf

    from edgebnn.emulation.batches import centred, training_images
    from edgebnn.emulation.layers import BatchNorm, Sign
    from edgebnn.emulation.loss import cross_entropy
    from edgebnn.emulation.model import compiled_model, latent_weights
    from edgebnn.emulation.precision import exact_sums

    train = read_packed(data).train
    model = compiled_model(run, initial)
    signs = [layer.output for layer in model.layers if isinstance(layer, Sign)]
    betas = [layer.beta for layer in model.layers if isinstance(layer, BatchNorm)]
    look = keras.Model(model.inputs, [*signs, *model.outputs])

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def step(images: Any, labels: Any) -> Any:
        """Keras's own training step, with what the dump needs of the forward pass."""
        with tf.GradientTape() as tape:
            *bits, logits = look(images, training=True)
            loss = model.compute_loss(images, labels, logits)
        weights = model.trainable_variables
        model.optimizer.apply(tape.gradient(loss, weights), weights)
        return bits, cross_entropy(labels, logits)

    batches = training_images(run, train, 0, 1)
    with exact_sums(), atomic_write(path) as file:
        file.write(MAGIC)
        for pixels, classes in itertools.islice(batches, steps):
            bits, losses = step(centred(pixels), tf.cast(classes, tf.int32))
            file.write(struct.pack("<d", np.asarray(losses, np.float64).mean()))
            for bit in bits:
                file.write((np.asarray(bit) > 0).astype(np.uint8).tobytes())
            for variable in [*latent_weights(model), *betas]:
                file.write(np.asarray(variable).astype("<f4").tobytes())
