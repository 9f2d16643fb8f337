"""Whatever the moment of a crash, and whatever became of a file: training goes on, or says why not."""

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
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def stopped(saved: Any) -> tuple[Any, Any]:
    """A run stopped at step 11, that before it at step 10; and the uninterrupted run's record."""
    whole = saved.train().record
    saved.remove()
    saved.train("--steps", 10)
    saved.path.rename(saved.job.folder / "ten")
    saved.train("--steps", 11)
    (saved.job.folder / "ten").rename(saved.previous)
    return saved, whole


def test_a_crash_before_the_first_rename(stopped: tuple[Any, Any]) -> None:
    saved, whole = stopped
    shutil.copy(saved.path, saved.part)  # complete, but without its name: not looked at
    ended = saved.resume()
    assert ended.of("resume")[0]["step"] == 3
    assert ended.said == ""
    assert ended.record == whole


def test_a_crash_while_writing(stopped: tuple[Any, Any]) -> None:
    saved, whole = stopped
    saved.part.write_bytes(saved.path.read_bytes()[:-100])
    assert saved.resume().record == whole
    assert not saved.part.exists()


def test_a_crash_between_the_renames(stopped: tuple[Any, Any]) -> None:
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
def test_a_bad_newest_checkpoint(stopped: tuple[Any, Any], damage: Any, said: str) -> None:
    """The older one is taken; and it stays until there is a good one: the bad one never follows it."""
    saved, whole = stopped
    saved.path.write_bytes(damage(saved.path.read_bytes()))
    cut = saved.resume("--steps", 12)
    assert cut.of("resume")[0]["from"] == str(saved.previous)
    assert cut.of("resume")[0]["step"] == 2
    assert said in cut.of("resume")[0]["refused"]
    assert said in cut.said
    assert f"going on from {saved.previous}" in cut.said
    saved.content()
    saved.content(saved.previous)
    assert saved.resume().record == whole


def test_both_bad(stopped: tuple[Any, Any]) -> None:
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


def test_of_another_run(stopped: tuple[Any, Any], mislabelled: Path) -> None:
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


def test_further_than_it_shall(stopped: tuple[Any, Any]) -> None:
    saved, _ = stopped
    refused = saved.resume("--steps", 9, status=2)
    assert "--steps: found 9, but the checkpoint has 11 behind it" in refused.said


def test_anew_over_another_run_s_checkpoints(stopped: tuple[Any, Any]) -> None:
    """Without --resume what is there is not asked, and the first checkpoint takes its place."""
    saved, _ = stopped
    saved.job.keys = {"seed": 4}
    saved.train("--steps", 2)
    assert saved.resume().of("resume")[0]["step"] == 2


def test_a_full_disk(stopped: tuple[Any, Any]) -> None:
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
    assert json.loads(done.stdout.splitlines()[-1])["series"] == whole["series"]
    assert [path.read_bytes() for path in (saved.path, saved.previous)] == before
    assert not saved.part.exists()


def test_a_hundred_kills(saved: Any) -> None:
    """SIGKILL at a hundred random moments of one run, each time of a process that runs."""
    saved.job.keys = {"epochs": 90}
    began = time.monotonic()
    whole = saved.train()
    length = time.monotonic() - began
    kept = saved.content().state
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
            starts.add(saved.content().steps)
    assert len(starts) > 10  # moments before the first step are among them, but not alone
    ended = saved.resume()
    assert ended.record == whole.record
    assert saved.content().state == kept
