"""A study on boards to which everything happens: `python -m tests.farm.campaign --faults 300 --jobs 60 --boards 8`.

Each job is a process of its own, `edgebnn device`, begun again by us when it is killed or fails by its boards,
as the workflow does. The boards are SSH servers on loopback, each behind a proxy. What must be true in the end:
every job has one record, with the figures of an undisturbed training; no board is leased; no process is left.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from edgebnn.farm.inventory import load_inventory
from edgebnn.farm.lease import lease
from edgebnn.farm.reach import reach
from edgebnn.record import read_record
from edgebnn.study.run import Run, canonical_json
from edgebnn.trainer.run_file import run_file
from tests.farm.boards import Board, board, boards
from tests.farm.proxy import Fault, Proxy, Way, proxy
from tests.farm.sshd import keygen

ROOT = Path(__file__).parents[2]
KINDS_OF_FAULT: list[Literal["cut", "reset", "stall"]] = ["cut", "reset", "stall"]
STATUS = {0: "done", 3: "its boards failed", -9: "killed"}
"""Exit statuses of a controller after which all is well, or it is begun again."""

# Programs of the boards that are before the system's: a disk that is full, a clock that is a day ahead.
FULL = (
    'test $# -gt 0 || ! test -e ~/full || {{ : >~/met; exec {cat} >/dev/full; }}; exec {cat} "$@"'
)
SKEWED = """test -e ~/skewed || exec {date} "$@"; : >~/met; exec {date} -d '+1 day' "$@\""""


@dataclass
class Site:
    """A board, and the proxy before it."""

    name: str
    board: Board
    proxy: Proxy

    def entry(self, **more: Any) -> dict[str, Any]:
        """Of the inventory."""
        return {**self.board.entry, "port": self.proxy.port, **more}


