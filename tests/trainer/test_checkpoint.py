"""A killed run goes on from its checkpoint and ends with the same bits; a bad checkpoint is no harm."""

from __future__ import annotations

import json
import random
import resource
import shutil
import signal
import struct
import subprocess
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

STEPS_PER_EPOCH = 8  # of the job's 400 images in batches of 50
MEASURED = ("_s", "_bytes")  # ends of the names of metrics that no two processes share


@dataclass
class Content:
    """A checkpoint, read as docs/formats.md has it."""

    text: str
    position: tuple[Any, ...]
    series: list[tuple[float, ...]]
    state: bytes

    @property
    def steps(self) -> int:
        return int(self.position[2])


def read(path: Path) -> Content:
    data = path.read_bytes()
    magic, version, text_bytes, size, _, zero = struct.unpack_from("<8sIIQII", data)
    assert (magic, version, size, zero) == (b"EDGEBNNC", 1, len(data), 0)
    assert struct.unpack("<I", data[-4:]) == (zlib.crc32(data[:-4]),)
    at = 32 + text_bytes
    position = struct.unpack_from("<3QdQd2dQ3dQd d3Q", data, at)
    at += 18 * 8
    epochs, times = position[0], position[-1]
    series = []
    for count in (epochs, epochs, epochs, epochs, times):
        series.append(struct.unpack_from(f"<{count}d", data, at))
        at += 8 * count
    return Content(data[32 : 32 + text_bytes].decode(), position, series, data[at:-4])


