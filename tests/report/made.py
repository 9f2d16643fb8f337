"""Made-up records of a study, on disk as a report reads them."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from edgebnn.memory.stage import accounting_record
from edgebnn.record import Metric, Provenance, Record
from edgebnn.report import write_report
from edgebnn.study.model_file import load_network
from edgebnn.study.optimizer_config import Optimizer
from edgebnn.study.run import Run
from edgebnn.study.switches import PRESETS

MODELS = Path(__file__).parents[2] / "config" / "models"


def training(
    stage: str,
    method: str,
    seed: int,
    *,
    board: str = "",
    case: tuple[str, str, int] = ("mnist", "mlp", 100),
    host: str = "this machine",
    seconds: float = 0.5,
    epochs: int = 12,
) -> Record:
    """A made-up training: its accuracy is 0.9 + seed / 1000 and it means nothing."""
    dataset, model, batch = case
    accuracy = 0.9 + seed / 1000
    metrics = {
        "test_accuracy": accuracy - 0.1,
        "test_accuracy_at_best": accuracy,
        "time_per_batch_s": seconds,
        "time_per_batch_q1_s": seconds * 0.9,
        "time_per_batch_q3_s": seconds * 1.2,
        "peak_memory_mib": 2.5,
        "arena_planned_mib": 1.5,
        "arena_peak_mib": 1.5,
    }
    made = {name: Metric(value=value, source="measured") for name, value in metrics.items()}
    if board:
        made["energy_per_batch_j"] = Metric(value=2.0, source="estimated")
    rise = {"standard": 3, "proposed": 5, "lean": 8}[method]
    series = {
        "validation_accuracy": [
            (epoch, accuracy * epoch / (epoch + rise / 10 + seed / 20))
            for epoch in range(1, epochs + 1)
        ]
    }
    parameters: dict[str, str | int | float] = {
        "dataset": dataset,
        "model": model,
        "method": method,
        "batch_size": batch,
        "optimizer": "adam",
        "seed": seed,
    }
    return Record(
        stage=stage,
        run_id=f"{dataset}-{model}-{method}-b{batch}-s{seed}-{board or 'here'}-{host[-1]}",
        parameters=parameters | ({"board": board} if board else {}),
        metrics=made,
        series=series,
        provenance=Provenance(
            git_commit="0123456789ab",
            host=host,
            virtual=board == "virtual",
            machine="Linux <x86_64> & more",
            versions={"python": "3.11.7"},
            started="2026-01-02T03:04:05+00:00",
        ),
    )


def modelled(dataset: str, model: str, batch_size: int) -> list[Record]:
    return [
        accounting_record(
            Run(
                stage="memory",
                dataset=dataset,
                model=model,
                network=load_network(model, MODELS),
                switches=PRESETS[method],
                optimizer=Optimizer(),
                batch_size=batch_size,
            )
        )
        for method in ("standard", "proposed")
    ]


def profiled(peak: float = 2.0, method: str = "proposed") -> Record:
    """A made-up profile of three phases: an arena of 2 MiB, two steps, three samples, two snapshots."""
    mib = 2**20
    held = {
        "layer 2 (dense): forward": {"weights": 1.0, "activations": 0.5},
        "loss": {"weights": 1.0, "activations": 0.25, "gradients": 0.5},
        "layer 2 (dense): norm and dW": {"weights": 1.0, "gradients": 1.0},
    }
    metrics = {"arena_peak_mib": peak, "peak_memory_mib": 3.0, "not_arena_mib": 3.0 - peak}
    base = training("profile", method, 0, case=("mnist", "mlp", 200))
    return base.model_copy(
        update={
            "metrics": {
                "arena_planned_mib": Metric(value=2.0, source="modelled"),
                **{name: Metric(value=v, source="measured") for name, v in metrics.items()},
            },
            "series": {"system/memory_mib": [(0.0, 0.5), (0.1, 2.75), (0.4, 3.0)]},
            "tables": {
                "phases": [
                    {
                        "phase": phase,
                        "group": group,
                        "planned_bytes": size * mib,
                        "used_bytes": size * mib,
                    }
                    for phase, groups in held.items()
                    for group, size in groups.items()
                ],
                "steps": [
                    {"step": 1.0, "begin_s": 0.05, "end_s": 0.2},
                    {"step": 2.0, "begin_s": 0.21, "end_s": 0.4},
                ],
                "massif": [
                    {"instructions": 0.0, "bytes": 0.25 * mib},
                    {"instructions": 2e6, "bytes": 3.5 * mib},
                ],
            },
            "notes": {"massif": "pages that the process maps"},
        }
    )


def study() -> dict[str, list[Record]]:
    """Experiments and their made-up records."""
    pi = {"board": "rpi3b+", "host": "bench-1", "case": ("mnist", "mlp", 200), "seconds": 0.49}
    virtual = {"board": "virtual", "host": "virtual-1", "case": ("mnist", "mlp", 200)}
    methods = ("standard", "proposed", "lean")
    return {
        "mnist": [training("emulate", method, seed) for method in methods for seed in range(3)],
        "mnist-board": [
            training("device", method, 0, **where, epochs=6)  # type: ignore[arg-type]
            for method in methods
            for where in (pi, virtual)
        ],
        "memory-cifar10-binarynet": modelled("cifar10", "binarynet", 100),
        "memory-cifar10-cnv": modelled("cifar10", "cnv", 100),
        "memory-mnist-mlp": modelled("mnist", "mlp", 100),
    }


def write(folder: Path, experiments: dict[str, list[Record]], **kwargs: Any) -> str:
    paths = []
    plan = {}
    for name, records in experiments.items():
        plan[name] = [
            {"stage": r.stage, "run_id": r.run_id, "method": str(r.parameters["method"])}
            for r in records
        ]
        for record in records:
            path = folder / record.stage / f"{record.run_id}.json"
            record.write(path)
            paths.append(path)
    (folder / "plan.json").write_text(
        json.dumps({"study": "trial <1>", "experiments": plan}, sort_keys=True)
    )
    output = folder / "report" / "index.html"
    write_report(paths, folder / "plan.json", output, **kwargs)
    return output.read_text()


def charts(page: str, spec: str) -> list[dict[str, list[dict[str, Any]]]]:
    """The data of each chart of a kind."""
    found = re.findall(r'<script type="application/json">(.*?)</script>', page)
    return [chart["datasets"] for chart in map(json.loads, found) if chart["spec"] == spec]


class Rows(HTMLParser):
    """Text of every table row, by section."""

    def __init__(self) -> None:
        super().__init__()
        self.section = self.name = ""
        self.rows: dict[str, list[str]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "section":
            self.name = dict(attrs)["id"] or ""
        elif tag == "table":
            self.section = self.name
        elif tag == "tr":
            self.rows.setdefault(self.section, []).append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            self.section = ""

    def handle_data(self, data: str) -> None:
        if self.rows.get(self.section):
            self.rows[self.section][-1] += f" {data}"


def rows(page: str, section: str) -> list[str]:
    parser = Rows()
    parser.feed(page)
    return [" ".join(row.split()) for row in parser.rows.get(section, [])]
