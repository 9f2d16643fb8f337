"""Data sets as people bring them: what is wrong is said, with the expression that mends it."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebnn.cli import main
from edgebnn.data.datasets import prepare
from edgebnn.data.sources import remarks_on, source_of
from edgebnn.errors import ConfigError

RNG = np.random.default_rng(5)
N = {"train": 60, "test": 20}


def toy(shape: tuple[int, ...] = (8, 6), **changes: Any) -> dict[str, np.ndarray]:
    """60 training and 20 test images of ten classes; each class is in both."""
    arrays: dict[str, Any] = {}
    for side, n in N.items():
        arrays[f"x_{side}"] = RNG.integers(0, 256, (n, *shape), dtype=np.uint8)
        arrays[f"y_{side}"] = np.arange(n) % 10
    return {**arrays, **changes}


def both(change: Any, kind: str, **others: Any) -> dict[str, np.ndarray]:
    """toy() with the training and the test images (`x`), or labels (`y`), changed."""
    arrays = toy(**others)
    return {
        name: change(array) if name.startswith(kind) else array for name, array in arrays.items()
    }


def refusal(folder: Path, arrays: dict[str, np.ndarray], name: str = "toy") -> str:
    """What the plan says; the stage that packs says it too."""
    np.savez(folder / f"{name}.npz", **arrays)
    with pytest.raises(ConfigError) as planned:
        source_of(name, folder)
    with pytest.raises(ConfigError) as packed:
        prepare(name, folder, folder / "cache")
    assert str(packed.value) == str(planned.value)
    assert str(planned.value).startswith(f"{folder / name}.npz: ")
    return str(planned.value)


LABELS = {
    "one-hot": (lambda y: np.eye(10)[y], "found shape (60, 10); one number an image is wanted; one-hot? y.argmax(1)"),
    "one-hot integers": (lambda y: np.eye(10, dtype=np.uint8)[y], "one-hot? y.argmax(1)"),
    "probabilities": (lambda y: np.eye(10)[y] * 0.9 + 0.01, "probabilities? y.argmax(1)"),
    "several an image": (lambda y: np.stack([y, y], 1), "found shape (60, 2); one number an image"),
    "from 1": (lambda y: y + 1, "none is 0: subtract 1? y - 1"),
    "from 3": (lambda y: y + 3, "none is 0: subtract 3? y - 3"),
    "negative": (lambda y: y - 1, "label -1 of image 0 is out of range"),
    "unlabelled": (lambda y: np.where(y == 4, -1, y), "x[y >= 0], y[y >= 0]"),
    "plus and minus": (lambda y: y % 2 * 2 - 1, "(y + 1) // 2"),
    "floats": (lambda y: y.astype(np.float32), 'labels of type float32, must be integers: y.astype("int64")'),
    "fractions": (lambda y: y / 2, "labels of type float64, must be integers"),
    "booleans": (lambda y: y > 4, 'labels of type bool, must be integers: y.astype("uint8")'),
    "words": (lambda y: y.astype(str), "np.unique(y, return_inverse=True)[1]"),
    "objects": (lambda y: y.astype(object), "y_train: found Python objects"),
    "too many": (lambda y: y * 40, "label 280 of image 7 is out of range; allowed are 0 to 255"),
    "one class": (lambda y: y * 0, "one class alone"),
    "short": (lambda y: y[1:], "60 images in x_train, 59 labels in y_train"),
    "a number": (lambda y: y[0], "found shape ()"),
    "no floats": (lambda y: y[:0] / 2, "60 images in x_train, 0 labels in y_train"),
    "none": (lambda y: y[:0], "60 images in x_train, 0 labels in y_train"),
}  # fmt: skip


@pytest.mark.parametrize("kind", LABELS)
def test_labels(tmp_path: Path, kind: str) -> None:
    change, says = LABELS[kind]
    assert says in refusal(tmp_path, both(change, "y"))


IMAGES = {
    "channels first": ((3, 32, 32), lambda x: x, "found shape (60, 3, 32, 32); channels come last: x.transpose(0, 2, 3, 1)"),
    "grey first": ((1, 8, 6), lambda x: x, "channels come last"),
    "MATLAB's axes": ((32, 32, 3), lambda x: x.transpose(1, 2, 3, 0), "found shape (32, 32, 3, 60); images come first: x.transpose(3, 0, 1, 2)"),
    "MATLAB's axes, grey": ((8, 6), lambda x: x.transpose(1, 2, 0), "images come first: x.transpose(2, 0, 1)"),
    "flat": ((784,), lambda x: x, "x_train: 2 axes, shape (60, 784); must be images, height, width and, in colour, channels: x.reshape(-1, 28, 28)"),
    "flat colour": ((3072,), lambda x: x, "x.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)"),
    "one axis": ((), lambda x: x, "x_train: 1 axis, shape (60,)"),
    "five axes": ((1, 8, 6, 3), lambda x: x, "5 axes, shape (60, 1, 8, 6, 3); must be images, height, width and, in colour, channels: x.squeeze(1)"),
    "unit floats": ((8, 6), lambda x: (x / 255).astype(np.float32), 'found float32 with values 0 to 1, pixels must be uint8 from 0 to 255: (x * 255).round().astype("uint8")'),
    "floats": ((8, 6), lambda x: x * 1.0, 'float64 with values 0 to 255, pixels must be uint8 from 0 to 255: x.round().astype("uint8")'),
    "centred floats": ((8, 6), lambda x: x / 127.5 - 1, '((x + 1) * 127.5).round().astype("uint8")'),
    "normalised": ((8, 6), lambda x: (x - 120.0) / 60, "give the pixels as they were"),
    "NaN": ((8, 6), lambda x: np.where(np.arange(len(x))[:, None, None] == 7, np.nan, x), "found float64 with NaN in image 7"),
    "infinite": ((8, 6), lambda x: np.where(x < 256, np.inf, x), "an infinite value in image 0"),
    "int64": ((8, 6), lambda x: x.astype(np.int64), 'found int64 with values 0 to 255, pixels must be uint8 from 0 to 255: x.astype("uint8")'),
    "int8": ((8, 6), lambda x: (x.astype(np.int16) - 128).astype(np.int8), '(x.astype("int16") + 128).astype("uint8")'),
    "uint16": ((8, 6), lambda x: x.astype(np.uint16) * 257, '(x * (255 / x.max())).round().astype("uint8")'),
    "two channels first": ((2, 8, 8), lambda x: x, "channels come last"),
    "booleans": ((8, 6), lambda x: x > 127, 'found bool, pixels must be uint8 from 0 to 255: x.astype("uint8") * 255'),
    "objects": ((8, 6), lambda x: x.astype(object), "x_train: found Python objects, which are not read"),
    "complex": ((8, 6), lambda x: x + 0j, "found complex128"),
    "no pixels": ((0, 6), lambda x: x, "height, width and channels must be 1 to 65535"),
}  # fmt: skip


@pytest.mark.parametrize("kind", IMAGES)
def test_images(tmp_path: Path, kind: str) -> None:
    shape, change, says = IMAGES[kind]
    assert says in refusal(tmp_path, both(change, "x", shape=shape))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"x_test": np.zeros((20, 9, 6), np.uint8)}, "x_test: images of 9x6x1, those of x_train are of 8x6x1"),
        ({"x_test": np.zeros((0, 8, 6), np.uint8), "y_test": np.zeros(0, int)}, "x_test: no images"),
        ({"x_train": np.zeros((0, 8, 6), np.uint8), "y_train": np.zeros(0, int)}, "x_train: no images"),
    ],
)  # fmt: skip
def test_splits(tmp_path: Path, changes: dict[str, np.ndarray], says: str) -> None:
    assert says in refusal(tmp_path, toy(**changes))


def test_every_wrong_array_has_its_line(tmp_path: Path) -> None:
    said = refusal(tmp_path, {**both(lambda x: x / 255, "x"), "y_test": np.eye(20)})
    assert [line.split(": ")[1] for line in said.splitlines()] == ["x_train", "y_test", "x_test"]


def test_svhn_as_loadmat_gives_it(tmp_path: Path) -> None:
    arrays = both(lambda y: np.where(y == 0, 10, y)[:, None], "y", shape=(32, 32, 3))
    said = refusal(tmp_path, arrays, "svhn")
    assert "y_train: label 10 of image 0 is out of range" in said
    assert "10 stands for the digit 0 in SVHN's files: y % 10" in said
    said = refusal(
        tmp_path,
        {n: a.transpose(1, 2, 3, 0) if n[0] == "x" else a for n, a in arrays.items()},
        "svhn",
    )
    assert "10 stands for the digit 0" in said
    assert "images come first: x.transpose(3, 0, 1, 2)" in said


def test_mnist_from_1_to_10(tmp_path: Path) -> None:
    said = refusal(tmp_path, both(lambda y: y + 1, "y", shape=(28, 28)), "mnist")
    assert "allowed are 0 to 9; none is 0: subtract 1? y - 1" in said


@pytest.mark.parametrize(
    ("shape", "read"),
    [((28, 28), (28, 28, 1)), ((28, 28, 1), (28, 28, 1)), ((1, 128, 9), (1, 128, 9)), ((8, 6, 13), (8, 6, 13))],
)  # fmt: skip
def test_shapes_that_are_taken(
    tmp_path: Path, shape: tuple[int, ...], read: tuple[int, int, int]
) -> None:
    np.savez(tmp_path / "toy.npz", **both(lambda y: y[:, None], "y", shape=shape))
    assert source_of("toy", tmp_path).shape == read
    assert prepare("toy", tmp_path, tmp_path).shape == read


ODD = {
    "zeros and ones": (both(lambda x: x >> 7, "x"), "x_train: found values 0 to 1; pixels go from 0 to 255, and training suffers: x * 255"),
    "17 levels": (both(lambda x: x >> 4, "x"), "x * 17"),
    "black": (both(lambda x: x * 0, "x"), "all pixels are 0"),
    "a gap": (both(lambda y: np.where(y == 4, 5, y), "y"), "y_train: no image of class 4, of 10 counted from 0; labels without gaps: np.unique"),
    "unknown in the test": (toy(y_train=np.arange(60) % 8), "y_test: 4 of 20 images are of classes 8, 9, which y_train does not have"),
}  # fmt: skip


@pytest.mark.parametrize("kind", ODD)
def test_what_is_odd_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    arrays, says = ODD[kind]
    np.savez(tmp_path / "toy.npz", **arrays)
    prepare("toy", tmp_path, tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith(f"warning: {tmp_path / 'toy.npz'}: ") and says in line for line in lines)  # fmt: skip


def test_medmnist(tmp_path: Path) -> None:
    given = toy()
    for side, name in (("train", "train"), ("test", "test")):
        given[f"{name}_images"] = given.pop(f"x_{side}")
        given[f"{name}_labels"] = given.pop(f"y_{side}")[:, None]
    own = RNG.integers(0, 256, (12, 8, 6), dtype=np.uint8)
    given |= {"val_images": own, "val_labels": np.arange(12)[:, None] % 10}
    np.savez(tmp_path / "pathmnist.npz", **given)
    assert source_of("pathmnist", tmp_path).counts == (60, 12, 20)
    packed = prepare("pathmnist", tmp_path, tmp_path)
    np.testing.assert_array_equal(packed.validation.images[..., 0], own)
    np.testing.assert_array_equal(packed.validation.labels, np.arange(12) % 10)
    np.testing.assert_array_equal(packed.train.images[..., 0], given["train_images"])
    given["val_labels"] = np.eye(12)
    assert "val_labels: found shape (12, 12)" in refusal(tmp_path, given, "pathmnist")


def test_other_names_are_listed(tmp_path: Path) -> None:
    said = refusal(tmp_path, {"images": np.zeros((5, 8, 6), np.uint8), "labels": np.arange(5)})
    assert "found images (5, 8, 6) uint8, labels (5,) int64" in said
    assert (
        "wanted x_train, y_train, x_test, y_test, or train_images, train_labels, test_images"
        in said
    )
    assert "no array 'x_val'" in refusal(tmp_path, toy(y_val=np.arange(10)))


@pytest.mark.parametrize("kind", ["text", "cut", "array", "folder", "nothing"])
def test_files_that_cannot_be_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "toy.npz"
    np.savez(path, **toy())
    content = path.read_bytes()
    path.unlink()
    match kind:
        case "text":
            path.write_text("a,b,c")
        case "cut":
            path.write_bytes(content[: len(content) // 2])
        case "array":
            np.save(path.with_suffix(".npy"), np.zeros(3))
            path.with_suffix(".npy").rename(path)
        case "folder":
            path.mkdir()
        case "nothing":
            path.symlink_to(tmp_path / "gone")
    for look in (lambda: source_of("toy", tmp_path), lambda: prepare("toy", tmp_path, tmp_path)):
        with pytest.raises(ConfigError, match=r"toy\.npz: (truncated or not|cannot be read: )"):
            look()


def test_as_many_images_as_rows(tmp_path: Path) -> None:
    """MATLAB's axes (32, 32, 3, n) where n is 32: nothing but the channels tells."""
    x, y = RNG.integers(0, 256, (32, 32, 3, 32), dtype=np.uint8), np.arange(32) % 10
    said = refusal(tmp_path, {"x_train": x, "y_train": y, "x_test": x, "y_test": y})
    assert "found shape (32, 32, 3, 32); images come first: x.transpose(3, 0, 1, 2)" in said


