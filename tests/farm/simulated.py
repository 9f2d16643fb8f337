"""A farm of any size in simulated time: `python -m tests.farm.simulated --boards 500 --jobs 5000`.

What decides is the real code: on_a_device, Attempts, lease, look, Log. Simulated are the clock, and what stands
behind a connection: each command is answered as a board in its state would. Each job is a thread; one runs at a
time, and hands on when it waits, so that a run is the same each time.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from edgebnn.errors import PassingError
from edgebnn.farm import check, deploy, detached
from edgebnn.farm import lease as leases
from edgebnn.farm.attempt import Picked
from edgebnn.farm.connection import Done, Host
from edgebnn.farm.farm import Farm
from edgebnn.farm.inventory import Device, Inventory
from edgebnn.farm.neighbours import Neighbours
from edgebnn.farm.pick import on_a_device
from edgebnn.trainer.build import PROGRAMS

CONNECT_S, COMMAND_S, SILENT_S, UPLOAD_S = 0.8, 0.05, 20.0, 2.0
"""Seconds for a connection, a command, a board that does not answer, a job's files."""
JOB_S, SPREAD, LEAST_S = 1200.0, 0.5, 60.0
"""Jobs are log-normal: their median, the standard deviation of the logarithm, the shortest."""
DROP_S, REBOOT_S, DOWN_S, DEAD = 2 * 3600.0, 24 * 3600.0, 120.0, 0.02
"""A connection drops, a board reboots, each after an exponential time of this mean; how long a board is down
then; the share of boards that die for good, at some time within the study's ideal length."""
CHECKPOINT_S = 60.0
FACTS = "now {now:.0f}\nmachine {machine}\nsystem Linux\nprocessor simulated\ncores 4\nmemory_kib 900000\ndisk_kib 9000000\n"


