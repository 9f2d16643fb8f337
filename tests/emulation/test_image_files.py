"""Images of a folder: cut as documented, the same for an epoch whenever it is read; broken ones are passed over."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgebnn.data.image_index import index_of, write_index
from edgebnn.emulation.image_files import Broken, ImageReader
from edgebnn.emulation.random import permutation
from edgebnn.emulation.train import emulate
from edgebnn.errors import ConfigError
from edgebnn.record import Record
from tests.made_images import make_images


@pytest.fixture(scope="session")
def made(once: Any) -> Path:
    """Ten classes of 24 images to train on (two of them to validate) and 6 to test; made once."""
    return once("made-images", make_images)


@dataclass
class Reading:
    """A reader of a folder, and what it says."""

    root: Path
    at_most: int = 10
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        broken = Broken(self.root, self.at_most, {}, self.said.append)
        self.reader = ImageReader(self.root, (32, 32, 3), broken)
        self.index = index_of(self.root)

    def epoch(self, epoch: int, *, seed: int = 3, flip: bool = True, size: int = 50) -> Any:
        train = self.index.train
        order = permutation(seed, epoch, len(train.labels))
        steps = len(order) // size
        batches = list(
            self.reader.training(train, order, size, steps, seed=seed, epoch=epoch, flip=flip)
        )
        return tuple(np.concatenate(part) for part in zip(*batches, strict=True))

    def test(self, size: int = 25) -> Any:
        batches = self.reader.evaluation(self.index.test, size)
        return tuple(np.concatenate(part) for part in zip(*batches, strict=True))


def test_an_epoch_is_determined_by_seed_and_number(made: Path) -> None:
    reading = Reading(made)
    images, labels = reading.epoch(1)
    assert images.shape == (200, 32, 32, 3)
    assert images.dtype == np.uint8
    order = permutation(3, 1, 220)[:200]
    np.testing.assert_array_equal(labels, reading.index.train.labels[order])
    np.testing.assert_array_equal(Reading(made).epoch(1)[0], images)
    np.testing.assert_array_equal(reading.epoch(1, size=20)[0][:200], images)
    for other in (reading.epoch(2), reading.epoch(1, seed=4)):
        assert (other[0] != images).any()
    straight, _ = reading.epoch(1, flip=False)
    mirrored = (straight != images).any((1, 2, 3))
    assert 70 < mirrored.sum() < 130
    np.testing.assert_array_equal(straight[mirrored], images[mirrored][:, :, ::-1])
    assert reading.said == []


def test_parts_have_the_documented_sizes(tmp_path: Path) -> None:
    """Of an image whose red counts columns and whose green counts rows."""
    rows, columns = np.mgrid[0:200, 0:240]
    ramp = np.stack([columns, rows, np.zeros_like(rows)], -1).astype(np.uint8)
    for part, count in (("train", 60), ("val", 1)):
        for name in ("a", "b"):
            folder = tmp_path / part / name
            folder.mkdir(parents=True)
            for number in range(count):
                Image.fromarray(ramp).save(folder / f"{number}.png")
    images, _ = Reading(tmp_path).epoch(0, flip=False, size=100)
    images = images.astype(float)
    width = (images[:, 16, -1, 0] - images[:, 16, 0, 0]) * 32 / 31
    height = (images[:, -1, 16, 1] - images[:, 0, 16, 1]) * 32 / 31
    area, aspect = width * height / (200 * 240), width / height
    assert 0.06 < area.min() < 0.2
    assert 0.8 < area.max() < 1.05
    assert 0.7 < aspect.min() < 0.85
    assert 1.2 < aspect.max() < 1.42
    middle, _ = Reading(tmp_path).test()
    # 200 rows become round(32·256/224) = 37, of which 2 to 33 are left: their middles are 2.5·200/37 - 0.5
    # = 13.0 to 180.6. 240 columns become 44, of which the middle 32 are left.
    np.testing.assert_allclose(middle[0, [0, -1], 0, 1], [13.0, 180.6], atol=1)
    np.testing.assert_allclose(middle[0, 0, :, 0].mean(), 119.5, atol=1)


def test_other_colours_and_other_kinds_of_file(made: Path, tmp_path: Path) -> None:
    """As some of ImageNet's are: CMYK, grey, and a PNG that is called JPEG."""
    Reading(made)
    source = Image.open(made / "val" / "n00" / "val_0_0.JPEG")
    for part, count in (("train", 8), ("val", 1)):
        for name in ("a", "b"):
            (tmp_path / part / name).mkdir(parents=True)
            for number in range(count):
                source.save(tmp_path / part / name / f"{number}.JPEG", quality=95)
    (plain, *_), _ = Reading(tmp_path).test()
    source.convert("CMYK").save(tmp_path / "val" / "a" / "0.JPEG", quality=95)
    source.save(tmp_path / "val" / "b" / "0.JPEG", format="PNG")
    source.convert("L").save(tmp_path / "train" / "a" / "0.JPEG")
    reading = Reading(tmp_path)
    for image in reading.test()[0]:
        assert np.abs(image.astype(int) - plain).mean() < 12
    reading.epoch(0, size=7)
    assert reading.said == []