def test_the_plan_says_what_is_odd(tmp_path: Path) -> None:
    """Of the pixels too: their beginning is enough to look further."""
    for kind, (arrays, says) in ODD.items():
        np.savez_compressed(tmp_path / "toy.npz", **arrays)
        assert any(says in remark for remark in remarks_on(["toy"], tmp_path)), kind
    bright = toy()
    bright["x_train"][:50] = 0
    np.savez(tmp_path / "toy.npz", **bright)
    assert remarks_on(["toy", "digits"], tmp_path) == []


def test_edgebnn_plan_prints_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "toy.npz", **ODD["zeros and ones"][0])
    (tmp_path / "study.yaml").write_text(
        f"study: s\ndata_dir: {tmp_path}\nexperiments:\n  - {{name: a, dataset: toy, model: mlp, "
        "methods: [proposed], emulate: {batch_size: 20}}\n"
    )
    assert main(["plan", str(tmp_path / "study.yaml")]) == 0
    assert (
        "toy.npz: x_train: found values 0 to 1; pixels go from 0 to 255" in capsys.readouterr().out
    )


def test_more_classes_than_labels_can_tell_apart(tmp_path: Path) -> None:
    shape = (224, 224, 3)
    arrays = toy(x_train=np.zeros((8, *shape), np.uint8), y_train=np.arange(8) * 100)
    arrays |= {"x_test": np.zeros((1, *shape), np.uint8), "y_test": np.zeros(1, int)}
    np.savez_compressed(tmp_path / "imagenet.npz", **arrays)
    with pytest.raises(ConfigError, match="1000 classes; labels of at most 256 can be trained on"):
        source_of("imagenet", tmp_path).check_batch("imagenet", 2, "experiment 'a'")
    with pytest.raises(ConfigError, match="label 700; the packed file holds labels up to 255"):
        prepare("imagenet", tmp_path, tmp_path)