@dataclass
class Saved:
    """A job with its checkpoint."""

    job: Any

    @property
    def path(self) -> Path:
        return Path(self.job.folder / "state")

    @property
    def previous(self) -> Path:
        return Path(f"{self.path}.previous")

    @property
    def part(self) -> Path:
        return Path(f"{self.path}.part")

    def command(self, *options: object) -> list[str]:
        words: list[object] = ["--checkpoint", self.path, "--checkpoint-every", 0, *options]
        return list(self.job.command(*words))

    def train(self, *options: object, status: int = 0) -> Outcome:
        done = subprocess.run(
            self.command(*options), check=False, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == status, done.stderr
        return Outcome([json.loads(line) for line in done.stdout.splitlines()], done.stderr)

    def resume(self, *options: object, status: int = 0) -> Outcome:
        return self.train("--resume", *options, status=status)

    def remove(self) -> None:
        for path in (self.path, self.previous, self.part):
            path.unlink(missing_ok=True)


@dataclass
class Outcome:
    events: list[Any]
    said: str

    def of(self, event: str) -> list[Any]:
        return [found for found in self.events if found["event"] == event]

    @property
    def record(self) -> Any:
        """What two runs share."""
        record = self.events[-1]
        assert record["event"] == "record"
        metrics = record["metrics"].items()
        same = {name: value for name, value in metrics if not name.endswith(MEASURED)}
        return {**record, "metrics": same}


@pytest.fixture
def saved(job: Any) -> Saved:
    return Saved(job)


@pytest.mark.parametrize("network", ["mlp", "conv"])
@pytest.mark.parametrize("preset", ["standard", "proposed", "lean"])
@pytest.mark.parametrize("optimizer", ["adam", "sgd", "bop"])
def test_resumed_is_uninterrupted(saved: Saved, network: str, preset: str, optimizer: str) -> None:
    """Cut in an epoch, at its end and in the next; on other threads."""
    saved.job.network, saved.job.preset = network, preset
    saved.job.keys = {"optimizer": optimizer, "schedule": "plateau 0.5 1"}
    if optimizer == "bop":
        saved.job.keys |= {"gamma": 0.01, "tau": 0.001}
    whole = saved.train()
    kept = read(saved.path)
    saved.remove()
    for steps, threads in ((3, 1), (STEPS_PER_EPOCH, 2), (2 * STEPS_PER_EPOCH + 5, 3)):
        cut = saved.resume("--steps", steps, "--threads", threads)
        assert read(saved.path).steps == steps
    assert cut.of("resume") == [{"event": "resume", "epoch": 1, "step": 0, "from": str(saved.path)}]
    ended = saved.resume("--threads", 2)
    assert ended.of("resume")[0]["epoch"] == 2
    assert ended.of("resume")[0]["step"] == 5
    assert [line["epoch"] for line in ended.of("epoch")] == [3, 4, 5]
    assert ended.record == whole.record
    assert read(saved.path).state == kept.state
    assert read(saved.path).series[:4] == kept.series[:4]


@pytest.mark.parametrize("steps", [1, STEPS_PER_EPOCH - 1, STEPS_PER_EPOCH, 40])
def test_resumed_with_nothing_left(saved: Saved, steps: int) -> None:
    """The record of what was done is there again, with the memory and the times it took."""
    first = saved.train("--steps", steps)
    again = saved.resume("--steps", steps)
    assert again.record == first.record
    before, after = first.events[-1]["metrics"], again.events[-1]["metrics"]
    assert after["arena_peak_bytes"] == before["arena_peak_bytes"]
    assert after["process_peak_bytes"] >= before["process_peak_bytes"] * 0.9
    for name in ("train_time_s", "time_per_batch_s"):
        assert after[name] == before[name]


def test_checkpoints_change_nothing(saved: Saved) -> None:
    plain = json.loads(saved.job.train().stdout.splitlines()[-1])
    kept = saved.train()
    assert plain["series"] == kept.record["series"]
    assert kept.events[-1]["metrics"]["arena_peak_bytes"] == plain["metrics"]["arena_peak_bytes"]
    left = sorted(path.name for path in saved.job.folder.iterdir())
    assert left == ["a.run", "state", "state.previous"]
    assert read(saved.path).steps == 5 * STEPS_PER_EPOCH
    assert read(saved.previous).steps == 5 * STEPS_PER_EPOCH  # before and after its evaluation
    assert "learning_rate 0.01\n" in read(saved.path).text


def test_within_an_epoch_only_as_often_as_asked(saved: Saved) -> None:
    saved.job.train("--checkpoint", saved.path)  # every minute: an epoch's end comes first
    assert [read(path).position[0] for path in (saved.previous, saved.path)] == [4, 5]


def test_without_a_checkpoint_it_starts_anew(saved: Saved) -> None:
    saved.part.write_bytes(b"of a crash in the first step")
    first = saved.resume()
    assert first.said == f"edgebnn-train: {saved.path}: no checkpoint yet; starting anew\n"
    assert not first.of("resume")
    assert not saved.part.exists()
    assert first.record == saved.train().record


@pytest.fixture
def stopped(saved: Saved) -> tuple[Saved, Any]:
    """A run stopped at step 11, that before it at step 10; and the uninterrupted run's record."""
    whole = saved.train().record
    saved.remove()
    saved.train("--steps", 10)
    saved.path.rename(saved.job.folder / "ten")
    saved.train("--steps", 11)
    (saved.job.folder / "ten").rename(saved.previous)
    return saved, whole


def test_a_crash_before_the_first_rename(stopped: tuple[Saved, Any]) -> None:
    saved, whole = stopped
    shutil.copy(saved.path, saved.part)  # complete, but without its name: not looked at
    ended = saved.resume()
    assert ended.of("resume")[0]["step"] == 3
    assert ended.said == ""
    assert ended.record == whole


def test_a_crash_while_writing(stopped: tuple[Saved, Any]) -> None:
    saved, whole = stopped
    saved.part.write_bytes(saved.path.read_bytes()[:-100])
    assert saved.resume().record == whole
    assert not saved.part.exists()


def test_a_crash_between_the_renames(stopped: tuple[Saved, Any]) -> None:
    saved, whole = stopped
    saved.path.rename(saved.part)
    ended = saved.resume()
    assert ended.of("resume")[0] == {
        "event": "resume",
        "epoch": 1,
        "step": 2,
        "from": str(saved.previous),
        "refused": f"{saved.path}: missing",
    }
    assert ended.record == whole


def flipped(content: bytes) -> bytes:
    return content[:-50] + bytes([content[-50] ^ 4]) + content[-49:]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (flipped, "damaged: its checksum does not match"),
        (lambda content: content[:-1], "bytes, its header promises"),
        (lambda content: b"", "truncated: 0 bytes"),
        (lambda content: bytes(len(content)), "it does not begin with EDGEBNNC"),
    ],
)
def test_a_bad_newest_checkpoint(stopped: tuple[Saved, Any], damage: Any, said: str) -> None:
    """The older one is taken; and it stays until there is a good one: the bad one never follows it."""
    saved, whole = stopped
    saved.path.write_bytes(damage(saved.path.read_bytes()))
    cut = saved.resume("--steps", 12)
    assert cut.of("resume")[0]["from"] == str(saved.previous)
    assert cut.of("resume")[0]["step"] == 2
    assert said in cut.of("resume")[0]["refused"]
    assert said in cut.said
    assert f"going on from {saved.previous}" in cut.said
    read(saved.path)
    read(saved.previous)
    assert saved.resume().record == whole


