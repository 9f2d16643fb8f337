"""The report's table of boards: our trainer, Keras by the same means, the paper, and the trace of power."""

from __future__ import annotations

import re
from pathlib import Path

from edgebnn.record import Metric, Record
from edgebnn.report import write_tables
from edgebnn.report.charts import specifications
from edgebnn.report.groups import Group
from edgebnn.report.on_board import board_cases
from edgebnn.report.power import power_charts

from .made import rows, training, write

CASE = ("mnist", "mlp", 200)


def ours(board: str = "rpi3b+", **changes: object) -> Record:
    """0.5 s, 2.5 MiB and 2 J a batch."""
    record = training("device", "proposed", 0, board=board, case=CASE, host="bench-1")
    return record.model_copy(update=changes)


def keras(
    network: str,
    board: str = "rpi3b+",
    case: tuple[str, str, int] = CASE,
    metrics: dict[str, float] | None = None,
    **notes: str,
) -> Record:
    """A baseline's record; 2 s, 250 MiB and 8 J a batch unless it says otherwise."""
    base = training("device", "standard", 0, board=board, case=case, host="bench-1")
    found = {"time_per_batch_s": 2.0, "peak_memory_mib": 250.0, "energy_per_batch_j": 8.0}
    values = found if metrics is None else metrics
    return base.model_copy(
        update={
            "stage": "baseline",
            "run_id": f"{case[1]}-keras-{network}-{board}",
            "parameters": base.parameters | {"method": f"keras-{network}"},
            "metrics": {name: Metric(value=v, source="measured") for name, v in values.items()},
            "series": {},
            "notes": notes,
        }
    )


def groups(*records: Record) -> list[Group]:
    return [
        Group("trial", record.stage, str(record.parameters["method"]), (record,))
        for record in records
    ]


def test_ours_stands_beside_keras_on_the_same_board_and_the_paper() -> None:
    case = board_cases(groups(ours(), keras("float32"), keras("standard"), ours("virtual")))[0]
    assert (case.dataset, case.model, case.batch_size) == CASE
    here, standard, other = case.rows[0], case.rows[2], case.rows[3]
    assert [cell.below_keras for cell in here.cells] == [4, 100, 4]
    assert [round(cell.to_paper or 0, 2) for cell in here.cells] == [0.51, 0.50, 1.41]
    assert (standard.title, standard.keras) == ("Keras, standard", True)
    assert not any(cell.to_paper or cell.below_keras for cell in standard.cells)
    assert [cell.below_keras for cell in other.cells] == [None] * 3  # another board
    assert [cell.to_paper is None for cell in other.cells] == [True, False, True]


def test_without_the_standard_network_the_float32_one_is_compared() -> None:
    (row, _) = board_cases(groups(ours(), keras("float32", metrics={"time_per_batch_s": 3.0})))[
        0
    ].rows
    assert [cell.below_keras for cell in row.cells] == [6, None, None]


def test_what_the_paper_has_not_is_shown_if_there_is_a_baseline() -> None:
    small = ("digits", "mlp", 50)
    device = training("device", "lean", 0, board="virtual", case=small, host="virtual-1")
    cases = board_cases(groups(device, keras("standard", board="virtual", case=small)))
    assert [case.paper is None for case in cases] == [False, False, True]
    assert [row.title for row in cases[2].rows] == ["lean", "Keras, standard"]
    assert len(board_cases(groups(device))) == 2


def test_an_optimiser_that_the_paper_did_not_use_is_named() -> None:
    record = ours()
    sgd = record.model_copy(update={"parameters": record.parameters | {"optimizer": "sgd"}})
    assert board_cases(groups(sgd))[0].rows[0].title == "proposed, sgd"