def test_an_array_that_is_none_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "toy.npz", "w") as archive:
        archive.writestr("x_train.npy", b"junk")
    with pytest.raises(ConfigError, match=r"toy\.npz: .*array 'x_train'"):
        source_of("toy", tmp_path)


def test_a_damaged_array_is_named(tmp_path: Path) -> None:
    path = tmp_path / "toy.npz"
    np.savez(path, **toy())
    content = bytearray(path.read_bytes())
    content[600] ^= 255  # inside x_train
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"toy\.npz: .*x_train"):
        prepare("toy", tmp_path, tmp_path)


def test_too_few_images(tmp_path: Path) -> None:
    given = toy()
    for side, count in (("x_train", 5), ("y_train", 5)):
        given[side] = given[side][:count]
    np.savez(tmp_path / "toy.npz", **given)
    with pytest.raises(
        ConfigError, match=r"toy\.npz: no images for validation, and 5 for training; 7"
    ):
        prepare("toy", tmp_path, tmp_path)
    with pytest.raises(ConfigError, match="no images for validation, and 5 for training; 7"):
        source_of("toy", tmp_path).check_batch("toy", 2, "experiment 'a'")
    np.savez(tmp_path / "toy.npz", **toy())
    source = source_of("toy", tmp_path)
    source.check_batch("toy", 55, "experiment 'a'")
    with pytest.raises(ConfigError, match="batch_size 56 is more than the 55 images for training"):
        source.check_batch("toy", 56, "experiment 'a'")
