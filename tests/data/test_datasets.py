"""Data sets: the packed file, and what is said of files that are not what they should be."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgebnn.data.datasets import HEADER_BYTES, Packed, prepare, read_packed, write_packed
from edgebnn.data.download import Download
from edgebnn.data.sources import DATASETS, Source
from edgebnn.errors import ConfigError, InfrastructureError
from edgebnn.progress import download_bar


def arrays(shape: tuple[int, ...] = (28, 28), classes: int = 10) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(7)
    return {
        "x_train": draw.integers(0, 256, (24, *shape), dtype=np.uint8),
        "y_train": draw.integers(0, classes, 24),
        "x_test": draw.integers(0, 256, (6, *shape), dtype=np.uint8),
        "y_test": draw.integers(0, classes, 6),
    }


def mnist_from(folder: Path, **changes: np.ndarray) -> Packed:
    np.savez(folder / "mnist.npz", **{**arrays(), **changes})
    return prepare("mnist", folder, folder / "cache")


def test_digits_come_with_the_packages(tmp_path: Path) -> None:
    data = prepare("digits", None, tmp_path)
    assert data.shape == (8, 8, 1)
    assert [len(split.labels) for split in data.splits()] == [1318, 120, 359]
    assert data.train.images.max() == 255
    assert not list(tmp_path.iterdir())


def test_a_local_file_comes_first_and_survives_packing(tmp_path: Path) -> None:
    data = mnist_from(tmp_path)
    assert [len(split.labels) for split in data.splits()] == [22, 2, 6]
    write_packed(tmp_path / "mnist.ebd", data)
    back = read_packed(tmp_path / "mnist.ebd")
    assert back.classes == 10
    for wrote, read in zip(data.splits(), back.splits(), strict=True):
        np.testing.assert_array_equal(wrote.images, read.images)
        np.testing.assert_array_equal(wrote.labels, read.labels)


def test_no_training_image_is_lost_or_doubled_by_the_split(tmp_path: Path) -> None:
    given = arrays()
    data = mnist_from(tmp_path, **given)
    together = np.concatenate([data.train.images, data.validation.images])[..., 0]
    assert sorted(map(bytes, together)) == sorted(map(bytes, given["x_train"]))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"y_train": np.full(24, 10)}, ["y_train", "label 10 of image 0", "0 to 9"]),
        ({"y_test": np.array([0, 1, 2, -1, 4, 5])}, ["y_test", "label -1 of image 3"]),
        ({"y_train": np.zeros(23, int)}, ["24 images", "23 labels"]),
        ({"x_train": np.zeros((24, 28, 28), np.float32)}, ["x_train", "float32", "uint8"]),
        ({"x_test": np.zeros((6, 27, 28), np.uint8)}, ["x_test", "27x28x1", "28x28x1"]),
        ({"y_train": np.zeros(24)}, ["y_train", "float64", "integers"]),
    ],
)
def test_wrong_arrays_are_refused(
    tmp_path: Path, changes: dict[str, np.ndarray], words: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        mnist_from(tmp_path, **changes)
    assert "mnist.npz" in str(caught.value)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("keep", [0, 10, 3000, -30])
def test_a_truncated_npz_is_refused(tmp_path: Path, keep: int) -> None:
    np.savez(tmp_path / "mnist.npz", **arrays())
    content = (tmp_path / "mnist.npz").read_bytes()
    (tmp_path / "mnist.npz").write_bytes(content[:keep])
    with pytest.raises(ConfigError, match=r"mnist\.npz: truncated or not an \.npz"):
        prepare("mnist", tmp_path, tmp_path / "cache")


def test_a_missing_array_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "mnist.npz", x_train=arrays()["x_train"])
    with pytest.raises(ConfigError, match="no array 'y_train'; found x_train"):
        prepare("mnist", tmp_path, tmp_path / "cache")


def test_absent_and_unreachable_says_what_to_put_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("mnist", "cifar10", "svhn"):
        known = DATASETS[name]
        files = tuple(Download(f"http://127.0.0.1:9/{f.name}", f.sha256) for f in known.files)
        monkeypatch.setitem(DATASETS, name, replace(known, files=files))
        with pytest.raises(InfrastructureError) as caught:
            prepare(name, tmp_path / "mine", tmp_path / "cache")
        for words in (f"127.0.0.1:9/{files[0].name}", f"put {name}.npz (", str(tmp_path / "mine")):
            assert words in str(caught.value)
    with pytest.raises(ConfigError, match=r"put a folder imagenet/ .*EDGEBNN_DATA_DIR"):
        prepare("imagenet", None, tmp_path / "cache")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


class Heard:
    """A progress that keeps what it is told."""

    def __init__(self) -> None:
        self.total = self.done = 0
        self.closed = False

    def update(self, n: int) -> None:
        self.done += n

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        self.closed = True


def test_a_download_is_verified_and_kept(
    served: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address = served
    file = folder / "served.npz"
    np.savez(file, **arrays())
    size = file.stat().st_size
    digest = hashlib.sha256(file.read_bytes()).hexdigest()

    def expect(sha256: str) -> None:
        source = Source((28, 28, 1), 10, (Download(f"{address}/served.npz", sha256),))
        monkeypatch.setitem(DATASETS, "mnist", source)

    cache = tmp_path / "cache"
    expect("0" * 64)
    with pytest.raises(InfrastructureError, match=f"expected sha256:0000.* but got {digest}"):
        prepare("mnist", None, cache)
    assert not list((cache / "mnist").iterdir())

    expect(digest)
    heard = Heard()
    prepare("mnist", None, cache, heard)
    assert (heard.total, heard.done, heard.closed) == (size, size, True)

    (cache / "mnist" / "served.npz").write_bytes(b"damaged since")
    with download_bar("mnist") as bar:
        prepare("mnist", None, cache, bar)
        assert bar.total == size
    file.unlink()
    prepare("mnist", None, cache)  # from the cache

    (cache / "mnist" / "served.npz").unlink()
    with pytest.raises(InfrastructureError, match=r"cannot be reached \(404.*put mnist\.npz"):
        prepare("mnist", None, cache)


def test_a_download_without_room_says_so(
    served: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address = served
    (folder / "served.npz").write_bytes(b"content")
    source = Source((28, 28, 1), 10, (Download(f"{address}/served.npz", "0" * 64),))
    monkeypatch.setitem(DATASETS, "mnist", source)
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(InfrastructureError, match=r"served\.npz: cannot be written: "):
        prepare("mnist", None, tmp_path / "cache")


def damage(content: bytearray, how: str) -> bytearray:
    match how:
        case "short header":
            return content[:40]
        case "short payload":
            return content[:-1]
        case "long payload":
            return content + b"x"
        case "magic":
            content[0] ^= 1
        case "header":
            content[20] ^= 1
        case "payload":
            content[HEADER_BYTES + 5] ^= 1
    return content


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("short header", "truncated"),
        ("short payload", "its header promises"),
        ("long payload", "its header promises"),
        ("magic", "not a packed data set"),
        ("header", "header's checksum"),
        ("payload", "payload's checksum"),
    ],
)
def test_a_damaged_packed_file_is_refused(tmp_path: Path, how: str, says: str) -> None:
    path = tmp_path / "mnist.ebd"
    write_packed(path, mnist_from(tmp_path))
    path.write_bytes(damage(bytearray(path.read_bytes()), how))
    with pytest.raises(ConfigError, match=says):
        read_packed(path)