def test_what_does_not_fit_and_what_the_board_was_like_are_told(tmp_path: Path) -> None:
    why = "does not fit: killed for memory under a limit of 900 MiB (cgroup)"
    told = {"temperature_max_c": 61.4, "clock_min_mhz": 1200.0, "idle_power_w": 1.875}
    record = ours(notes={"throttling": "undervoltage, in 3% of 200 samples"})
    more = {name: Metric(value=value, source="measured") for name, value in told.items()}
    record = record.model_copy(
        update={
            "metrics": record.metrics | more,
            "parameters": record.parameters | {"memory_limit_mib": 512},
        }
    )
    table = rows(
        write(tmp_path, {"a": [record, keras("standard", metrics={}, outcome=why)]}), "boards"
    )
    assert (
        "memory limit 512 MiB; at most 61 °C; at least 1200 MHz; throttling: undervoltage, in 3% of 200 samples; 1.88 W at rest"
        in table[2]
    )
    assert table[3] == f"Keras, standard, Raspberry Pi 3B+ (bench-1) {why} – – –"


def test_an_interval_stands_behind_its_figure(tmp_path: Path) -> None:
    record = ours()
    ends = {"energy_per_batch_low_j": 1.94, "energy_per_batch_high_j": 2.06}
    more = {name: Metric(value=value, source="measured") for name, value in ends.items()}
    record = record.model_copy(update={"metrics": record.metrics | more})
    assert "2.00 (1.94 to 2.06)" in rows(write(tmp_path, {"a": [record]}), "boards")[2]


def traced(source: str = "measured", stretches: int = 2) -> Record:
    """Three batches of 0.5 s; a reading each 0.1 s, 1 W more with each; a gap behind each stretch."""
    power: list[dict[str, str | float]] = [
        {"second": 0.1 * n, "watts": float(n), "stretch": float(n * stretches // 16)}
        for n in range(16)
    ]
    batches: list[dict[str, str | float]] = [
        {"batch": 7.0 + n, "begin_s": 0.5 * n, "end_s": 0.5 * n + 0.5} for n in range(3)
    ]
    record = ours(tables={"power": power, "batches": batches})
    metric = Metric(value=2.0, source=source)
    idle = Metric(value=4.0, source=source)
    return record.model_copy(
        update={"metrics": record.metrics | {"energy_per_batch_j": metric, "idle_power_w": idle}}
    )


def test_the_trace_has_its_batches_and_its_gaps() -> None:
    import vl_convert

    (chart,) = power_charts(groups(traced()))
    assert {row["stretch"] for row in chart.datasets["power"]} == {0, 1}
    assert chart.datasets["idle"] == [{"watts": 4.0}]
    assert "batches 7 to 9" in chart.label
    assert chart.label.endswith("dotted: at rest")
    spec = {**specifications()["power"], "width": 600, "datasets": chart.datasets}
    marks = re.findall(r'aria-roledescription="([^"]+)"', vl_convert.vegalite_to_svg(spec))
    assert marks.count("line mark") == 2
    assert marks.count("rect mark") == 3
    assert marks.count("rule mark") == 1


def test_an_estimate_has_no_trace() -> None:
    assert power_charts(groups(traced("estimated"), ours())) == []


def test_what_boards_took_goes_into_a_document(tmp_path: Path) -> None:
    why = "does not fit: killed for memory under a limit of 900 MiB (cgroup)"
    write(tmp_path, {"a": [ours(), keras("standard"), keras("float32", metrics={}, outcome=why)]})
    document = tmp_path / "README.md"
    document.write_text(
        "before\n<!-- trial <1>-boards -->\nold\n<!-- /trial <1>-boards -->\nafter\n"
    )
    records = [*(tmp_path / "device").iterdir(), *(tmp_path / "baseline").iterdir()]
    write_tables(records, tmp_path / "plan.json", document)
    text = document.read_text()
    assert "old" not in text
    assert "Measured from 2026-01-02 on, Linux <x86_64> & more.\n" in text
    place = "Raspberry Pi 3B+ (bench-1)"
    assert (
        f"| MLP, batch 200 | proposed, {place} | 0.500 (measured), Keras 4.00x | 2.50 (measured), Keras 100x "
        f"| 2.00 (estimated), Keras 4.00x |  |\n" in text
    )
    assert (
        f"| Keras, standard, {place} | 2.00 (measured) | 250 (measured) | 8.00 (measured) |  |"
        in text
    )
    assert f"| Keras, float32, {place} |  |  |  | {why} |" in text
    assert text.endswith("<!-- /trial <1>-boards -->\nafter\n")
