"""A folder of images is a data set by its name; what is wrong with one is said before an image is opened."""

from pathlib import Path

import numpy as np
import pytest

from edgebnn.cli import main
from edgebnn.data.image_folder import held_out, held_out_of, image_folder
from edgebnn.data.image_index import index_of, read_index, write_index
from edgebnn.data.sources import source_of
from edgebnn.errors import ConfigError
from edgebnn.study.config import parse_study
from edgebnn.study.plan import Plan, make_plan
from tests.made_images import MODEL


def fill(root: Path, classes: tuple[str, ...] = ("cat", "dog"), train: int = 24) -> Path:
    """Files of other bytes than an image's: nothing here opens one."""
    for name in classes:
        for part, count in (("train", train), ("val", 3)):
            (root / part / name).mkdir(parents=True)
            for number in range(count):
                (root / part / name / f"{name}_{number}.JPEG").write_bytes(b"x" * (number + 1))
    return root


def listed(root: Path, text: str) -> Path:
    """The same with val/ in one folder, and its list."""
    for path in sorted((root / "val").glob("*/*")):
        path.rename(root / "val" / path.name)
    for folder in (root / "val").glob("*/"):
        folder.rmdir()
    (root / "val.txt").write_text(text)
    return root


def plan(folder: Path, dataset: str = "pets", model: str = MODEL, **changes: object) -> Plan:
    (folder / "models").mkdir(exist_ok=True)
    (folder / "models" / "small.yaml").write_text(model)
    experiment = {"name": "a", "dataset": dataset, "model": "small", "methods": ["proposed"]}
    experiment |= changes or {"emulate": {"batch_size": 20, "epochs": 1}}
    document = {"study": "s", "models": str(folder / "models"), "data_dir": str(folder)}
    return make_plan(
        parse_study({**document, "experiments": [experiment]}, "my.yaml"), {"virtual": ["v1"]}
    )


def test_a_folder_is_what_is_in_it(tmp_path: Path) -> None:
    root = fill(tmp_path / "pets")
    (root / "train" / "cat" / "notes.txt").touch()
    (root / "train" / "cat" / ".hidden.JPEG").touch()
    (root / "train" / "dog" / "one_more.png").touch()
    found = image_folder(root)
    assert found.classes == ("cat", "dog")
    assert found.counts == (45, 4, 6)  # a twelfth of 24 and of 25 is held out
    assert found.remarks == (f"{root}/train/cat: 1 files are passed over",)
    source = source_of("pets", tmp_path)
    assert (source.shape, source.classes, source.counts) == (None, 2, found.counts)


def test_names_and_sizes_make_the_digest(tmp_path: Path) -> None:
    first = image_folder(fill(tmp_path / "a")).digest
    assert image_folder(fill(tmp_path / "b")).digest == first
    for change in ("renamed", "grown", "gone"):
        root = fill(tmp_path / change)
        assert image_folder(root).digest == first
        path = root / "train" / "cat" / "cat_0.JPEG"
        if change == "renamed":
            path.rename(path.with_name("other.JPEG"))
        else:
            path.unlink()
        if change == "grown":
            path.write_bytes(b"xx")
        assert image_folder(root).digest != first


def test_validation_is_held_out_of_each_class_by_name(tmp_path: Path) -> None:
    root = fill(tmp_path / "pets")
    write_index(tmp_path / "index", index_of(root))
    index = read_index(tmp_path / "index")
    assert index.classes == 2
    assert [len(split.labels) for split in index.splits()] == [44, 4, 6]
    assert [split.labels.dtype for split in index.splits()] == [np.int32] * 3
    held = set(index.validation.files.tolist())
    assert held.isdisjoint(index.train.files.tolist())
    assert np.bincount(index.validation.labels).tolist() == [2, 2]
    (root / "train" / "dog" / "a_new_one.JPEG").touch()
    again = set(index_of(root).validation.files.tolist())
    assert len(held & again) >= 3  # one more image moves one at most
    names = [f"train/cat/{number}" for number in range(1300)]
    assert len(held_out(names, held_out_of(1300))) == 50
    assert held_out(reversed(names), 50) == held_out(names, 50)


def test_a_list_names_the_classes_of_val(tmp_path: Path) -> None:
    by_class = index_of(fill(tmp_path / "a")).test
    lines = [f"{name}_{number}.JPEG {name}" for name in ("cat", "dog") for number in range(3)]
    by_name = index_of(listed(fill(tmp_path / "b"), "\n".join(lines))).test
    numbered = "\n".join(line.replace(" cat", " 0").replace(" dog", " 1") for line in lines)
    by_number = index_of(listed(fill(tmp_path / "c"), numbered)).test
    for test in (by_name, by_number):
        flat = [b"val/" + file.rpartition(b"/")[2] for file in by_class.files]
        assert test.files.tolist() == flat
        assert test.labels.tolist() == by_class.labels.tolist()
    part = image_folder(listed(fill(tmp_path / "d"), lines[0]))
    assert part.counts[2] == 1
    assert f"{part.root}/val: no image of 1 of 2 classes" in part.remarks
    assert any("that val.txt does not name): 5 files are passed over" in r for r in part.remarks)


