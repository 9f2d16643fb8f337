"""Studies that grow: finished work is left alone, and no command outgrows the shell."""

from __future__ import annotations

import pytest
import yaml

from .conftest import STUDY, Workflow

LONGEST = 64 * 1024
"""Bytes of a command: half of what Linux takes as one argument."""


def stamps(workflow: Workflow) -> dict[str, int]:
    """Time stamps of the records, and of the files of their runs."""
    return {
        str(path.relative_to(workflow.results)): path.stat().st_mtime_ns
        for stage in ("memory", "emulate", "device", "runs/*")
        for path in workflow.results.glob(f"{stage}/*.json")
    }


def would_run(workflow: Workflow) -> dict[str, int]:
    """Rule -> jobs, by a dry run."""
    status, output = workflow.run("--dry-run", "--workflow-profile", "none")
    assert status == 0, output
    if "Nothing to be done" in output:
        return {}
    lines = output[output.rindex("Job stats:") :].splitlines()[3:]
    table = [line.split() for line in lines[: lines.index("")]]
    return {rule: int(count) for rule, count in table if rule not in ("all", "total")}


@pytest.mark.slow
def test_a_new_experiment_runs_alone(workflow: Workflow) -> None:
    workflow.configure(experiments=[])
    ended = {"track_records": 1, "write_report": 1}
    assert would_run(workflow) == {"build_trainer": 1, "model_memory": 2, **ended}
    assert not workflow.results.exists()
    status, output = workflow.run()
    assert status == 0, output
    assert would_run(workflow) == {}
    before = stamps(workflow)
    assert len(before) == 2 * 2

    (first, *_) = STUDY["experiments"]  # type: ignore[misc]
    added = {**first, "methods": ["proposed"], "emulate": None}
    workflow.configure(experiments=[added])
    assert would_run(workflow) == {
        "model_memory": 1,
        "pack_data": 1,
        "train_on_device": 1,
        **ended,
    }
    status, output = workflow.run()
    assert status == 0, output
    after = stamps(workflow)
    assert len(after) == len(before) + 2 * 2
    assert {name: after[name] for name in before} == before

    workflow.configure(experiments=[{**added, "name": "renamed"}])
    assert would_run(workflow) == ended

    trainer = workflow.results / "build" / "native.json"
    kept = trainer.rename(trainer.with_suffix(".kept"))
    workflow.configure(experiments=[{**added, "seeds": [0, 1]}])
    anew = {"build_trainer": 1, "model_memory": 3, "train_on_device": 2}
    assert would_run(workflow) == anew | ended  # a new trainer stops nothing behind it
    kept.rename(trainer)
    workflow.configure(experiments=[{**added, "name": "renamed"}])
    assert would_run(workflow) == ended

    for damaged in workflow.results.glob("runs/*/*.json"):
        damaged.unlink()
    (workflow.results / "plan.json").write_text('{"study": "ti')
    assert would_run(workflow) == ended
    status, output = workflow.run("--delete-all-output")
    assert status == 0, output
    assert not list(workflow.results.glob("memory/*.json"))
    status, output = workflow.run()
    assert status == 0, output
    assert stamps(workflow).keys() == after.keys()
    assert would_run(workflow) == {}


@pytest.mark.slow
def test_no_command_outgrows_the_shell(workflow: Workflow) -> None:
    experiments = [
        {
            "name": f"batch-{batch_size}",
            "dataset": "digits",
            "model": "mlp",
            "methods": ["standard", "proposed"],
            "seeds": list(range(125)),
            "emulate": {"batch_size": batch_size, "epochs": 1},
            "device": {"boards": ["virtual"], "batch_size": batch_size, "epochs": 1},
        }
        for batch_size in range(10, 20)
    ]
    document = {"study": "long", "results": str(workflow.results), "experiments": experiments}
    (workflow.folder / "study.yaml").write_text(yaml.safe_dump(document))
    status, output = workflow.run("--dry-run", "--printshellcmds", "--workflow-profile", "none")
    assert status == 0, output[-2000:]
    before = "Shell command: "
    commands = [
        line.removeprefix(before)
        for line in output.splitlines()
        if line.startswith(f"{before}edgebnn ")
    ]
    assert len(commands) == 20 + 5000 + 4  # memory; training; data, build, track, report
    assert max(map(len, commands)) < LONGEST
    assert not workflow.results.exists()
