"""A run's id is that of all that changes its figures: the data's bytes, the engines' choices; nothing else."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from edgebnn.cli import main
from edgebnn.data import digest
from edgebnn.data.digest import ABSENT, digest_of
from edgebnn.data.sources import DATASETS, source_of
from edgebnn.errors import ConfigError
from edgebnn.study.config import parse_study
from edgebnn.study.plan import Plan, make_plan

MODELS = str(Path(__file__).parents[2] / "config" / "models")


@pytest.fixture(autouse=True)
def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of someone who sets nothing."""
    for name in ("EDGEBNN_DATA_DIR", "EDGEBNN_KERNEL", "KERAS_BACKEND"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("EDGEBNN_CACHE", str(tmp_path / "cache"))


def write(path: Path, seed: int = 0) -> None:
    """Ten classes of 8x8 images; the same shapes and size for every seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(seed)
    np.savez(
        path,
        x_train=draw.integers(0, 256, (240, 8, 8), dtype=np.uint8),
        y_train=np.arange(240) % 10,
        x_test=draw.integers(0, 256, (20, 8, 8), dtype=np.uint8),
        y_test=np.arange(20) % 10,
    )


def plan(folder: Path | None = None, dataset: str = "toy", model: str = "mlp") -> Plan:
    experiment = {
        "name": "a", "dataset": dataset, "model": model, "methods": ["proposed"],
        "emulate": {"batch_size": 100, "epochs": 1}, "device": {"batch_size": 100, "epochs": 1},
    }  # fmt: skip
    document = {"study": "s", "models": MODELS, "experiments": [experiment]}
    document |= {"data_dir": str(folder)} if folder else {}
    return make_plan(parse_study(document, "my.yaml"), {"virtual": ["v1"]})


def ids(folder: Path | None = None, **which: str) -> dict[str, set[str]]:
    return {stage: set(runs) for stage, runs in plan(folder, **which).runs.items()}


def differs(before: dict[str, set[str]], after: dict[str, set[str]]) -> set[str]:
    assert all(before[s].isdisjoint(after[s]) or before[s] == after[s] for s in before)
    return {stage for stage in before if before[stage] != after[stage]}


def test_an_overwritten_file_is_another_data_set(tmp_path: Path) -> None:
    file = tmp_path / "toy.npz"
    write(file)
    before, size, stamp = ids(tmp_path), file.stat().st_size, file.stat().st_mtime_ns
    write(file, seed=1)
    os.utime(file, ns=(stamp, stamp))
    assert file.stat().st_size == size
    assert differs(before, ids(tmp_path)) == {"emulate", "device"}  # memory is that of the shape
    write(file)
    assert differs(before, ids(tmp_path)) == set()


def test_another_folder_of_the_environment_is_another_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "mine" / "toy.npz")
    write(tmp_path / "hers" / "toy.npz", seed=1)
    before = ids(tmp_path / "mine")
    monkeypatch.setenv("EDGEBNN_DATA_DIR", str(tmp_path / "hers"))
    assert differs(before, ids(tmp_path / "mine")) == {"emulate", "device"}


@pytest.mark.parametrize("large", [0, 1 << 26])
def test_where_the_file_is_and_when_it_was_touched_is_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: int
) -> None:
    monkeypatch.setattr(digest, "LARGE", large)
    write(tmp_path / "a" / "toy.npz")
    before = ids(tmp_path / "a")
    os.utime(tmp_path / "a" / "toy.npz", (1, 1))
    assert ids(tmp_path / "a") == before
    (tmp_path / "a").rename(tmp_path / "b c")
    assert ids(tmp_path / "b c") == before
    shutil.copytree(tmp_path / "b c", tmp_path / "d", symlinks=True)
    (tmp_path / "d" / "toy.npz").unlink()
    (tmp_path / "d" / "toy.npz").symlink_to(tmp_path / "b c" / "toy.npz")
    (tmp_path / "d" / "other.npz").write_bytes(b"of another study")
    assert ids(tmp_path / "d") == before


def test_the_name_is_not_the_data_set(tmp_path: Path) -> None:
    write(tmp_path / "toy.npz")
    shutil.copy(tmp_path / "toy.npz", tmp_path / "same.npz")
    digests = {run.data_digest for run in plan(tmp_path, "same").runs["device"].values()}
    assert digests == {run.data_digest for run in plan(tmp_path).runs["device"].values()}


def test_a_large_file_is_read_once_and_again_when_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "toy.npz"
    write(file)
    source = source_of("toy", tmp_path)
    small = digest_of("toy", source, tmp_path)
    monkeypatch.setattr(digest, "LARGE", 0)
    monkeypatch.setattr(digest, "SETTLED_S", -1.0)
    read = []
    real = digest.file_sha256
    monkeypatch.setattr(digest, "file_sha256", lambda path: read.append(path) or real(path))
    assert [digest_of("toy", source, tmp_path) for _ in range(3)] == [small] * 3
    assert len(read) == 1
    stamp = file.stat().st_mtime_ns
    write(file, seed=1)
    os.utime(file, ns=(stamp, stamp))
    assert digest_of("toy", source, tmp_path) != small
    (tmp_path / "cache" / "digests.json").write_text("[1, 2")
    assert digest_of("toy", source, tmp_path) != small
    assert len(read) == 3


def test_what_changed_a_moment_ago_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digest, "LARGE", 0)
    monkeypatch.setattr(digest, "SETTLED_S", 3600.0)
    write(tmp_path / "toy.npz")
    digest_of("toy", source_of("toy", tmp_path), tmp_path)
    assert not (tmp_path / "cache").exists()


def test_official_files_and_packages_have_digests_too(tmp_path: Path) -> None:
    digests = {name: digest_of(name, source, None) for name, source in DATASETS.items()}
    assert digests.pop("imagenet") == ABSENT
    assert digests["mnist"] == DATASETS["mnist"].files[0].sha256[:16]
    assert len(set(digests.values())) == 4
    assert all(len(text) == 16 for text in digests.values())
    assert ids(dataset="digits") == ids(tmp_path, dataset="digits")


def test_a_file_that_changes_after_the_plan_is_not_packed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "toy.npz")
    (run,) = plan(tmp_path).runs["device"].values()
    command = ["data", "toy", "--data-dir", str(tmp_path), "--digest", str(run.data_digest)]
    output = tmp_path / "toy.ebd"
    assert main([*command, "--output", str(output)]) == 0
    output.unlink()
    write(tmp_path / "toy.npz", seed=1)
    assert main([*command, "--output", str(output)]) == 2
    assert "data set 'toy' changed since the study was planned" in capsys.readouterr().err
    assert not output.exists()


def test_a_forced_kernel_is_a_run_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    before = ids(dataset="digits")
    monkeypatch.setenv("EDGEBNN_KERNEL", "scalar")
    assert differs(before, ids(dataset="digits")) == {"device"}
    (run,) = plan(dataset="digits").runs["device"].values()
    assert run.parameters()["kernel"] == "scalar"
    monkeypatch.setenv("EDGEBNN_KERNEL", "")
    assert ids(dataset="digits") == before
    monkeypatch.setenv("EDGEBNN_KERNEL", "avx2; reboot")
    with pytest.raises(ConfigError, match="EDGEBNN_KERNEL: found 'avx2; reboot'"):
        plan(dataset="digits")


def test_another_backend_is_a_run_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ids(dataset="digits")
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert ids(dataset="digits") == before
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    by_environment = ids(dataset="digits")
    assert differs(before, by_environment) == {"emulate"}
    monkeypatch.delenv("KERAS_BACKEND")
    (tmp_path / "keras").mkdir()
    (tmp_path / "keras" / "keras.json").write_text(json.dumps({"backend": "jax"}))
    assert ids(dataset="digits") == by_environment
    (tmp_path / "keras" / "keras.json").write_text("{")
    assert ids(dataset="digits") == before
    monkeypatch.setenv("KERAS_BACKEND", "tensorflw")
    with pytest.raises(ConfigError, match="did you mean 'tensorflow'"):
        plan(dataset="digits")


def test_the_record_says_which_data_of_which_form(tmp_path: Path) -> None:
    write(tmp_path / "toy.npz")
    (run,) = plan(tmp_path).runs["device"].values()
    found = run.parameters()
    assert found["data_digest"] == run.data_digest
    assert (found["input"], found["classes"]) == ("8x8x1", 10)
