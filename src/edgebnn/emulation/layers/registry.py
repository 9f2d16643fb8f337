"""What the layers share: the names of weights, and Keras's list of serialisable classes."""

from __future__ import annotations

import keras

LATENT = "latent_weights"
"""Name of the weights that an optimiser keeps in [-1, 1] and that the network uses by their sign."""

KERNEL = "kernel"
"""Name of real weights: float32, not clipped, for an optimiser's plain form."""

register = keras.saving.register_keras_serializable("edgebnn")
"""Decorator: a `.keras` file can name the class."""
