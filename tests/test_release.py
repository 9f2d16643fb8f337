"""What a release says of itself, and what can be done with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
from pathlib import Path

import pytest
import yaml

from edgebnn.cli import main
from edgebnn.paper import CITATION
from edgebnn.record import read_record

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_version_stands_in_the_changelog(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"edgebnn {PROJECT['version']}\n"
    assert f"\n## {PROJECT['version']}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_licence_is_the_same_everywhere() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert cited["license"] == PROJECT["license"] == "Apache-2.0"
    assert (
        "Apache License\n                           Version 2.0" in (ROOT / "LICENSE").read_text()
    )


def test_the_papers_are_cited() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())["references"]
    assert all(paper["doi"] in CITATION for paper in cited)
    assert [len(paper["authors"]) for paper in cited] == [9, 9]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a shell in which the wheel is installed, as its sdist makes it, and no source tree is seen."""
    folder = tmp_path_factory.mktemp("release")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", folder],
        cwd=ROOT,
        check=True,
    )
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    tree = folder / sdist.name.removesuffix(".tar.gz")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=tree,
        check=True,
    )
    shutil.rmtree(tree)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", symlinks=True)
    python = folder / "venv" / "bin" / "python"
    (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
    install = ["uv", "pip", "install", "--offline", "--no-deps", "--python", python, wheel]
    subprocess.run([sys.executable, "-m", *install], check=True)
    # What edgebnn needs is in this environment; its .pth files, an editable edgebnn's among them, are not read.
    needed = [path for path in sys.path if Path(path).name == "site-packages"]
    (packages / "needed.pth").write_text("\n".join(needed))
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "MLFLOW_TRACKING_URI")}
    return {
        **kept,
        "PATH": f"{python.parent}{os.pathsep}{kept['PATH']}",
        "VIRTUAL_ENV": str(folder / "venv"),
        "ZIG_GLOBAL_CACHE_DIR": kept.get("ZIG_GLOBAL_CACHE_DIR", f"{sys.prefix}/share/zig"),
        "COLUMNS": "200",
    }


@pytest.mark.slow
@pytest.mark.heavy
def test_an_installed_wheel_makes_a_study_and_runs_it(
    installed: dict[str, str], tmp_path: Path
) -> None:
    def run(command: str, folder: Path) -> str:
        done = subprocess.run(
            command,
            shell=True,
            cwd=folder,
            env=installed,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    venv_folder = Path(installed["VIRTUAL_ENV"])
    before = files_of(venv_folder)
    assert "cd 'my \"study\" & $HOME'" in run("edgebnn new 'my \"study\" & $HOME'", tmp_path)
    study = tmp_path / 'my "study" & $HOME'
    run("python -m snakemake --cores 2 all", study)
    records = [
        read_record(path)
        for path in (study / "results").glob("[bdem]*/*.json")
        if path.parent.name != "build"
    ]
    assert (
        sorted(record.stage for record in records)
        == ["device"] * 2 + ["emulate"] * 2 + ["memory"] * 6
    )
    assert (study / "results" / "report" / "index.html").exists()
    said = run("edgebnn memory --model mlp", study)
    assert "2.664" in said and "not known" not in said
    said = run("edgebnn fit --model binarynet --board rpi3b+ --memory 64MiB --batch-size 40", study)
    assert "momentum_dtype: i8" in said and "A step: " in said
    assert files_of(venv_folder) == before


def files_of(folder: Path) -> set[Path]:
    """But bytecode."""
    return {path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}


@pytest.mark.parametrize("there", ["file", "folder"])
def test_a_new_study_overwrites_nothing(
    there: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "study"
    if there == "folder":
        (place / "mine").mkdir(parents=True)
    else:
        place.touch()
    assert main(["new", str(place)]) == 2
    assert "something is there already; name a new folder" in capsys.readouterr().err


def test_a_new_study_is_a_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "mine"]) == 0
    monkeypatch.chdir(tmp_path / "mine")
    assert main(["plan"]) == 0
    assert "digits-mlp" in capsys.readouterr().out
    (tmp_path / "mine" / "config" / "models").mkdir()
    (tmp_path / "mine" / "config" / "models" / "mlp.yaml").write_text(
        "input: [8, 8, 1]\nlayers: [nothing]\n"
    )
    assert main(["plan"]) == 2
    assert "config/models/mlp.yaml: line 2" in capsys.readouterr().err