@dataclass
class Campaign:
    """What is done to whom."""

    sites: list[Site]
    jobs: list[Run]
    wanted: int
    """Faults."""
    folder: Path
    data: Path
    build: Path
    stranger: int
    """Port of a server that is none of the boards."""
    say: Callable[[str], None]
    random: random.Random
    done: dict[str, Path] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)
    starts: int = 0
    controllers: set[subprocess.Popen[bytes]] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def faults(self) -> Counter[str]:
        """Those that have happened, by kind."""
        on_the_way = Counter(
            f"{fault.kind}, {fault.way}" for site in self.sites for fault in site.proxy.fired
        )
        return on_the_way + self.events

    def run(self) -> None:
        """All jobs, one at a time for each board, while things happen."""
        for site in self.sites:
            site.proxy.choose = lambda number: self._befalls()
        with ThreadPoolExecutor(len(self.sites)) as pool:
            happening = [threading.Thread(target=self._happen, daemon=True) for _ in range(2)]
            for thread in happening:
                thread.start()
            for result in [pool.submit(self._job, run) for run in self.jobs]:
                result.result()
            for thread in happening:
                thread.join()

    def _behind(self) -> bool:
        """True if fewer faults than there should be by now."""
        early = len(self.done) + 2 * len(
            self.sites
        )  # the last jobs may end without another connection
        return self.faults.total() < self.wanted * min(1.0, early / len(self.jobs))

    def _befalls(self) -> Fault | None:
        """What shall befall the next connection."""
        with self._lock:
            last = len(self.jobs) - len(self.done) <= len(self.sites) and self._behind()
            enough = self.faults.total() >= self.wanted
            often = 1.0 if last else 0.9 if self._behind() else 0.3
            if enough or self.random.random() >= often:
                return None
            kind = self.random.choices(KINDS_OF_FAULT, [5, 4, 1])[0]
            way: Way = self.random.choice(["up", "down"])  # type: ignore[assignment]
            # The last ones before anyone is let in: so that no job ends before all faults have come.
            most = 10.5 if last else 15.5 if way == "down" else 17
            return Fault(kind, way, int(2 ** self.random.uniform(9, most)))

    def _happen(self) -> None:
        """Things befall boards and controllers, one after another."""
        befalls = [self._reboot, self._down, self._stranger, self._full, self._skewed, self._kill]
        while len(self.done) < len(self.jobs) and not self.wrong:
            time.sleep(self.random.uniform(0.1, 0.5))
            if self.faults.total() < self.wanted and self._behind():
                befall = self.random.choice(befalls)
                if befall(self.random.choice(self.sites)):
                    self.events[befall.__name__.lstrip("_")] += 1

    def _reboot(self, site: Site) -> bool:
        """Its processes end, its connections too."""
        had = bool(site.board.processes())
        site.board.reboot()
        site.proxy.cut_all()
        return had

    def _down(self, site: Site) -> bool:
        """Its server is killed, and started again a moment later."""
        site.proxy.cut_all()
        return self._turned(site, 0)

    def _stranger(self, site: Site) -> bool:
        """Another machine answers in its place."""
        return self._turned(site, self.stranger)

    def _turned(self, site: Site, port: int) -> bool:
        """Until someone comes, or for a second."""
        before, site.proxy.server = site.proxy.turned, port
        own = site.board.entry["port"]
        for _ in range(20):
            time.sleep(0.05)
            if site.proxy.turned > before:
                break
        site.proxy.server = own
        return site.proxy.turned > before

    def _full(self, site: Site) -> bool:
        return self._met(site, "full")

    def _skewed(self, site: Site) -> bool:
        return self._met(site, "skewed")

    def _met(self, site: Site, state: str) -> bool:
        """A state of a board until someone has met it, or for some seconds."""
        met = site.board.home / "met"
        met.unlink(missing_ok=True)
        (site.board.home / state).touch()
        for _ in range(40):
            time.sleep(0.05)
            if met.exists():
                break
        (site.board.home / state).unlink(missing_ok=True)
        return met.exists()

    def _kill(self, site: Site) -> bool:
        """A controller, whichever it is."""
        with self._lock:
            alive = [one for one in self.controllers if one.poll() is None]
            if not alive:
                return False
            self.random.choice(alive).kill()
            return True

    def _job(self, run: Run) -> None:
        """Begins a job again and again, until it is done."""
        folder = self.folder / run.id
        folder.mkdir()
        (folder / "run.json").write_text(canonical_json(run))
        output = folder / "record.json"
        while run.id not in self.done and not self.wrong:
            status = self._controller(run, folder, output)
            if status not in STATUS:
                self.wrong.append(f"{run.id}: exit status {status}: {folder / 'log'}")
            if status == 0:
                self.done[run.id] = output
                self.say(f"{len(self.done)} jobs done, {self.faults.total()} faults")

    def _controller(self, run: Run, folder: Path, output: Path) -> int:
        """One process that does a job; its exit status."""
        wrong_user = self._behind() and self.random.random() < 0.1
        farm = "wrong-user.yaml" if wrong_user else "farm.yaml"
        words = ["--run", folder / "run.json", "--data", self.data, "--build", self.build]
        words += ["--farm", self.folder / farm, "--virtual", folder, "--output", output]
        command = [sys.executable, "-m", "tests.farm.impatient", "device", *map(str, words)]
        with (folder / "log").open("ab") as log:
            begins = log.tell()
            process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=ROOT
            )
            with self._lock:
                self.starts += 1
                self.controllers.add(process)
            status = process.wait()
            with self._lock:
                self.controllers.discard(process)
        said = (folder / "log").read_bytes()[begins:]
        if wrong_user and b"(nobody@" in said:
            self.events["wrong user"] += 1
        return status

    def check(self) -> None:
        """Asserts what must be true in the end."""
        assert not self.wrong, self.wrong
        farm = load_inventory(self.folder / "farm.yaml")
        for run in self.jobs:
            record = read_record(self.done[run.id])
            assert figures(record.model_dump(mode="json")) == self._undisturbed(run), run.id
            assert not list(self.done[run.id].parent.glob("state/*")), run.id
        for site in self.sites:
            site.proxy.choose = lambda number: None
            site.proxy.cut_all()
        for site in self.sites:
            self._free(site)
            with reach(site.name, farm, self.folder) as host, lease(host, "the end") as taken:
                assert taken.ours, (site.name, taken.holder)
            assert self._gone(site.board), (site.name, site.board.processes())

    def _free(self, site: Site) -> None:
        """Ends what goes on there that nobody waits for: jobs of boards that were given up."""
        for job in site.board.jobs:
            running = job / "running"
            if running.exists():
                subprocess.run(["flock", "-s", str(running), "true"], check=True)

    def _gone(self, board: Board) -> bool:
        """True once none of its processes is left; a server takes a moment to notice that we are gone."""
        for _ in range(1200):
            if not board.processes():
                return True
            time.sleep(0.05)
        return False

    def _undisturbed(self, run: Run) -> dict[str, Any]:
        """The figures of the same training by the trainer alone."""
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "run.txt").write_text(run_file(run))
            command = [self.build / "native" / "edgebnn-train", "--run", "run.txt"]
            done = subprocess.run(
                [*map(str, command), "--data", str(self.data)],
                cwd=folder,
                check=True,
                capture_output=True,
                text=True,
            )
        record = json.loads(done.stdout.splitlines()[-1])
        record["metrics"] = {name: {"value": value} for name, value in record["metrics"].items()}
        return figures(record)


