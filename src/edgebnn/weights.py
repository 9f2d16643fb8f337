"""The stage `weights`: a trained network as the initial weights of another training."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgebnn.errors import ConfigError
from edgebnn.record import file_sha256, read_record
from edgebnn.study.initial import network_artifact
from edgebnn.trainer.network_file import read_network
from edgebnn.weights_file import InitialWeights, Norm, write_weights

LEAST = np.float32(1 / 64)
"""Of a made-up latent weight's magnitude: every storage keeps its sign."""


def write_initial_weights(source: Path, output: Path, digest: str | None = None) -> None:
    """Writes a file of initial weights.

    Args:
        source: a `.keras` file of the emulation or of a model of its layers; a `.ebn` file; or the
            record of a run that left one of them.
        output: the file.
        digest: the first digits of what the SHA-256 of a file's bytes must be.

    Raises:
        ConfigError: not such a file, or another than was planned with.
        InfrastructureError: the output cannot be written.
    """
    if source.suffix == ".json":
        artifact = network_artifact(read_record(source), source)
        source, digest = source.parent / artifact.path, artifact.sha256
    try:
        found = file_sha256(source)
    except OSError as error:
        raise ConfigError(f"{source}: {error.strerror}") from None
    if not found.startswith(digest or ""):
        raise ConfigError(f"{source}: its digest is {found}, needed is {digest}: it was changed")
    write_weights(output, _of_keras(source) if source.suffix == ".keras" else _of_board(source))


def _of_keras(path: Path) -> InitialWeights:
    from edgebnn.emulation.backend import load_backend

    load_backend()
    import keras

    from edgebnn.emulation.initial import initial_weights_of

    try:
        model = keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras raises what its parts raise
        raise ConfigError(f"{path}: no Keras model that can be loaded: {error}") from None
    weights = initial_weights_of(model)
    if not weights.layers:
        raise ConfigError(f"{path}: none of its layers is one of edgebnn.emulation with weights")
    return weights


def _of_board(path: Path) -> InitialWeights:
    """Its latent weights are made up: their signs are the network's, their magnitudes are those of new
    ones under seed 0, and LEAST at least."""
    network = read_network(path)
    if not network.statistics:
        raise ConfigError(
            f"{path}: version 1 has no statistics of its batch norms to begin from; the trainer now "
            f"writes version 2"
        )
    from edgebnn.emulation.backend import load_backend

    load_backend()
    from edgebnn.emulation.random import initial_weights

    layers = []
    for number, block in enumerate(network.blocks):
        signs = block.weights.reshape(len(block.weights), -1).T
        drawn = np.abs(initial_weights(0, number, *signs.shape))
        layers.append(np.maximum(drawn, LEAST) * signs.astype(np.float32))
    norms = tuple(Norm(beta, mu, psi) for mu, psi, beta in network.statistics)
    return InitialWeights(tuple(layers), norms)