def broken_folder(made: Path, root: Path) -> list[Path]:
    """Copies the folder; one image to train on is empty, one is none, and so is one to test on."""
    shutil.copytree(made, root)
    train = [root / path.decode() for path in index_of(root).train.files[[5, 100]].tolist()]
    spoilt = [*train, sorted((root / "val" / "n02").iterdir())[0]]
    for path, content in zip(spoilt, (b"", b"no image", b"\xff\xd8\xff\xe0"), strict=True):
        path.write_bytes(content)
    return spoilt


def test_the_next_image_takes_a_broken_ones_place(made: Path, tmp_path: Path) -> None:
    spoilt = broken_folder(made, tmp_path / "images")
    reading = Reading(tmp_path / "images")
    good = permutation(3, 0, 220)
    good = good[~np.isin(good, [5, 100])]
    _, labels = reading.epoch(0)
    np.testing.assert_array_equal(labels, reading.index.train.labels[good[:200]])
    _, labels = reading.epoch(0, size=220)  # the order begins again
    np.testing.assert_array_equal(labels, reading.index.train.labels[[*good, *good[:2]]])
    images, labels = reading.test()
    expected = [label for label in range(10) for _ in range(6)]
    del expected[12]
    np.testing.assert_array_equal(labels, [*expected, 0])
    np.testing.assert_array_equal(images[-1], images[0])
    found = reading.reader.broken.found
    assert sorted(reading.said) == sorted(
        f"warning: {path}: passed over: {found[str(path.relative_to(reading.root))]}"
        for path in spoilt
    )


@pytest.mark.parametrize("at_most", [0, 1])
def test_too_many_broken_images_are_an_error_that_names_them(
    made: Path, tmp_path: Path, at_most: int
) -> None:
    spoilt = broken_folder(made, tmp_path / "images")
    reading = Reading(tmp_path / "images", at_most)
    with pytest.raises(ConfigError, match=f"broken_at_most is {at_most}; mend") as caught:
        reading.epoch(0, size=220)
    assert sum(str(path) in str(caught.value) for path in spoilt) == at_most + 1


def train(run: Any, folder: Path, images: Path, say: Any = None, at_most: int = 3) -> Record:
    folder.mkdir(exist_ok=True)
    write_index(folder / "index", index_of(images))
    return emulate(
        run,
        folder / "index",
        folder / "record.json",
        folder / "state",
        progress=say or (lambda line: None),
        threads=1,
        images=images,
        broken_at_most=at_most,
    )


class Cut(Exception):
    """Ends a training behind an epoch."""


@pytest.mark.slow
def test_a_run_is_resumed_as_if_nothing_had_happened(
    make_run: Any, make_network: Any, made: Path, tmp_path: Path
) -> None:
    """Cut off behind an epoch, then ended by too many broken images, then allowed to pass over them."""

    def cut(line: str) -> None:
        if "epoch 1/2" in line:
            raise Cut

    network = make_network((8, 8, 3), [], 10)
    run = make_run(network=network, epochs=2, batch_size=55, augmentation={"flip": True})
    images, folder = tmp_path / "images", tmp_path / "cut"
    spoilt = broken_folder(made, images)
    whole = train(run, tmp_path / "whole", images)
    with pytest.raises(Cut):
        train(run, folder, images, cut)
    with pytest.raises(ConfigError, match="broken_at_most is 2") as caught:
        train(run, folder, images, at_most=2)
    assert all(str(path) in str(caught.value) for path in spoilt)
    lines: list[str] = []
    resumed = train(run, folder, images, lines.append)
    assert "continues after epoch 2" in lines[0]
    assert resumed.series == whole.series
    assert resumed.parameters == whole.parameters
    for name, metric in whole.metrics.items():
        if "time" not in name and "memory" not in name:
            assert resumed.metrics[name] == metric, name
    assert whole.parameters["augmentation_crop"] == "true"
    assert (whole.value("steps"), whole.value("test_images")) == (8, 60)
    assert (whole.value("broken_images"), whole.value("guessing_accuracy")) == (3, 0.1)
    assert (tmp_path / "whole" / whole.artifacts["model"].path).exists()
    with pytest.raises(ConfigError, match=r"not there: .*gone; name the folder"):
        emulate(
            run, folder / "index", folder / "r.json", folder / "state", images=tmp_path / "gone"
        )
