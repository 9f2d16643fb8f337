"""Methods side by side: which are compared, what stands in a row, and the tables of documents."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edgebnn.cli import main
from edgebnn.record import Metric, Record
from edgebnn.report.compared import comparisons
from edgebnn.report.groups import gather

from .made import modelled, study, training, write

CASES = ("mnist-mlp-b100-emulate", "mnist-mlp-b200-rpi3b+", "mnist-mlp-b200-virtual")


def document(names: tuple[str, ...]) -> str:
    parts = "".join(
        f"<!-- trial <1>-{name} -->\nold\n<!-- /trial <1>-{name} -->\n" for name in names
    )
    return f"# Title\n\n{parts}\n<!-- other -->\nkept\n<!-- /other -->\n"


def guessing(record: Record) -> Record:
    """The same, as if nothing was learned."""
    chance = {"test_images": 100.0, "guessing_accuracy": 0.9}
    more = {name: Metric(value=value, source="measured") for name, value in chance.items()}
    return record.model_copy(update={"metrics": record.metrics | more})


def test_two_methods_are_not_compared() -> None:
    records = [training("emulate", method, 0) for method in ("standard", "proposed")]
    plan = [{"stage": r.stage, "run_id": r.run_id, "method": r.run_id} for r in records]
    groups, _ = gather(records, {"a": plan})
    assert comparisons(groups) == []


def test_rows_of_the_page(tmp_path: Path) -> None:
    """Of one data set, model, batch and place; of any experiment; memory is its experiment's."""
    made = study()
    made["mnist"] += modelled("mnist", "mlp", 100)
    made["mnist"][0] = guessing(made["mnist"][0])
    page = write(tmp_path, made)
    section = page[page.index('id="compared"') : page.index('id="results"')]
    tables = re.findall(r"<tbody>(.*?)</tbody>", section, re.DOTALL)
    assert len(tables) == len(CASES)
    rows = [
        " ".join(re.sub(r"<[^>]*>", " ", row).split())
        for row in re.findall(r"<tr>(.*?)</tr>", tables[0], re.DOTALL)
    ]
    assert rows == [
        "mnist adam standard 3 90.10 ± 0.10 at chance level: 1 of 3 seeds 7.41 1.50 0.500",
        "mnist adam proposed 3 90.10 ± 0.10 2.66 1.50 0.500",
        "mnist adam lean 3 90.10 ± 0.10 – 1.50 0.500",
    ]


def test_tables_of_a_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = study()
    made["mnist"][1] = guessing(made["mnist"][1])
    write(tmp_path, made)
    paper = tmp_path / "switches.md"
    command = ["report", "--plan", str(tmp_path / "plan.json")]
    command += ["--output", str(tmp_path / "page.html"), "--document", str(paper)]
    assert main(command) == 2
    assert f"{paper}: No such file" in capsys.readouterr().err
    paper.write_bytes(b"caf\xe9")
    assert main(command) == 2
    assert f"{paper}: not a text in UTF-8" in capsys.readouterr().err
    paper.write_text(document(CASES[:2]))
    assert main(command) == 2
    assert "0 pairs of lines '<!-- trial <1>-mnist-mlp-b200-virtual -->'" in capsys.readouterr().err
    assert paper.read_text() == document(CASES[:2])
    paper.write_text(document(CASES))
    for _ in range(2):
        assert main(command) == 0
    text = paper.read_text()
    assert "old" not in text
    assert "kept" in text
    assert "| adam | standard | 90.10 ± 0.10 (at chance level: 1 of 3 seeds) | 3 |" in text
    assert "| adam | lean | 90.10 ± 0.10 | 3 |  | 1.50 | 500.00 |\n" in text
    assert text.count("| optimiser | method |") == len(CASES)
    assert text.count("on virtual devices: the host's time") == 1
