"""The official files' formats, on small files of the same kind."""

import io
import tarfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from edgebnn.data.archives import CIFAR_TEST, CIFAR_TRAIN, read_cifar, read_svhn
from edgebnn.data.datasets import prepare
from edgebnn.data.download import Download
from edgebnn.data.sources import DATASETS
from edgebnn.errors import ConfigError

RNG = np.random.default_rng(11)
IMAGES = RNG.integers(0, 256, (24, 32, 32, 3), dtype=np.uint8)
LABELS = (np.arange(24) % 10).astype(np.uint8)


def write_cifar(path: Path, *, without: str = "", cut: int = 0) -> None:
    """20 training images in five batches, 4 test images; a label and three planes each."""
    planes = IMAGES.transpose(0, 3, 1, 2).reshape(24, -1)
    records = np.concatenate([LABELS[:, None], planes], axis=1)
    with tarfile.open(path, "w:gz") as archive:
        names = ("batches.meta.txt", *CIFAR_TRAIN, CIFAR_TEST)
        for number, name in enumerate(names, -1):
            content = records[number * 4 : number * 4 + 4].tobytes() if number >= 0 else b"airplane"
            if name == without:
                continue
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content) - cut
            archive.addfile(member, io.BytesIO(content))


def write_svhn(folder: Path, **changes: np.ndarray) -> tuple[Path, Path]:
    """20 training and 4 test images; 10 stands for 0."""
    paths = folder / "train_32x32.mat", folder / "test_32x32.mat"
    folder.mkdir(exist_ok=True)
    labels = np.where(LABELS == 0, 10, LABELS)[:, None]
    for path, part in zip(paths, (slice(20), slice(20, None)), strict=True):
        arrays = {"X": IMAGES[part].transpose(1, 2, 3, 0), "y": labels[part], **changes}
        savemat(path, arrays, do_compression=True)
    return paths


def assert_read(arrays: dict[str, np.ndarray]) -> None:
    for side, part in (("train", slice(20)), ("test", slice(20, None))):
        assert arrays[f"x_{side}"].dtype == np.uint8
        np.testing.assert_array_equal(arrays[f"x_{side}"], IMAGES[part])
        np.testing.assert_array_equal(arrays[f"y_{side}"].reshape(-1), LABELS[part])


def test_cifar(tmp_path: Path) -> None:
    write_cifar(tmp_path / "cifar.tar.gz")
    assert_read(read_cifar(tmp_path / "cifar.tar.gz"))


def test_svhn(tmp_path: Path) -> None:
    assert_read(read_svhn(*write_svhn(tmp_path)))


def download(path: Path, address: str) -> Download:
    return Download(f"{address}/{path.name}", sha256(path.read_bytes()).hexdigest())


@pytest.mark.parametrize("name", ["cifar10", "svhn"])
def test_from_the_address_to_the_splits(
    name: str, served: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address = served
    paths = write_svhn(folder)
    if name == "cifar10":
        paths = (folder / "cifar-10-binary.tar.gz",)
        write_cifar(paths[0])
    files = tuple(download(path, address) for path in paths)
    assert [file.name for file in files] == [file.name for file in DATASETS[name].files]
    monkeypatch.setitem(DATASETS, name, replace(DATASETS[name], files=files))
    packed = prepare(name, None, tmp_path / "cache")
    assert [len(split.labels) for split in packed.splits()] == [18, 2, 4]
    np.testing.assert_array_equal(packed.test.images, IMAGES[20:])
    assert sorted(path.name for path in (tmp_path / "cache" / name).iterdir()) == sorted(
        path.name for path in paths
    )


def test_cifar_refused(tmp_path: Path) -> None:
    path = tmp_path / "cifar.tar.gz"
    write_cifar(path, without="data_batch_3.bin")
    with pytest.raises(ConfigError, match=r"cifar\.tar\.gz: no file '.*/data_batch_3\.bin'"):
        read_cifar(path)
    write_cifar(path, cut=1)
    with pytest.raises(
        ConfigError, match=r"data_batch_1\.bin: 12291 bytes, must be a multiple of 3073"
    ):
        read_cifar(path)
    write_cifar(path)
    for keep in (0, 10, path.stat().st_size // 2):
        path.write_bytes(path.read_bytes()[:keep])
        with pytest.raises(ConfigError, match=r"cifar\.tar\.gz: truncated or not a \.tar\.gz"):
            read_cifar(path)
        write_cifar(path)


def test_svhn_refused(tmp_path: Path) -> None:
    train, test = write_svhn(tmp_path, X=np.zeros((32, 32, 3), np.uint8))
    with pytest.raises(ConfigError, match=r"train_32x32\.mat: X: 3 axes"):
        read_svhn(train, test)
    savemat(train, {"X": np.zeros(3)})
    with pytest.raises(ConfigError, match=r"train_32x32\.mat: no array 'y'"):
        read_svhn(train, test)
    for content in (b"", b"no MATLAB file at all", None):
        whole = write_svhn(tmp_path)[1].read_bytes()
        test.write_bytes(whole[: len(whole) // 2] if content is None else content)
        with pytest.raises(ConfigError, match=r"test_32x32\.mat: truncated or not a MATLAB 5"):
            read_svhn(train, test)


def test_svhn_has_no_eleven(
    served: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address = served
    paths = write_svhn(folder, y=np.full((20, 1), 11, np.uint8))
    source = replace(DATASETS["svhn"], files=tuple(download(path, address) for path in paths))
    monkeypatch.setitem(DATASETS, "svhn", source)
    with pytest.raises(ConfigError, match="label 11 of image 0 is out of range"):
        prepare("svhn", None, tmp_path / "cache")
