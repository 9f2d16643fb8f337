"""A run that goes on from its checkpoint ends with the same bits; checkpoints change nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

STEPS_PER_EPOCH = 8  # of the job's 400 images in batches of 50


@pytest.mark.parametrize("network", ["mlp", "conv"])
@pytest.mark.parametrize("preset", ["standard", "proposed", "lean"])
@pytest.mark.parametrize("optimizer", ["adam", "sgd", "bop"])
def test_resumed_is_uninterrupted(saved: Any, network: str, preset: str, optimizer: str) -> None:
    """Cut in an epoch, at its end and in the next; on other threads."""
    saved.job.network, saved.job.preset = network, preset
    saved.job.keys = {"optimizer": optimizer, "schedule": "plateau 0.5 1"}
    if optimizer == "bop":
        saved.job.keys |= {"gamma": 0.01, "tau": 0.001}
    whole = saved.train()
    kept = saved.content()
    saved.remove()
    for steps, threads in ((3, 1), (STEPS_PER_EPOCH, 2), (2 * STEPS_PER_EPOCH + 5, 3)):
        cut = saved.resume("--steps", steps, "--threads", threads)
        assert saved.content().steps == steps
    assert cut.of("resume") == [{"event": "resume", "epoch": 1, "step": 0, "from": str(saved.path)}]
    ended = saved.resume("--threads", 2)
    assert ended.of("resume")[0]["epoch"] == 2
    assert ended.of("resume")[0]["step"] == 5
    assert [line["epoch"] for line in ended.of("epoch")] == [3, 4, 5]
    assert ended.record == whole.record
    assert saved.content().state == kept.state
    assert saved.content().series[:4] == kept.series[:4]


@pytest.mark.parametrize("steps", [1, STEPS_PER_EPOCH - 1, STEPS_PER_EPOCH, 40])
def test_resumed_with_nothing_left(saved: Any, steps: int) -> None:
    """The record of what was done is there again, with the memory and the times it took."""
    first = saved.train("--steps", steps)
    again = saved.resume("--steps", steps)
    assert again.record == first.record
    before, after = first.events[-1]["metrics"], again.events[-1]["metrics"]
    assert after["arena_peak_bytes"] == before["arena_peak_bytes"]
    assert after["process_peak_bytes"] >= before["process_peak_bytes"] * 0.9
    for name in ("train_time_s", "time_per_batch_s"):
        assert after[name] == before[name]


def test_checkpoints_change_nothing(saved: Any) -> None:
    plain = json.loads(saved.job.train().stdout.splitlines()[-1])
    kept = saved.train()
    assert plain["series"] == kept.record["series"]
    assert kept.events[-1]["metrics"]["arena_peak_bytes"] == plain["metrics"]["arena_peak_bytes"]
    left = sorted(path.name for path in saved.job.folder.iterdir())
    assert left == ["a.run", "state", "state.previous"]
    assert saved.content().steps == 5 * STEPS_PER_EPOCH
    assert (
        saved.content(saved.previous).steps == 5 * STEPS_PER_EPOCH
    )  # before and after its evaluation
    assert "learning_rate 0.01\n" in saved.content().text


def test_within_an_epoch_only_as_often_as_asked(saved: Any) -> None:
    saved.job.train("--checkpoint", saved.path)  # every minute: an epoch's end comes first
    assert [saved.content(path).position[0] for path in (saved.previous, saved.path)] == [4, 5]


def test_without_a_checkpoint_it_starts_anew(saved: Any) -> None:
    saved.part.write_bytes(b"of a crash in the first step")
    first = saved.resume()
    assert first.said == f"edgebnn-train: {saved.path}: no checkpoint yet; starting anew\n"
    assert not first.of("resume")
    assert not saved.part.exists()
    assert first.record == saved.train().record


def test_an_unwritable_place_is_said_before_the_training(saved: Any) -> None:
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
