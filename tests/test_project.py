"""The project's own files: lock, environments, schemas, and what may not stand in them."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from edgebnn.errors import ConfigError
from edgebnn.farm.inventory import load_inventory
from edgebnn.schema import SCHEMAS, schema_text
from edgebnn.study.config import load_study
from edgebnn.study.plan import make_plan
from tests.made_images import make_imagenet

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_lock_names_no_host_and_hashes_everything() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert not re.search(r"https?://|--(extra-)?index", lock)
    pinned = re.findall(r"^([a-z0-9._-]+)(\[.*?\])?==", lock, re.MULTILINE)
    blocks = re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)
    assert len(pinned) > 100
    assert all("--hash=sha256:" in block for block in blocks if "==" in block.split("\n")[0])


def test_the_lock_covers_every_dependency() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    wanted = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]
    for requirement in wanted:
        name = re.match(r"[A-Za-z0-9_.-]+", requirement)[0]
        assert re.search(rf"^{name}==", lock, re.MULTILINE), name


def test_conda_users_get_the_same_set() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    pip = next(entry["pip"] for entry in environment if isinstance(entry, dict))
    assert sorted(pip) == sorted(["-e .", *PROJECT["dependencies"]])
    assert f"python{PROJECT['requires-python']}" in environment


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_up_to_date(name: str) -> None:
    written = (ROOT / "config" / "schema" / f"{name}.json").read_text()
    assert written == schema_text(name), "run: edgebnn schema"


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.yaml")), ids=lambda p: p.name)
def test_shipped_configurations_are_valid(
    path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("EDGEBNN_DATA_DIR", raising=False)
    if path.name == "farm.yaml":
        assert set(load_inventory(path).boards()) == {"virtual"}
        return
    study = load_study(path)
    boards = load_inventory(Path(study.farm)).boards()
    if path.name == "imagenet.yaml":
        with pytest.raises(ConfigError, match="'imagenet' is not at hand; put a folder imagenet/"):
            make_plan(study, boards)
        make_imagenet(tmp_path / "imagenet")
        monkeypatch.setenv("EDGEBNN_DATA_DIR", str(tmp_path))
    assert any(make_plan(study, boards).runs.values())


def test_every_key_is_explained() -> None:
    text = (ROOT / "config" / "README.md").read_text()
    definitions = [model.model_json_schema() for name, model in SCHEMAS.items() if name != "record"]
    keys = {
        key
        for schema in definitions
        for model in [schema, *schema.get("$defs", {}).values()]
        for key in model.get("properties", {})
    }
    network = {"layers", "input", "switches"}
    assert not [key for key in sorted(keys - network) if f"`{key}`" not in text]


def test_no_tracked_file_holds_a_machines_path() -> None:
    pattern = r"/(ho" r"me|ro" r"ot|wo" r"rk|Us" r"ers)/[a-z]"
    found = subprocess.run(
        ["git", "grep", "-nIE", pattern], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert found.stdout == ""


def test_tracked_files_are_text() -> None:
    """All but the fuzzers' seeds: what a program left behind is not committed."""

    def names(*command: str) -> set[str]:
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        return {name for name in done.stdout.split("\0") if name}

    odd = names("git", "ls-files", "-z") - names("git", "grep", "-zIl", "")
    filled = {name for name in odd if (ROOT / name).is_file() and (ROOT / name).stat().st_size}
    assert {name for name in filled if not name.startswith("rpi/fuzz/corpus/")} == set()
