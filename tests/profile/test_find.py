"""Which run is meant, and where its data are: by file, by id, and kindly where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebnn.cli import main
from edgebnn.data.datasets import read_packed
from edgebnn.errors import ConfigError
from edgebnn.profile.find import data_of, find_run, results_of
from edgebnn.profile.images import write_few

from .conftest import Study


@pytest.fixture
def there(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A folder in which the study's results are results/."""
    (tmp_path / "results").symlink_to(study.results)
    monkeypatch.chdir(tmp_path)
    return study


def test_a_run_by_its_id_and_by_its_file(there: Study) -> None:
    file = there.run("proposed")
    by_id, found = find_run(file.stem)
    assert found.samefile(file)
    assert find_run(str(file)) == (by_id, file)
    assert by_id.id == file.stem
    data = data_of(by_id, found, None)
    assert data.samefile(there.data)
    assert not data.is_absolute()


def test_a_run_that_is_elsewhere(there: Study, tmp_path: Path) -> None:
    copy = tmp_path / "mine.json"
    copy.write_bytes(there.run("proposed").read_bytes())
    run, file = find_run("./mine.json")
    assert results_of(file) == Path("results")
    assert data_of(run, file, there.data) == there.data


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("digits-mlp-propsed-b200-s0-0", ["no run 'digits-mlp-propsed", "did you mean 'digits-mlp-proposed-b200-s", "edgebnn plan"]),
        ("none.json", ["none.json: no such file; a run's file or a run's id is wanted"]),
        ("none/run", ["none/run: no such file"]),
        ("results/plan.json", ["results/plan.json: not a run"]),
    ],
)  # fmt: skip
def test_no_such_run(there: Study, name: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as refused:
        find_run(name)
    for word in words:
        assert word in str(refused.value)


@pytest.mark.parametrize("stage", ["emulate", "memory"])
def test_a_run_of_another_stage(there: Study, stage: str) -> None:
    file = next((there.results / "runs" / stage).glob("*.json"))
    said = f"stage: found '{stage}', which the C[+][+] trainer does not train; allowed are device, profile"
    with pytest.raises(ConfigError, match=said):
        find_run(file.stem)


def test_data_that_are_not_there(there: Study, tmp_path: Path) -> None:
    run, file = find_run(str(there.run("proposed")))
    none = tmp_path / "none.ebd"
    with pytest.raises(ConfigError) as refused:
        data_of(run, file, none)
    assert f"{none}: no such file" in str(refused.value)
    assert f"edgebnn data digits --digest {run.data_digest} --output {none}" in str(refused.value)


@pytest.mark.parametrize("option", ["--steps", "--threads"])
def test_numbers_that_are_none(
    there: Study, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["profile", str(there.run("proposed")), option, "0"]) == 2
    assert f"{option}: found 0, allowed is a whole number of at least 1" in capsys.readouterr().err


def test_few_images_are_the_first(there: Study, tmp_path: Path) -> None:
    few = tmp_path / "few.ebd"
    write_few(there.data, few, 20, 3)
    all_of, found = read_packed(there.data), read_packed(few)
    assert [len(split.labels) for split in found.splits()] == [60, 1, 1]
    assert found.classes == all_of.classes
    for split, whole in zip(found.splits(), all_of.splits(), strict=True):
        assert (split.images == whole.images[: len(split.images)]).all()
        assert (split.labels == whole.labels[: len(split.labels)]).all()
    write_few(there.data, few, 1000, 1000)
    assert len(read_packed(few).train.labels) == len(all_of.train.labels)