def test_a_list_may_have_spaces_in_names_and_a_byte_order_mark(tmp_path: Path) -> None:
    root = fill(tmp_path / "pets")
    (root / "train" / "cat").rename(root / "train" / "a wild cat")
    listed(root, "\ufeffcat_0.JPEG a wild cat\r\ncat 1.JPEG\t 1\r\n")
    (root / "val" / "cat_1.JPEG").rename(root / "val" / "cat 1.JPEG")
    test = index_of(root).test
    assert test.files.tolist() == [b"val/cat 1.JPEG", b"val/cat_0.JPEG"]
    assert test.labels.tolist() == [1, 0]


def test_images_outside_of_the_classes_are_told(tmp_path: Path) -> None:
    root = fill(tmp_path / "pets")
    (root / "val" / "loose.JPEG").touch()
    (remark,) = image_folder(root).remarks
    assert remark == f"{root}/val (images in no folder of a class): 1 files are passed over"


def no_train(root: Path) -> None:
    (root / "train").rename(root / "training")


def empty_class(root: Path) -> None:
    (root / "train" / "emu").mkdir()


def unknown_class(root: Path) -> None:
    (root / "val" / "emu").mkdir()


def one_class(root: Path) -> None:
    (root / "train" / "cat").rename(root / "cat")


def few(root: Path) -> None:
    for path in (root / "train").glob("*/*_?[0-9].JPEG"):
        path.unlink()
    for path in (root / "train").glob("*/*_[6-9].JPEG"):
        path.unlink()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (no_train, r"pets: no folder train/; wanted are train/<class>/\*\.JPEG"),
        (empty_class, "pets/train: no image of class: emu"),
        (unknown_class, "pets/val: train/ has no class: emu"),
        (one_class, "pets/train: found 1 folders of classes, wanted are 2 or more"),
        (few, "pets/train: no class has 7 images or more"),
        (lambda root: listed(root, "") and (root / "val.txt").unlink(), r"pets/val\.txt: No such file"),
        (lambda root: listed(root, "cat_9.JPEG cat"), r"no such image in val/: line 1: cat_9\.JPEG"),
        (lambda root: listed(root, "cat_0.JPEG emu"), "train/ has no class: line 1: emu"),
        (lambda root: listed(root, "cat_0.JPEG"), "wanted is `name class`, found: line 1: 'cat_0.JPEG'"),
        (lambda root: listed(root, "cat_0.JPEG 0\ncat_0.JPEG 1"), "stands there before: line 2"),
        (lambda root: listed(root, "\n"), r"pets/val\.txt: names no image"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_by_the_plan(tmp_path: Path, spoil: object, says: str) -> None:
    spoil(fill(tmp_path / "pets"))  # type: ignore[operator]
    with pytest.raises(ConfigError, match=f"experiment 'a': .*{says}"):
        plan(tmp_path)


def test_a_study_plans_it(tmp_path: Path) -> None:
    fill(tmp_path / "pets", tuple(f"n{label}" for label in range(10)), train=12)
    (run,) = plan(tmp_path).runs["emulate"].values()
    assert run.network.input == (32, 32, 3)
    assert run.data_digest == image_folder(tmp_path / "pets").digest


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"device": {"batch_size": 20}}, "is a folder of images, which no board reads"),
        ({"emulate": {"batch_size": 111}}, "batch_size 111 is more than the 110 images"),
        ({"emulate": {"batch_size": 20}, "augmentation": {"shift": 0.1}}, r"augmentation\.shift: found 0\.1"),
        ({"emulate": {"batch_size": 20}, "model": MODEL.replace("units: 10", "units: 1000")}, "ends in 1000 outputs, data set 'pets' has 10 classes"),
        ({"emulate": {"batch_size": 20}, "model": MODEL.replace("32, 3]", "32, 1]")}, "takes images of 1 channels"),
    ],
)  # fmt: skip
def test_what_it_cannot_be_used_for_is_said(
    tmp_path: Path, changes: dict[str, object], says: str
) -> None:
    fill(tmp_path / "pets", tuple(f"n{label}" for label in range(10)), train=12)
    model = str(changes.pop("model", MODEL))
    if "device" in changes:  # of layers that a board trains
        model = "input: [4, 4, 3]\nlayers: [flatten, {dense: 10}, batch_norm]\n"
    with pytest.raises(ConfigError, match=says):
        plan(tmp_path, model=model, **changes)


def test_imagenet_is_a_folder_that_the_user_gives(tmp_path: Path) -> None:
    model = MODEL.replace("units: 10", "units: 1000")
    with pytest.raises(
        ConfigError, match=r"experiment 'a': data set 'imagenet' is not at hand; put"
    ):
        plan(tmp_path, "imagenet", model)
    fill(tmp_path / "imagenet")
    assert source_of("imagenet", tmp_path).classes == 2
    with pytest.raises(ConfigError, match="did you mean 'imagenet'"):
        plan(tmp_path, "imagenett", model)


def test_the_stage_writes_its_index(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = fill(tmp_path / "pets")
    command = ["data", "pets", "--data-dir", str(tmp_path), "--output", str(tmp_path / "index")]
    digest = image_folder(root).digest
    assert main([*command, "--digest", digest]) == 0
    assert read_index(tmp_path / "index").train.files[0] == b"train/cat/cat_0.JPEG"
    (root / "train" / "cat" / "cat_0.JPEG").unlink()
    assert main([*command, "--digest", digest]) == 2
    assert "changed since the study was planned" in capsys.readouterr().err
    (tmp_path / "index").write_bytes(b"PK torn")
    with pytest.raises(ConfigError, match="index: damaged"):
        read_index(tmp_path / "index")
