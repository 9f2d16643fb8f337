# Purpose: what several rules, or their resources, are told by a function.
import atexit
import os
import subprocess
from edgebnn.farm.settings import replaces
from edgebnn.memory.emulation import emulation_mib
from edgebnn.machine import visible_gpus

GPUS = len(visible_gpus())


def slot(board):
    """Name of the Snakemake resource that counts the devices of one kind of board."""
    return "board_" + re.sub(r"\W", "_", board.replace("+", "plus"))


def taken(run):
    """What a run takes one of -> how many there are: devices of its board; of those that it names, if it does."""
    found = {slot(run.board): len(INVENTORY.on_board(run.board))}
    if run.devices:
        found[slot(f"{run.board}_devices_{'_'.join(run.devices)}")] = len(run.devices)
    return found


SLOTS = {
    name: count
    for stage in ("device", "baseline")
    for run in RUNS[stage].values()
    for name, count in taken(run).items()
}
for name, count in sorted(SLOTS.items()):
    workflow.global_resources.setdefault(name, count)


def slots(stage):
    """Resources of a stage's job: a device that may do it."""
    return {
        name: lambda wildcards, name=name: int(
            name in taken(RUNS[stage][wildcards.run])
        )
        for name in sorted(SLOTS)
    }


def trainers(stage):
    """Records of the builds that the devices of a run's board have programs of."""
    return lambda wildcards: [
        f"{RESULTS}/build/{target}.json"
        for target in INVENTORY.targets()[RUNS[stage][wildcards.run].board]
    ]


def planner(wildcards):
    """The record of the build that plans this run's memory; none for what no board trains."""
    trained = untrained_layer(RUNS["memory"][wildcards.run].network) is None
    return [f"{RESULTS}/build/native.json"] if trained else []


def packed(stage):
    """The packed data set that a run of the stage trains on."""
    return lambda wildcards: f"{RESULTS}/data/{RUNS[stage][wildcards.run].pack}.ebd"


def initial(stage):
    """The weights that a run of the stage begins from; none where it begins from its seed."""

    def weights(wildcards):
        begins = RUNS[stage][wildcards.run].init
        return [f"{RESULTS}/weights/{begins}.ebw"] if begins else []

    return weights


def begins(stage):
    """The option that hands them to the stage."""
    return lambda wildcards: [
        part for path in initial(stage)(wildcards) for part in ("--init", path)
    ]


def source_digest(wildcards):
    """How the SHA-256 of a file of weights must begin; a record has that of its own."""
    source, name = PLAN.beginnings[wildcards.begins], Path(wildcards.begins)
    return ["--digest", name.stem] if name.suffix == source.suffix else []


def anew(stage):
    """What tells the stage, and Snakemake, that a run's device was changed since it ran there."""

    def words(wildcards):
        started = replaces(Path(f"{RESULTS}/{stage}/{wildcards.run}.json"), INVENTORY)
        return ["--replaces", started] if started else []

    return words


def data_dir(_, threads):
    """The user's folder of data sets. A function of `threads` is in no provenance: the same bytes from
    another place are the same data set."""
    return ["--data-dir", STUDY.data_dir] if STUDY.data_dir else []


def follow():
    """Starts what puts records and curves into MLflow while the study runs. It ends with this process, however that ends."""
    log = Path(RESULTS) / "logs" / "follow.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    words = ["edgebnn", "track", "--follow", "--after=20", f"--starter={os.getpid()}"]
    with log.open("wb") as said:
        follower = subprocess.Popen(
            [*words, "--plan", f"{RESULTS}/plan.json"],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )

    def end():
        follower.terminate()
        try:
            follower.wait(timeout=10)
        except subprocess.TimeoutExpired:
            follower.kill()

    atexit.register(end)