def figures(record: dict[str, Any]) -> dict[str, Any]:
    """Of a record: what must be the same, however it came about."""
    names = ("test_accuracy", "test_loss", "steps")
    series = {
        name: [list(map(float, point)) for point in record["series"][name]] for name in ("loss",)
    }
    return {name: record["metrics"][name]["value"] for name in names} | series


@contextmanager
def campaign(  # noqa: PLR0917 - of two callers
    kind: str,
    folder: Path,
    run: Run,
    data: Path,
    build: Path,
    counts: tuple[int, int, int],
    say: Callable[[str], None] = lambda line: None,
) -> Iterator[Campaign]:
    """A campaign, ready to run.

    Args:
        kind: of the boards' servers, one of boards.KINDS.
        run: that all jobs are; each has a seed of its own.
        counts: faults, jobs, boards.
    """
    faults, jobs, many = counts
    key = keygen(folder / "key")
    runs = [run.model_copy(update={"seed": seed, "board": "bench"}) for seed in range(jobs)]
    with ExitStack() as stack:
        found = stack.enter_context(boards(kind, folder, key, many))
        stranger = stack.enter_context(board(kind, folder / "stranger", key))
        sites = []
        for number, one in enumerate(found):
            _disturb(one.home)
            before = stack.enter_context(proxy(one.entry["port"]))
            sites.append(Site(f"b{number}", one, before))
        _write_farms(folder, sites)
        yield Campaign(
            sites,
            runs,
            faults,
            folder,
            data,
            build,
            stranger.entry["port"],
            say,
            random.Random(faults),
        )


def _disturb(home: Path) -> None:
    """Programs of a board's own."""
    for program, script in (("cat", FULL), ("date", SKEWED)):
        real = next(path for path in map(Path, ("/bin", "/usr/bin")) if (path / program).exists())
        file = home / "bin" / program
        file.parent.mkdir(exist_ok=True)
        file.write_text("#!/bin/sh\n" + script.format(**{program: real / program}) + "\n")
        file.chmod(0o755)


def _write_farms(folder: Path, sites: list[Site]) -> None:
    pinned = []
    for site in sites:
        own = site.board.entry["port"]
        pinned.append(site.board.pinned.strip().replace(f":{own} ", f":{site.proxy.port} "))
    (folder / "known_hosts").write_text("\n".join(pinned) + "\n")
    for name, user in (("farm.yaml", None), ("wrong-user.yaml", "nobody")):
        wrong = {"user": user} if user else {}
        devices = {site.name: site.entry(fetch_checkpoint_min=0.01) for site in sites}
        devices[sites[0].name] |= wrong
        (folder / name).write_text(yaml.safe_dump({"patience_min": 0.2, "devices": devices}))


def main(arguments: list[str]) -> None:
    """A campaign of one's own size."""
    from edgebnn.data.datasets import prepare, write_packed
    from edgebnn.trainer.build import build_trainer

    parser = argparse.ArgumentParser(prog="python -m tests.farm.campaign", description=__doc__)
    for name, value in (("faults", 300), ("jobs", 60), ("boards", 8)):
        parser.add_argument(f"--{name}", type=int, default=value, help="default: %(default)s")
    parser.add_argument("--servers", choices=["openssh", "built-in"], default="openssh")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="edgebnn-campaign-") as temporary:
        folder = Path(temporary)
        build_trainer("native", ROOT / "build" / "native.json")
        write_packed(folder / "digits.ebd", prepare("digits", None, folder))
        counts = (options.faults, options.jobs, options.boards)
        places = (folder, a_run(), folder / "digits.ebd", ROOT / "build")
        with campaign(
            options.servers, *places, counts, lambda line: print(line, flush=True)
        ) as one:
            one.run()
            one.check()
            print(f"{options.servers}: {len(one.done)} records as undisturbed, {one.starts} starts")
            print(f"{one.faults.total()} faults: {dict(sorted(one.faults.items()))}")
    print(f"{time.monotonic() - began:.0f} s")


def a_run() -> Run:
    """The digits, for a second or two."""
    from edgebnn.study.config import parse_study
    from edgebnn.study.plan import make_plan

    device = {"epochs": 30}
    about = {"name": "trial", "dataset": "digits", "model": "mlp", "methods": ["proposed"]}
    models = str(ROOT / "config" / "models")
    study = parse_study(
        {"study": "t", "models": models, "experiments": [{**about, "device": device}]}, "t"
    )
    (run,) = make_plan(study, {"virtual": ["v1"]}).runs["device"].values()
    return run


if __name__ == "__main__":
    main(sys.argv[1:])
