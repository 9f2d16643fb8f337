"""CNV on real house numbers from the user's folder, by the command line as a user would."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgebnn.study.config import parse_study
from edgebnn.study.plan import make_plan
from edgebnn.trainer.run_file import run_file

ROOT = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("EDGEBNN_DATA_DIR") or ROOT.parent / "shared/datasets")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "shape"), [("svhn_rgb_subset", (32, 32, 3)), ("svhn_gray_derived", (32, 32, 1))]
)
def test_house_numbers(
    name: str, shape: tuple[int, int, int], programs: Path, tmp_path: Path
) -> None:
    if not (FOLDER / f"{name}.npz").exists():
        pytest.skip(f"no {name}.npz in EDGEBNN_DATA_DIR")
    data = tmp_path / f"{name}.ebd"
    pack = ["edgebnn.cli", "data", name, "--data-dir", FOLDER, "--output", data]
    subprocess.run([sys.executable, "-m", *map(str, pack)], check=True)
    experiment = {
        "name": "a",
        "dataset": name,
        "model": "cnv",
        "methods": ["proposed"],
        "augmentation": {"shift": 0.15},
        "device": {"batch_size": 50, "epochs": 1},
    }
    study = {
        "study": "s",
        "models": str(ROOT / "config" / "models"),
        "data_dir": str(FOLDER),
        "experiments": [experiment],
    }
    (run,) = make_plan(parse_study(study, "test"), {"virtual": ["v1"]}).runs["device"].values()
    assert run.network.input == shape
    (tmp_path / "a.run").write_text(run_file(run))
    train = [programs / "edgebnn-train", "--run", tmp_path / "a.run", "--data", data, "--steps", 5]
    done = subprocess.run(list(map(str, train)), check=True, capture_output=True, text=True)
    record = json.loads(done.stdout.splitlines()[-1])
    assert record["run_id"] == run.id
    assert record["metrics"]["steps"] == 5
    assert 0 < record["metrics"]["test_accuracy"] < 0.5
