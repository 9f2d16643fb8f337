"""The emulation beside larq: what is told, the tables, and the emulation's own side of the pipe."""

from __future__ import annotations

import shutil
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebnn.bench.documents import DOCUMENTS, refresh
from edgebnn.bench.emulation import __main__ as command
from edgebnn.bench.emulation.__main__ import main
from edgebnn.bench.emulation.contestants import BATCHES, LARQ, METHODS, child, specs_of
from edgebnn.bench.emulation.measure import STAGE
from edgebnn.bench.emulation.tables import batches_table, steps_table
from edgebnn.record import Provenance, Record

ROOT = Path(__file__).parents[2]
STEPS = {
    LARQ: 0.1,
    "standard": 0.09,
    "proposed": 0.2,
    "batches": 0.001,
    "batches, augmented": 0.002,
}


def record() -> Record:
    def row(name: str, step_s: float) -> dict[str, Any]:
        return {
            "model": "cnv",
            "batch_size": 100,
            "threads": 1,
            "contestant": name,
            "by": "fit, XLA",
            "step_s": step_s,
            "step_q1_s": step_s,
            "step_q3_s": step_s,
            "peak_bytes": 900 << 20 if name == LARQ else 450 << 20,
        }

    return Record(
        stage=STAGE,
        run_id="1",
        parameters={"rounds": 15, "load": 2.0},
        metrics={},
        tables={"steps": [row(name, step_s) for name, step_s in STEPS.items()]},
        provenance=Provenance(
            git_commit="0",
            host="this machine",
            machine="Some Processor, 2 cores",
            versions={"edgebnn": "1", "larq": "0"},
            started="2026-01-02T03:04:05+00:00",
        ),
    )


def test_a_step_is_beside_larqs_and_a_batch_beside_a_step() -> None:
    assert steps_table(record()).splitlines()[-2:] == [
        "| CNV, batch 100 | 1 | standard (fit, XLA) | 90.0 (90.0 to 90.0) | 0.90 | 450 | 0.50 |",
        "| CNV, batch 100 | 1 | proposed (fit, XLA) | 200 (200 to 200) | 2.00 | 450 | 0.50 |",
    ]
    assert batches_table(record()).splitlines()[-1] == (
        "| CNV, batch 100 | 1 | batches, augmented | 2.00 (2.00 to 2.00) | 2.2% | 1.0% |"
    )


def test_the_tables_stand_in_their_document_and_no_other(tmp_path: Path) -> None:
    for name in DOCUMENTS:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    refresh(record(), tmp_path)
    changed = [
        name for name in DOCUMENTS if (tmp_path / name).read_text() != (ROOT / name).read_text()
    ]
    assert changed == [Path("docs/performance.md")]
    text = (tmp_path / changed[0]).read_text()
    assert steps_table(record()) in text
    assert batches_table(record()) in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "cnvv"], "--only: found 'cnvv' (did you mean 'cnv'?); allowed are mlp, cnv"),
        (["--rounds", "0"], "--rounds: found 0, allowed are 1 to "),
        (["--threads", "9999"], "--threads: found 9999, allowed are 1 to "),
    ],
)
def test_a_wrong_option_is_told(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert said in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.heavy
def test_the_emulations_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """larq's side needs an environment of its own: `make bench-emulation` holds it."""
    monkeypatch.chdir(ROOT)
    specs = specs_of(command.CASES["mlp"], tmp_path)
    assert list(specs) == [LARQ, *METHODS, *BATCHES]
    name, python = METHODS[0], Path(sys.executable)
    logits, weights = tmp_path / "logits.npy", tmp_path / "weights.npz"
    told = {"weights": str(weights), "logits": str(logits)}
    child(name, {**specs[name], "threads": 1, **told}, python).close()
    found = np.load(logits)
    assert found.shape == (100, 10)
    with np.load(weights) as given:
        shapes = [given[name].shape for name in given]
    assert shapes[:4] == [(784, 256), (256,), (256,), (256,)]
    with closing(child(name, {**specs[name], "threads": 1}, python)) as one:
        turn = one.turn(3)
    assert turn.step_s > 0
    assert turn.peak_bytes > 100 << 20
