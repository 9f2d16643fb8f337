"""Real SSH servers on loopback, and stand-ins for the programs that run behind them."""

from __future__ import annotations

import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgebnn.data.datasets import prepare, write_packed
from edgebnn.farm.address import Address
from edgebnn.farm.connection import Host, connect
from edgebnn.farm.inventory import Inventory, load_inventory
from edgebnn.farm.virtual import virtual_host
from edgebnn.study.config import parse_study
from edgebnn.study.plan import Run, make_plan

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def trainer(built: Callable[[str], Path]) -> Path:
    """The build folder of the real programs."""
    return built("native").parent


@pytest.fixture(scope="session")
def digits(once: Callable[[str, Callable[[Path], Any]], Path]) -> Path:
    """The digits, packed."""

    def make(path: Path) -> None:
        write_packed(path, prepare("digits", None, path.parent))

    return once("digits.ebd", make)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder that is HOME on the device."""
    return tmp_path / "virtual" / "one"


@pytest.fixture
def address(home: Path) -> Iterator[Address]:
    """A running virtual device."""
    with virtual_host("one", 0, home, "farm.yaml") as found:
        yield found


@pytest.fixture
def host(address: Address) -> Iterator[Host]:
    """A connection to it."""
    with connect("one", address) as connected:
        yield connected


@pytest.fixture
def inventory(tmp_path: Path) -> Callable[..., Inventory]:
    """Writes and loads an inventory of the given devices."""

    def write(**devices: dict[str, Any]) -> Inventory:
        path = tmp_path / "farm.yaml"
        path.write_text(yaml.safe_dump({"devices": devices}, sort_keys=False))
        return load_inventory(path)

    return write


@pytest.fixture
def as_board(address: Address) -> dict[str, Any]:
    """The running virtual device as an inventory entry of kind `board`, reached like a real one."""
    return {
        "host": address.host,
        "port": address.port,
        "user": address.user,
        "identity_file": str(address.identity_file),
        "board": "bench",
        "target": "native",
    }


@pytest.fixture(scope="session")
def run() -> Run:
    """A small run for a virtual device."""
    study = parse_study(
        {
            "study": "trial",
            "models": str(ROOT / "config" / "models"),
            "experiments": [
                {
                    "name": "trial",
                    "dataset": "digits",
                    "model": "mlp",
                    "methods": ["proposed"],
                    "device": {"epochs": 2},
                }
            ],
        },
        "trial",
    )
    (found,) = make_plan(study, {"virtual"}).runs["device"].values()
    return found


MEASURE = """
import json, subprocess, sys
output, command = sys.argv[2], sys.argv[4:]
status = subprocess.run(command, check=False).returncode
json.dump({"peak_memory_bytes": 3 * 2**20, "exit_status": status}, open(output, "w"))
sys.exit(status if status >= 0 else 128 - status)
"""

TRAIN = """
import json, sys
words = dict(line.split(" ", 1) for line in open(sys.argv[2]) if not line.startswith("layer"))
assert open(sys.argv[4], "rb").read() == b"packed"
epochs = int(words["epochs"])
for epoch in range(1, epochs + 1):
    print(json.dumps({"event": "epoch", "epoch": epoch, "epochs": epochs, "loss": 1 / epoch,
                      "accuracy": 0.5, "validation_accuracy": 0.75, "seconds": 2.0}), flush=True)
metrics = {"test_accuracy": 0.875, "time_per_batch_s": 0.25, "time_per_batch_q1_s": 0.125,
           "time_per_batch_q3_s": 0.5, "train_time_s": 4.0, "steps": 16,
           "arena_planned_bytes": 2**20, "arena_peak_bytes": 2**20, "process_peak_bytes": 2**21}
record = {"event": "record", "run_id": words["run_id"].strip(), "metrics": metrics,
          "series": {"loss": [[1, 1.0], [2, 0.5]]}, "versions": {"edgebnn-train": "0"}}
json.dump(record, open(sys.argv[6], "w"))
open(sys.argv[sys.argv.index("--export") + 1], "wb").write(b"network")
"""


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Path]:
    """Writes a build folder of stand-ins; `train` and `measure` replace their Python."""

    def write(train: str = TRAIN, measure: str = MEASURE) -> Path:
        folder = tmp_path / "build" / "native"
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in (("edgebnn-train", train), ("edgebnn-measure", measure)):
            program = folder / name
            program.write_text(f"#!{sys.executable}\n{text}")
            program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return folder.parent

    return write


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """What the stand-in takes for a packed data set."""
    path = tmp_path / "digits.ebd"
    path.write_bytes(b"packed")
    return path


@pytest.fixture
def ended() -> Callable[[int], bool]:
    """Waits until a process is gone (or a zombie that its new parent has yet to reap)."""

    def wait(process: int) -> bool:
        for _ in range(2400):
            try:
                state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
            except (FileNotFoundError, ProcessLookupError):
                return True
            if state in "ZX":
                return True
            time.sleep(0.05)
        return False

    return wait
