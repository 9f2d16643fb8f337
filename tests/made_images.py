"""A folder of small images in ten classes, each a pattern of its own under noise: the same in every run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

MODEL = """\
input: [32, 32, 3]
layers:
  - conv: {filters: 8, kernel: 3, stride: 2, weights: real}
  - batch_norm
  - residual: {layers: [sign, {conv: 8}, batch_norm]}
  - residual:
      layers: [sign, {conv: {filters: 16, stride: 2}}, batch_norm]
      shortcut: [{avg_pool: 2}, {conv: {filters: 16, kernel: 1, weights: real}}, batch_norm]
  - residual: {layers: [sign, {conv: 16}, batch_norm]}
  - global_avg_pool
  - dense: {units: 10, weights: real}
"""
"""A small ResNetE of ten classes."""


def make_images(root: Path, train: int = 24, test: int = 6) -> None:
    """`train` and `test` images a class, of 36 to 64 pixels a side, in train/<class>/ and val/<class>/."""
    for label in range(10):
        rng = np.random.default_rng(label)
        pattern = np.kron(rng.integers(0, 256, (4, 4, 3)), np.ones((16, 16, 1)))
        for part, count in (("train", train), ("val", test)):
            folder = root / part / f"n{label:02}"
            folder.mkdir(parents=True)
            for number in range(count):
                height, width = rng.integers(36, 65, 2)
                noise = rng.integers(-20, 21, (height, width, 3))
                pixels = np.clip(pattern[:height, :width] + noise, 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{part}_{label}_{number}.JPEG")


def make_imagenet(root: Path) -> None:
    """A thousand classes of empty files, seven to train on and one to test: no plan opens an image."""
    for part, count in (("train", 7), ("val", 1)):
        for label in range(1000):
            folder = root / part / f"n{label:04}"
            folder.mkdir(parents=True)
            for number in range(count):
                (folder / f"{number}.JPEG").touch()
