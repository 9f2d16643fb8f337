"""Any .npz file of the user's folder is a data set by its name; other names are refused with what there is."""

from pathlib import Path

import numpy as np
import pytest

from edgebnn.data.datasets import prepare
from edgebnn.data.sources import DATASETS, data_folder, source_of
from edgebnn.errors import ConfigError
from edgebnn.study.config import parse_study
from edgebnn.study.plan import make_plan

MODELS = str(Path(__file__).parents[2] / "config" / "models")


def write(path: Path, shape: tuple[int, ...] = (9, 8, 3), classes: int = 10) -> None:
    draw = np.random.default_rng(3)
    np.savez_compressed(
        path,
        x_train=draw.integers(0, 256, (24, *shape), dtype=np.uint8),
        y_train=np.arange(24) % (classes - 1),
        x_test=draw.integers(0, 256, (6, *shape), dtype=np.uint8),
        y_test=np.full(6, classes - 1),  # the largest label need not be in both
        house_train=np.arange(24),
    )


def plan(folder: Path, dataset: str, model: str = "mlp"):
    experiment = {
        "name": "a", "dataset": dataset, "model": model, "methods": ["proposed"],
        "device": {"boards": ["virtual"], "batch_size": 20},
    }  # fmt: skip
    document = {
        "study": "s",
        "models": MODELS,
        "data_dir": str(folder),
        "experiments": [experiment],
    }
    return make_plan(parse_study(document, "my.yaml"), {"virtual": ["v1"]})


@pytest.mark.parametrize(
    ("shape", "classes", "expected"), [((9, 8, 3), 10, (9, 8, 3)), ((9, 8), 4, (9, 8, 1))]
)
def test_a_file_of_the_folder_is_a_data_set(
    tmp_path: Path, shape: tuple[int, ...], classes: int, expected: tuple[int, int, int]
) -> None:
    write(tmp_path / "house-numbers.npz", shape, classes)
    source = source_of("house-numbers", tmp_path)
    assert (source.shape, source.classes) == (expected, classes)
    packed = prepare("house-numbers", tmp_path, tmp_path / "cache")
    assert (packed.shape, packed.classes) == (expected, classes)
    assert [len(split.labels) for split in packed.splits()] == [22, 2, 6]


def test_a_study_plans_it(tmp_path: Path) -> None:
    write(tmp_path / "mine.npz")
    (run,) = plan(tmp_path, "mine").runs["device"].values()
    assert run.network.input == (9, 8, 3)
    assert run.id.startswith("mine-mlp-proposed-")
    write(tmp_path / "four.npz", classes=4)
    with pytest.raises(ConfigError, match="ends in 10 outputs, data set 'four' has 4 classes"):
        plan(tmp_path, "four")


def test_a_study_needs_a_batch_and_something_to_evaluate_on(tmp_path: Path) -> None:
    write(tmp_path / "mine.npz")
    content = dict(np.load(tmp_path / "mine.npz"))
    for images, says in (
        (19, "batch_size 20 is more than the 17 images for training"),
        (5, "no images for validation"),
    ):
        cut = {k: v[:images] if k.endswith("train") else v for k, v in content.items()}
        np.savez(tmp_path / "mine.npz", **cut)
        with pytest.raises(ConfigError, match=f"experiment 'a': data set 'mine': {says}"):
            plan(tmp_path, "mine")


def test_the_environment_overrides_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEBNN_DATA_DIR", str(tmp_path))
    write(tmp_path / "mine.npz")
    assert plan(tmp_path / "elsewhere", "mine").runs["device"]
    monkeypatch.delenv("EDGEBNN_DATA_DIR")
    assert data_folder(None) is None
    assert data_folder("a") == Path("a")


def test_unknown_names_are_refused_with_what_there_is(tmp_path: Path) -> None:
    write(tmp_path / "svhn_rgb_subset.npz")
    with pytest.raises(ConfigError) as caught:
        plan(tmp_path, "svhn_rgb_subsets")
    for words in (
        "experiment 'a': unknown",
        "did you mean 'svhn_rgb_subset'",
        "digits, mnist",
        str(tmp_path),
    ):
        assert words in str(caught.value)
    with pytest.raises(ConfigError, match=r"did you mean 'mnist'.*data_dir or EDGEBNN_DATA_DIR"):
        source_of("mnst", None)
    with pytest.raises(ConfigError, match="did you mean 'mnist'"):
        source_of("mnst", tmp_path / "none")


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"x_train": np.zeros((1, 4)), "y_train": [0], "y_test": [0], "x_test": np.zeros((1, 4, 4), np.uint8)}, "x_train: 2 axes"),
        ({"y_train": [0], "y_test": [0]}, "no array 'x_train'"),
        ({"x_train": np.zeros((3, 4, 4)), "y_train": [0]}, "no array 'x_test'"),
        ({"x_train": np.zeros((1, 4, 4), np.uint8), "y_train": [0.5], "y_test": [0], "x_test": np.zeros((1, 4, 4), np.uint8)}, "labels of type float64"),
        ({"x_train": np.zeros((1, 4, 4), np.uint8), "y_train": [256], "y_test": [0], "x_test": np.zeros((1, 4, 4), np.uint8)}, "label 256 of image 0"),
    ],
)  # fmt: skip
def test_files_that_are_no_data_sets(tmp_path: Path, arrays: dict[str, object], says: str) -> None:
    np.savez(tmp_path / "mine.npz", **{name: np.array(value) for name, value in arrays.items()})
    with pytest.raises(ConfigError, match=rf"mine\.npz: .*{says}"):
        plan(tmp_path, "mine")
    (tmp_path / "mine.npz").write_bytes(b"no archive")
    with pytest.raises(ConfigError, match=r"mine\.npz: "):
        plan(tmp_path, "mine")


def test_official_files_are_pinned() -> None:
    files = [file for source in DATASETS.values() for file in source.files]
    assert len(files) == 4
    assert all(len(file.sha256) == 64 for file in files)
