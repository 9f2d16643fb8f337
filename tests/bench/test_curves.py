"""Whether the trainer learns as the emulation does: the arithmetic, the table, and two small trainings."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from edgebnn.bench.cases import Case
from edgebnn.bench.curves.__main__ import main
from edgebnn.bench.curves.compare import STRETCH, WINDOW, compare, smoothed
from edgebnn.bench.curves.losses import emulation_losses, trainer_losses, write_training_images
from edgebnn.bench.curves.measure import STAGE, compared, run_for
from edgebnn.bench.curves.tables import curves_table
from edgebnn.bench.documents import DOCUMENTS, refresh
from edgebnn.data.datasets import prepare
from edgebnn.record import Provenance, Record
from edgebnn.study.config import Augmentation
from edgebnn.study.model_file import parse_network
from edgebnn.study.optimizer_config import Optimizer
from edgebnn.study.run import Run
from edgebnn.study.switches import PRESETS
from edgebnn.trainer.run_file import run_file

ROOT = Path(__file__).parents[2]
EMULATION = ([4.0, 4, 4, 4, 0], [2.0, 2, 2, 2, 2])  # smoothed: 4 3, 2 2; their mean: 3 2.5


def test_a_curve_is_the_mean_of_each_window() -> None:
    assert WINDOW // STRETCH == 4
    assert smoothed(EMULATION).tolist() == [[4, 3], [2, 2]]


@pytest.mark.parametrize(
    ("trainer", "distance", "first_step", "within"),
    [
        (([3.0, 3, 3, 3, 3], [3.0, 3, 3, 3, 3]), 0.5, 6, True),
        (([4.0, 4, 4, 4, 4], [4.0, 4, 4, 4, 0]), 1.0, 1, True),  # as far as a seed is
        (([3.0, 3, 3, 3, 7], [3.0, 3, 3, 3, 7]), 1.5, 6, False),
        (([0.0, 0, 0, 0, 0], [6.0, 6, 6, 6, 6]), 0.5, 6, True),  # their mean counts
    ],
)
def test_a_verdict_by_hand(
    trainer: tuple[list[float], ...], distance: float, first_step: int, *, within: bool
) -> None:
    verdict = compare(trainer, EMULATION)
    assert (verdict.distance, verdict.spread) == (distance, 1.0)
    assert (verdict.first_step, verdict.within) == (first_step, within)
    assert verdict.emulation_end == 2.5


def record() -> Record:
    row: dict[str, str | float] = {
        "model": "cnv",
        "batch_size": 100,
        "steps": 300,
        "seeds": 3,
        "distance": 0.0214,
        "spread": 0.05,
        "first_step": 26,
        "trainer_end": 1.6,
        "emulation_end": 1.5996,
        "within": "yes",
    }
    return Record(
        stage=STAGE,
        run_id="1",
        parameters={"steps": 300},
        metrics={},
        tables={"curves": [row]},
        provenance=Provenance(
            git_commit="0",
            host="this machine",
            machine="Some Processor, 2 cores",
            versions={"edgebnn": "1", "keras": "3"},
            started="2026-01-02T03:04:05+00:00",
        ),
    )


def test_the_table_stands_in_its_document_and_no_other(tmp_path: Path) -> None:
    for name in DOCUMENTS:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    refresh(record(), tmp_path)
    changed = [
        name for name in DOCUMENTS if (tmp_path / name).read_text() != (ROOT / name).read_text()
    ]
    assert changed == [Path("docs/numerics.md")]
    assert curves_table(record()) in (tmp_path / changed[0]).read_text()
    assert curves_table(record()).startswith(
        "Measured 2026-01-02 on Some Processor, 2 cores; keras 3.\n"
    )
    row = "| CNV, batch 100 | 300 | 3 | 1.600 | 1.600 | 0.021 | 26 | 0.050 | yes |"
    assert curves_table(record()).splitlines()[-1] == row


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "cnvv"], "--only: found 'cnvv' (did you mean 'cnv'?); allowed are cnv, "),
        (["--steps", "302"], "--steps: found 302, wanted is a multiple of 5"),
        (["--steps", "15"], "--steps: found 15, allowed are 20 to "),
        (["--seeds", "1"], "--seeds: found 1, allowed are 2 to "),
        (["--output", "/"], "--output: found the folder '/'; a file's name is wanted"),
        (["--output", "/dev/null/a.json"], "--output: '/dev/null/a.json' cannot be written: "),
    ],
)
def test_a_wrong_option_is_told(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert said in capsys.readouterr().err


def test_a_run_is_augmented_as_the_papers_study_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    run = run_for(Case("cnv", 100), seed=2, steps=300)
    assert (run.dataset, run.seed, run.switches) == ("cifar10", 2, PRESETS["proposed"])
    assert run.augmentation == Augmentation(shift=0.15, flip=True)


@pytest.mark.slow
def test_two_small_trainings(built: Callable[[str], Path], tmp_path: Path) -> None:
    layers = ["flatten", {"dense": 64}, "batch_norm", "sign", {"dense": 10}, "batch_norm"]
    network = parse_network({"input": [8, 8, 1], "layers": layers}, "small")
    run = Run(
        stage="device",
        dataset="digits",
        model="small",
        network=network,
        switches=PRESETS["proposed"],
        optimizer=Optimizer(),
        batch_size=100,
        epochs=2,
        seed=0,
    )
    trainer, data, steps = built("native") / "edgebnn-train", tmp_path / "digits.ebd", 20
    write_training_images(prepare("digits", None, Path()), data)
    row, series = compared(
        [run.model_copy(update={"seed": seed}) for seed in (0, 1)],
        data,
        steps,
        {
            "trainer": partial(trainer_losses, trainer, threads=1),
            "emulation": partial(emulation_losses, threads=1),
        },
    )
    assert list(series) == [
        f"small-b100, {name}, seed {seed}" for seed in (0, 1) for name in ("trainer", "emulation")
    ]
    found = series["small-b100, trainer, seed 0"]
    assert [step for step, _ in found] == [5, 10, 15, 20]
    # One process says the same: 13 steps of the first epoch, 7 of the second.
    file = tmp_path / "run"
    file.write_text(run_file(run))
    command = [trainer, "--run", file, "--data", data, "--steps", str(steps)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lines = [json.loads(line) for line in said.splitlines()]
    first, second = (line["loss"] for line in lines if line["event"] == "epoch")
    total = STRETCH * sum(loss for _, loss in found)
    assert total == pytest.approx(13 * first + 7 * second, rel=1e-12)
    assert found[-1][1] < found[0][1]
    assert row["distance"] < 0.1
    assert [path.name for path in tmp_path.glob("*checkpoint*")] == []