def test_both_bad(stopped: tuple[Saved, Any]) -> None:
    saved, _ = stopped
    for path in (saved.path, saved.previous):
        path.write_bytes(flipped(path.read_bytes()))
    before = [path.read_bytes() for path in (saved.path, saved.previous)]
    refused = saved.resume(status=2)
    assert f"{saved.path}: damaged" in refused.said
    assert f"{saved.previous}: damaged" in refused.said
    assert "remove them to start anew" in refused.said
    assert [path.read_bytes() for path in (saved.path, saved.previous)] == before
    saved.previous.unlink()
    assert f"{saved.previous}: missing" in saved.resume(status=2).said


def test_of_another_run(stopped: tuple[Saved, Any], mislabelled: Path) -> None:
    saved, _ = stopped
    data = saved.job.data
    saved.job.keys = {"seed": 4}
    refused = saved.resume(status=2)
    assert "state: of another run: it has 'seed 3' where" in refused.said
    assert "a.run has 'seed 4'" in refused.said
    saved.job.keys = {}
    saved.job.data = saved.job.folder / "other.ebd"
    content = bytearray(data.read_bytes())
    content[64] ^= 1
    struct.pack_into("<I", content, 40, zlib.crc32(content[64:]))
    struct.pack_into("<I", content, 60, zlib.crc32(content[:60]))
    saved.job.data.write_bytes(content)
    assert "state: of other data than" in saved.resume(status=2).said


def test_further_than_it_shall(stopped: tuple[Saved, Any]) -> None:
    saved, _ = stopped
    refused = saved.resume("--steps", 9, status=2)
    assert "--steps: found 9, but the checkpoint has 11 behind it" in refused.said


def test_anew_over_another_run_s_checkpoints(stopped: tuple[Saved, Any]) -> None:
    """Without --resume what is there is not asked, and the first checkpoint takes its place."""
    saved, _ = stopped
    saved.job.keys = {"seed": 4}
    saved.train("--steps", 2)
    assert saved.resume().of("resume")[0]["step"] == 2


def test_a_full_disk(stopped: tuple[Saved, Any]) -> None:
    """It goes on; the older checkpoints stay, nothing half-written does; it is said once."""
    saved, whole = stopped
    before = [path.read_bytes() for path in (saved.path, saved.previous)]

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))

    done = subprocess.run(saved.command("--resume"), check=False, preexec_fn=limit,
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0
    assert done.stderr == (
        f"edgebnn-train: warning: {saved.path}: checkpoint not written: File too large; "
        "training goes on\n"
    )
    outcome = Outcome([json.loads(line) for line in done.stdout.splitlines()], "")
    assert outcome.record == whole
    assert [path.read_bytes() for path in (saved.path, saved.previous)] == before
    assert not saved.part.exists()


def test_an_unwritable_place_is_said_before_the_training(saved: Saved) -> None:
    saved.job.keys = {"epochs": 1000000}
    done = saved.job.train("--checkpoint", saved.job.folder / "none" / "x")
    assert done.returncode == 2
    assert "none/x: cannot be written" in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--resume"], "--resume: needs --checkpoint"),
        (["--checkpoint-every", "5"], "--checkpoint-every: needs --checkpoint"),
        (["--checkpoint", "x", "--checkpoint-every", "-1"], "--checkpoint-every: found '-1'"),
        (["--checkpoint", "x", "--resume", "--dump", "y"], "--dump: not with --resume"),
    ],
)
def test_options(job: Any, options: list[str], said: str) -> None:
    done = job.train(*options)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_hundred_kills(saved: Saved) -> None:
    """SIGKILL at a hundred random moments of one run, each time of a process that runs."""
    saved.job.keys = {"epochs": 60}
    began = time.monotonic()
    whole = saved.train()
    length = time.monotonic() - began
    kept = read(saved.path).state
    saved.remove()
    moments, hits, starts = random.Random(7), 0, set()
    while hits < 100:
        with subprocess.Popen(
            saved.command("--resume"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            time.sleep(moments.uniform(0, length / 80))
            process.kill()
            ended = process.wait()
        if ended == 0:  # it was over before: that was no kill, and the run begins anew
            saved.remove()
            continue
        assert ended == -signal.SIGKILL
        hits += 1
        if saved.path.exists():
            starts.add(read(saved.path).steps)
    assert len(starts) > 10  # moments before the first step are among them, but not alone
    ended = saved.resume()
    assert ended.record == whole.record
    assert read(saved.path).state == kept
