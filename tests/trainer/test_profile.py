"""In which phases of a step the arena's buffers were really used: within the plan, and all of them."""

import json
from typing import Any

import pytest


def profile(job: Any, *options: object) -> Any:
    """What a training that must succeed writes, beside its own record and its plan."""
    file = job.folder / "profile.json"
    done = job.train("--profile", file, *options)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return json.loads(file.read_text()), events[0], events[-1]["metrics"]


@pytest.mark.parametrize("network", ["mlp", "conv", "stride"])
@pytest.mark.parametrize("preset", ["standard", "proposed", "lean"])
@pytest.mark.parametrize("threads", [1, 3])
def test_use_lies_within_the_plan(job: Any, network: str, preset: str, threads: int) -> None:
    job.network, job.preset = network, preset
    found, plan, metrics = profile(job, "--threads", threads)
    assert found["arena_bytes"] == plan["arena_bytes"] == metrics["arena_planned_bytes"]
    assert found["peak_bytes"] == metrics["arena_peak_bytes"] <= found["arena_bytes"]
    assert len(found["phases"]) == 3 * found["blocks"] == 3 * plan["blocks"]
    planned = [{k: v for k, v in buffer.items() if k != "used"} for buffer in found["buffers"]]
    assert planned == plan["buffers"]
    for buffer in found["buffers"]:
        first, last = buffer["life"]
        if buffer["bytes"]:
            assert buffer["used"] is not None, buffer
            assert first <= buffer["used"][0] <= buffer["used"][1] <= last, buffer


def test_the_phases_have_their_names_in_their_order(job: Any) -> None:
    found, _, _ = profile(job, "--steps", 1)
    assert found["phases"] == [
        "layer 2 (dense): forward",
        "layer 5 (dense): forward",
        "layer 8 (dense): forward",
        "loss",
        "layer 8 (dense): norm and dW",
        "layer 8 (dense): dX",
        "layer 5 (dense): norm and dW",
        "layer 5 (dense): dX",
        "layer 2 (dense): norm and dW",
    ]
    used = {buffer["name"]: buffer["used"] for buffer in found["buffers"]}
    assert used["layer 5 (dense): m"] == [6, 6]  # moved where dW is made, and nowhere else
    assert used["layer 5 (dense): W"] == [0, 6]  # from where it was drawn
    assert used["layer 5 (dense): signs"] == [1, 6]


def test_what_fails_leaves_no_profile(job: Any) -> None:
    job.keys = {"learning_rate": 3e38}
    assert job.train("--profile", job.folder / "profile.json").returncode == 1
    assert not list(job.folder.glob("profile*"))
