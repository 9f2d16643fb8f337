"""Real SSH servers on loopback, our own and OpenSSH's, and stand-ins for the programs that run behind them."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
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
from edgebnn.study.plan import make_plan
from edgebnn.study.run import Run
from tests.farm.boards import KINDS, Board, board, boards
from tests.farm.controller import Controller
from tests.farm.sshd import keygen

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


@pytest.fixture(scope="session", params=KINDS)
def device(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Board, Address]]:
    """A device for the tests that need no start of their own, and the way to it.

    They run twice: on the server of our own, and on OpenSSH's.
    """
    folder = tmp_path_factory.mktemp("device")
    key = request.getfixturevalue("keys") / "good" if request.param == "openssh" else Path()
    with board(request.param, folder / "one", key) as found:
        known_hosts = folder / "known_hosts"
        known_hosts.write_text(found.pinned)
        entry = found.entry
        own_key = Path(entry["identity_file"])
        yield found, Address(entry["host"], entry["port"], entry["user"], known_hosts, own_key)


@pytest.fixture
def home(device: tuple[Board, Address]) -> Path:
    """The folder that is HOME on the device; empty, as at the first start, and nothing works in it."""
    found, _ = device
    while (
        working := found.processes()
    ):  # a test that cut its connection leaves some that clear up by themselves
        for process in working:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.01)
    for path in found.home.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    return found.home


@pytest.fixture
def address(device: tuple[Board, Address], home: Path) -> Address:
    """The way to the running device."""
    return device[1]


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


def board_at(address: Address) -> dict[str, Any]:
    return {
        "host": address.host,
        "port": address.port,
        "user": address.user,
        "identity_file": str(address.own_key),
        "board": "bench",
        "target": "native",
    }


@pytest.fixture
def as_board(address: Address) -> dict[str, Any]:
    """The running device as an inventory entry of kind `board`."""
    return board_at(address)


@pytest.fixture
def farm_of_one(
    as_board: dict[str, Any], address: Address, inventory: Callable[..., Inventory]
) -> Callable[..., Inventory]:
    """Writes the inventory of the running device, enrolled: `one` of the board `virtual`, with further keys."""

    def write(**more: Any) -> Inventory:
        farm = inventory(one={**as_board, "board": "virtual", **more})
        shutil.copy(address.known_hosts, farm.known_hosts)
        return farm

    return write


@dataclass(frozen=True)
class Place:
    """One device, `one`, of the board `virtual`."""

    home: Path
    farm: Callable[..., Inventory]
    """Its inventory, with further keys of the device."""
    virtual: bool
    """It is started with each connection, and ends with it."""


@pytest.fixture(params=["virtual", KINDS[1]])
def place(
    request: pytest.FixtureRequest,
    inventory: Callable[..., Inventory],
    keys: Path,
    tmp_path: Path,
) -> Iterator[Place]:
    """A virtual device, as people have it without boards, or a board behind OpenSSH."""
    if request.param == "virtual":

        def own(**more: Any) -> Inventory:
            return inventory(one={"kind": "virtual", **more})

        yield Place(tmp_path / "virtual" / "one", own, virtual=True)
        return
    with board("openssh", tmp_path / "board", keys / "good") as one:

        def enrolled(**more: Any) -> Inventory:
            farm = inventory(one={**one.entry, "board": "virtual", **more})
            farm.known_hosts.write_text(one.pinned)
            return farm

        yield Place(one.home, enrolled, virtual=False)


only_virtual = pytest.mark.parametrize("place", ["virtual"], indirect=True)


@pytest.fixture
def throttled_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The same with a device of its own, whose program `vcgencmd` says that it is throttled now."""
    program = tmp_path / "bin" / "vcgencmd"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho throttled=0x4\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    with virtual_host("hot", 0, tmp_path / "hot", "farm.yaml") as address:
        yield board_at(address)


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
    (found,) = make_plan(study, {"virtual": ["v1"]}).runs["device"].values()
    return found


MEASURE = """
import json, subprocess, sys
split = sys.argv.index("--")
options, command = sys.argv[1:split], sys.argv[split + 1:]
status = subprocess.run(command, check=False).returncode
if "--samples" in options:  # else it is the trial
    line = {"time_s": 100.0, "rss_bytes": 2**21, "throttled_flags": 0}
    open(options[options.index("--samples") + 1], "w").write(json.dumps(line) + "\\n")
json.dump({"start_s": 100.0, "peak_memory_bytes": 3 * 2**20, "exit_status": status},
          open(options[options.index("--output") + 1], "w"))
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
json.dump(record, open(sys.argv[sys.argv.index("--output") + 1], "w"))
open(sys.argv[sys.argv.index("--export") + 1], "wb").write(b"network")
stamps = "".join(f"{101 + step / 4} {101 + (step + 1) / 4}\\n" for step in range(16))
open(sys.argv[sys.argv.index("--stamps") + 1], "w").write(stamps)
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


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of keys: `good` is let in, `encrypted` too, `other` and `other1`.. are not."""
    folder = tmp_path_factory.mktemp("keys")
    keygen(folder / "good")
    keygen(folder / "encrypted", passphrase="secret")
    for name in ("other", *(f"other{number}" for number in range(7))):
        keygen(folder / name)
    return folder


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The empty ~/.ssh of someone without an agent."""
    folder = tmp_path / "me" / ".ssh"
    folder.mkdir(parents=True, mode=0o700)
    monkeypatch.setenv("HOME", str(folder.parent))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return folder


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Of the boards' servers."""
    return str(request.param)


@pytest.fixture
def one(kind: str, keys: Path, tmp_path: Path) -> Iterator[Board]:
    """A board."""
    with boards(kind, tmp_path, keys / "good") as (found,):
        yield found


@pytest.fixture
def controller(
    digits: Path, trainer: Path, run: Run, tmp_path: Path
) -> Iterator[Callable[..., Controller]]:
    """Starts controllers, and ends those that are left."""
    started: list[Controller] = []

    def start(farm: Inventory, epochs: int = 40, where: str = ".") -> Controller:
        folder = tmp_path / where
        folder.mkdir(exist_ok=True)
        long = run.model_copy(update={"epochs": epochs, "board": "bench"})
        started.append(Controller(folder, long, digits, trainer, farm))
        return started[-1]

    yield start
    for one in started:
        one.kill()