class World:
    """The time, and whose turn it is."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, threading.Event]] = []
        self._order = itertools.count()
        self._back = threading.Event()
        self._failed: list[BaseException] = []

    def start(self, work: Callable[[], None], at: float) -> None:
        """Lets some work begin at a time, in a thread of its own."""
        turn = threading.Event()

        def run() -> None:
            turn.wait()
            try:
                work()
            except BaseException as error:
                self._failed.append(error)
            finally:
                self._back.set()

        threading.Thread(target=run, daemon=True).start()
        heapq.heappush(self._due, (at, next(self._order), turn))

    def wait(self, seconds: float) -> None:
        """Called by work: others have their turns, until so much later."""
        turn = threading.Event()
        heapq.heappush(self._due, (self.now + max(0.0, seconds), next(self._order), turn))
        self._back.set()
        turn.wait()

    def run(self) -> None:
        """Until no work is left; raises what work raises."""
        while self._due:
            self.now, _, turn = heapq.heappop(self._due)
            self._back.clear()
            turn.set()
            self._back.wait()
            for error in self._failed:
                raise error


@dataclass
class SimulatedJob:
    """On a board."""

    identity: str
    left_s: float
    """Of its work, by its last checkpoint."""
    since: float = -1.0
    """When it was started last; negative: it does not run."""


@dataclass
class SimulatedBoard:
    """Its state; what befalls it is drawn beforehand, and comes true when someone looks."""

    name: str
    reboots: list[float]
    dies: float
    holder: str = ""
    jobs: dict[str, SimulatedJob] = field(default_factory=dict)

    def look(self, now: float) -> None:
        """Everything that came until now."""
        while self.reboots and self.reboots[0] <= now:
            at = self.reboots.pop(0)
            self._finish(at)
            self.holder = ""
            for job in self.jobs.values():
                if job.since >= 0:
                    done = (at - job.since) // CHECKPOINT_S * CHECKPOINT_S
                    job.left_s, job.since = job.left_s - done, -1.0
        self._finish(now)

    def _finish(self, now: float) -> None:
        for job in self.jobs.values():
            if job.since >= 0 and job.since + job.left_s <= now + 1e-6:
                job.left_s, job.since = 0.0, -1.0

    def up(self, now: float) -> bool:
        """It answers."""
        return now < self.dies and not any(at <= now < at + DOWN_S for at in self._all)

    def __post_init__(self) -> None:
        self._all = list(self.reboots)

    def running(self) -> SimulatedJob | None:
        """At most one."""
        found = [job for job in self.jobs.values() if job.since >= 0]
        assert len(found) <= 1, (self.name, found)
        return found[0] if found else None


class SimulatedHeld:
    """What leases.lease speaks to."""

    def __init__(self, host: SimulatedHost, first: str, folder: str) -> None:
        self.host, self.first, self._folder = host, first, folder

    def tell(self, word: bytes) -> bool:
        return False  # the simulated time needs no beats

    def ask(self, word: bytes) -> str:
        self.host.passes(COMMAND_S)
        board = self.host.board
        assert board.running() is None
        board.jobs[self._folder].since = self.host.farm.world.now
        return "started"

    def line(self) -> str:
        return ""

    @property
    def over(self) -> bool:
        return self.host.dropped


class SimulatedHost:
    """A connection to a board."""

    def __init__(self, farm: SimulatedFarm, board: SimulatedBoard) -> None:
        self.farm, self.board, self.name = farm, board, board.name
        self.drops = farm.world.now + farm.random.expovariate(1 / DROP_S)
        self.dropped = False

    def passes(self, seconds: float) -> None:
        """Time, if the connection bears it; raises PassingError if not."""
        now = self.farm.world.now
        cut = min([self.drops, self.board.dies, *self.board.reboots])
        self.farm.world.wait(min(seconds, max(0.0, cut - now)))
        self.board.look(self.farm.world.now)
        if cut <= now + seconds:
            self.dropped = True
            raise PassingError(f"device {self.name}: the connection dropped")

    def run(self, argv: list[str], **more: Any) -> Done:
        script = argv[2] if argv[:2] == ["sh", "-c"] else ""
        if script == detached._FOLLOW:
            while job := self.board.running():
                self.passes(max(0.0, job.since + job.left_s - self.farm.world.now))
            return Done(0, "", "")
        self.passes(COMMAND_S)
        if script == check._FACTS:
            facts = FACTS.format(now=time.time(), machine=check._MACHINES["native"][0])
            for line in facts.splitlines():
                more["on_line"](line)
        if script == deploy._HAVE:
            return Done(0, "\n".join(argv[4:]), "")
        return Done(0, self._look(argv[4]) if script == detached._LOOK else "", "")

    def try_run(self, argv: list[str], **more: Any) -> Done:
        self.passes(COMMAND_S)
        return Done(0, "", "")

    def _look(self, folder: str) -> str:
        job = self.board.jobs.get(folder)
        if job is None:
            return ""
        state = "running" if job.since >= 0 else "rebooted" if job.left_s > 0 else "ended"
        return f"identity {job.identity}\ncheckpoint {job.left_s:.3f}\nstate {state}\n"

    def probe(self) -> None:
        """It is there, or the command before would have said so."""

    @contextmanager
    def hold(self, argv: list[str]) -> Iterator[SimulatedHeld]:
        assert argv[2] == leases._HOLD
        self.passes(COMMAND_S)
        board, (who, folder) = self.board, argv[4:6]
        running = board.running()
        if board.holder or running:
            yield SimulatedHeld(self, f"busy 9 1 {board.holder or 'a job'}", folder)
            return
        board.holder = who
        try:
            yield SimulatedHeld(self, "held", folder)
        finally:
            if board.holder == who:
                board.holder = ""


@dataclass(frozen=True)
class SimulatedFarm(Farm):
    """Boards in simulated time."""

    world: World = field(default_factory=World)
    boards: dict[str, SimulatedBoard] = field(default_factory=dict)
    random: random.Random = field(default_factory=lambda: random.Random(0))
    connections: list[str] = field(default_factory=list)
    shared: Path = Path()

    def neighbours(self, names: list[str], came: float) -> Neighbours:
        return Neighbours(self.shared, dict(zip(names, names, strict=True)), came)

    @contextmanager
    def reach(self, name: str) -> Iterator[Host]:
        self.connections.append(name)
        board = self.boards[name]
        self.world.wait(CONNECT_S)
        board.look(self.world.now)
        if not board.up(self.world.now):
            self.world.wait(SILENT_S - CONNECT_S)
            raise PassingError(f"device {name}: no answer; is it on, and sshd running?")
        yield cast("Host", SimulatedHost(self, board))

    def now(self) -> float:
        return self.world.now

    def wait(self, seconds: float) -> None:
        self.world.wait(seconds)


@dataclass
class Chore:
    """A job of so many seconds."""

    farm: SimulatedFarm
    number: int
    seconds: float
    board: str = "bench"
    devices: tuple[str, ...] = ()
    began: float = 0.0
    """When it was put to the farm, and when it was started first, and had ended."""
    started: float = -1.0
    ended: float = -1.0

    @property
    def purpose(self) -> str:
        return f"run {self.number}"

    @property
    def folder(self) -> str:
        return f"edgebnn/jobs/{self.number}"

    def identity(self, device: Device) -> str:
        return str(self.number)

    def prepare(self, picked: Picked) -> bool:
        cast("SimulatedHost", picked.host).passes(UPLOAD_S)
        jobs = self.farm.boards[picked.name].jobs
        jobs.setdefault(self.folder, SimulatedJob(str(self.number), self.seconds))
        if self.started < 0:
            self.started = self.farm.world.now
        return True

    def line(self, line: str) -> None: ...

    def meanwhile(self, host: Host) -> None: ...

    def finish(self, picked: Picked, done: Done | None) -> str:
        cast("SimulatedHost", picked.host).passes(UPLOAD_S)
        job = self.farm.boards[picked.name].jobs[self.folder]
        assert (job.left_s, job.since) == (0.0, -1.0)
        assert self.ended < 0
        self.ended = self.farm.world.now
        return picked.name


@dataclass(frozen=True)
class Outcome:
    """Of a simulation; times in seconds."""

    makespan: float
    ideal: float
    longest_wait: float
    """Of a job for its first board."""
    longest_delay: float
    """That a job took longer than its own work: waits, and what was lost with a board and done again."""
    connections: int
    done: int
    jobs: int
    lost: int
    """Boards that died."""

    def __str__(self) -> str:
        return (
            f"{self.done} of {self.jobs} jobs done in {self.makespan / 3600:.2f} h, "
            f"ideal {self.ideal / 3600:.2f} h: {self.ideal / self.makespan:.1%} of its throughput; "
            f"{self.lost} boards died; the longest wait for a first board {self.longest_wait / 60:.1f} min; "
            f"the longest delay of a job {self.longest_delay / 60:.1f} min; "
            f"{self.connections / self.jobs:.1f} connections a job"
        )


def simulate(
    boards: int, jobs: int, binaries: Path, shared: Path, *, seed: int = 0, dead: float = DEAD
) -> Outcome:
    """Jobs in order, at most one for each board at once, as the workflow starts them."""
    drawn = random.Random(seed)
    lengths = [max(LEAST_S, drawn.lognormvariate(0, SPREAD) * JOB_S) for _ in range(jobs)]
    horizon = sum(lengths) / boards
    world, made = World(), {}
    for number in range(boards):
        reboots, at = [], 0.0
        while (at := at + drawn.expovariate(1 / REBOOT_S)) < 5 * horizon + 86400:
            reboots.append(at)
        dies = drawn.uniform(0, horizon) if drawn.random() < dead else float("inf")
        made[f"b{number}"] = SimulatedBoard(f"b{number}", reboots, dies)
    device = Device.model_validate({"host": "x", "board": "bench", "target": "native"})
    inventory = Inventory(devices=dict.fromkeys(made, device))
    farm = SimulatedFarm(
        inventory, binaries, binaries, world, made, random.Random(seed + 1), shared=shared
    )
    queue = [Chore(farm, number, length) for number, length in enumerate(lengths)]
    left = iter(queue)

    def slot() -> None:
        for chore in left:
            chore.began = world.now
            on_a_device(farm, chore, lambda line: None)

    for _ in range(boards):
        world.start(slot, drawn.uniform(0, 1))
    world.run()
    return Outcome(
        max(chore.ended for chore in queue),
        ideal(lengths, [board.dies for board in made.values()]),
        max(chore.started - chore.began for chore in queue),
        max(chore.ended - chore.began - chore.seconds for chore in queue),
        len(farm.connections),
        sum(chore.ended >= 0 for chore in queue),
        jobs,
        sum(board.dies < float("inf") for board in made.values()),
    )


def ideal(lengths: list[float], dies: list[float]) -> float:
    """When the last job ends if nothing takes time but the work, on boards that die as they do."""
    free = [(0.0, number) for number in range(len(dies))]
    heapq.heapify(free)
    last = 0.0
    for length in lengths:
        left = length
        while True:
            at, number = heapq.heappop(free)
            if at + left <= dies[number]:
                break
            left -= 0.0 if at >= dies[number] else dies[number] - at
        heapq.heappush(free, (at + left, number))
        last = max(last, at + left)
    return last


def main(arguments: list[str]) -> None:
    """One simulation."""
    parser = argparse.ArgumentParser(prog="python -m tests.farm.simulated", description=__doc__)
    for name, value in (("boards", 500), ("jobs", 5000), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=value, help="default: %(default)s")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    with TemporaryDirectory() as folder:
        build, shared = Path(folder) / "build", Path(folder) / "shared"
        (build / "native").mkdir(parents=True)
        for program in PROGRAMS:
            (build / "native" / program).touch()  # it is looked for, and runs nowhere
        print(simulate(options.boards, options.jobs, build, shared, seed=options.seed))
    print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
