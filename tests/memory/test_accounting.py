"""Every figure of the paper's memory model, to the printed digit, from the formula."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from rich.console import Console

from edgebnn.memory.accounting import (
    AS_PRINTED_FOR_CNV,
    MOMENTA,
    Accounting,
    count,
    memory_table,
    total_mib,
)
from edgebnn.memory.accounting_view import show
from edgebnn.memory.stage import accounting_record
from edgebnn.study.config import load_study
from edgebnn.study.model_file import load_network
from edgebnn.study.network import Network
from edgebnn.study.optimizer_config import Optimizer
from edgebnn.study.run import Run
from edgebnn.study.switches import PRESETS

MODELS = Path(__file__).parents[2] / "config" / "models"
STANDARD, PROPOSED, LEAN = (PRESETS[name] for name in ("standard", "proposed", "lean"))


@pytest.fixture
def binarynet() -> Network:
    return load_network("binarynet", MODELS)


def totals(
    model: str, batch_size: int, accounting: Accounting | None = None
) -> tuple[float, float]:
    network = load_network(model, MODELS)
    chosen = {} if accounting is None else {"accounting": accounting}
    standard, proposed = (
        total_mib(memory_table(network, batch_size, "adam", switches, **chosen))
        for switches in (STANDARD, PROPOSED)
    )
    return standard, proposed


@pytest.mark.parametrize(
    ("variable", "standard", "proposed"),
    [
        ("X", "111.33 f32", "3.48 bool"),
        ("dX, Y (shared)", "50.00 f32", "25.00 f16"),
        ("mu, psi", "0.03 f32", "0.01 f16"),
        ("dY", "50.00 f32", "25.00 f16"),
        ("W", "53.49 f32", "26.74 q15"),
        ("dW", "53.49 f32", "1.67 bool"),
        ("beta, dbeta", "0.03 f32", "0.01 f16"),
        ("momenta", "106.98 f32", "53.49 q15"),
        ("pool masks", "87.50 f32", "2.73 bool"),
    ],
)
def test_binarynet_by_variable(
    binarynet: Network, variable: str, standard: str, proposed: str
) -> None:
    for switches, expected in ((STANDARD, standard), (PROPOSED, proposed)):
        rows = {row.name: row for row in memory_table(binarynet, 100, "adam", switches)}
        assert f"{rows[variable].mib:.2f} {rows[variable].type}" == expected
        assert rows[variable].transient == variable.startswith(("dX", "dY"))


@pytest.mark.parametrize(
    ("model", "standard", "proposed", "saving"),
    [
        ("mlp", "7.405", "2.664", "2.78"),
        ("cnv", "129.089", "32.924", "3.92"),
        ("binarynet", "512.846", "138.149", "3.71"),
    ],
)
def test_totals_at_batch_100(model: str, standard: str, proposed: str, saving: str) -> None:
    ours = totals(model, 100)
    assert [f"{value:.3f}" for value in ours] == [standard, proposed]
    assert f"{ours[0] / ours[1]:.2f}" == saving


def test_cnv_factor_of_the_paper_follows_from_its_rule() -> None:
    standard, proposed = totals("cnv", 100, AS_PRINTED_FOR_CNV)
    assert f"{standard / proposed:.2f}" == "4.17"
    assert standard == pytest.approx(134.05, abs=0.025)
    assert proposed == pytest.approx(32.16, abs=0.015)


@pytest.mark.parametrize("model", ["resnete18", "bireal18"])
def test_residual_networks_differ_from_the_paper(model: str) -> None:
    standard, proposed = totals(model, 4096)
    assert f"{standard / 1024:.2f} {proposed / 1024:.2f}" == "66.22 15.32"
    assert f"{standard / proposed:.2f}" == "4.32"  # the paper: 3.78


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        ("adam", "512.85 256.42 231.35 138.15"),
        ("sgd", "459.36 229.68 204.60 111.40"),
        ("bop", "407.54 204.60 179.53 86.33"),
    ],
)
def test_ablation(binarynet: Network, optimizer: str, expected: str) -> None:
    """The paper's totals, by the very methods that config/ablation.yaml trains."""
    study = load_study(MODELS.parent / "ablation.yaml")
    methods = {m.name: m.switches for experiment in study.experiments for m in experiment.methods}
    found = [
        total_mib(memory_table(binarynet, 100, optimizer, methods[name]))
        for name in ("f32", "f16", "bool-dW", "proposed")
    ]
    assert " ".join(f"{total:.2f}" for total in found) == expected


@pytest.mark.parametrize("model", ["mlp", "cnv", "binarynet"])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("batch_size", [1, 40, 100])
def test_presets_are_the_two_formulas(model: str, optimizer: str, batch_size: int) -> None:
    network = load_network(model, MODELS)
    c, n, b = count(network), MOMENTA[optimizer], batch_size
    standard = (
        4 * b * (c.sum_x + 2 * c.largest_map + c.pool_inputs)
        + 4 * c.weights * (2 + n)
        + 16 * c.channels
    )
    proposed = (
        b * (c.sum_x / 8 + 4 * c.largest_map + c.pool_inputs / 8)
        + c.weights * (2 + 1 / 8 + 2 * n)
        + 8 * c.channels
    )
    assert sum(r.bytes for r in memory_table(network, b, optimizer, STANDARD)) == standard
    assert sum(r.bytes for r in memory_table(network, b, optimizer, PROPOSED)) == proposed


def test_narrow_types_are_counted_by_their_width(binarynet: Network) -> None:
    rows = {row.name: row for row in memory_table(binarynet, 100, "adam", LEAN)}
    weights = count(binarynet).weights
    assert rows["W"].bytes == weights
    assert rows["momenta"].bytes == 2 * weights / 2
    assert rows["dY"].bytes == 100 * count(binarynet).largest_map


def test_record_is_modelled_and_its_table_adds_up() -> None:
    run = Run(
        stage="memory",
        dataset="mnist",
        model="mlp",
        network=load_network("mlp", MODELS),
        switches=PROPOSED,
        optimizer=Optimizer(),
        batch_size=100,
    )
    record = accounting_record(run)
    assert (record.stage, record.run_id) == ("memory", run.id)
    assert record.metrics["memory_mib"].source == "modelled"
    rows = record.tables["variables"]
    assert sum(float(row["mib"]) for row in rows) == pytest.approx(record.value("memory_mib"))


@pytest.mark.parametrize(
    ("model", "batch_size", "expected"),
    [
        ("binarynet", 100, ["512.85", "138.15", "512.81 -> 138.15 MiB", "3.71x", "87.46"]),
        ("cnv", 100, ["129.09 -> 32.92 MiB", "3.92x", "134.05 -> 32.16 MiB", "4.17x"]),
        ("bireal18", 4096, ["66.22 -> 15.32 GiB", "about 70.1 -> 18.5 GiB", "3.78x", "-3.9"]),
        ("mlp", 100, ["7.405 -> 2.664 MiB", "2.78x", "the factor alone"]),
    ],
)
def test_shown_beside_the_paper(model: str, batch_size: int, expected: list[str]) -> None:
    text = shown(load_network(model, MODELS), model, batch_size, ("standard", "proposed"))
    for figure in expected:
        assert figure in text


def test_other_cases_are_shown_without_the_paper(binarynet: Network) -> None:
    text = shown(binarynet, "binarynet", 40, ("lean",))
    assert "total" in text
    assert "the paper prints" not in text


def test_another_input_or_switch_is_not_the_papers_case() -> None:
    mlp = load_network("mlp", MODELS)
    assert "the paper prints" not in shown(
        mlp.with_input((8, 8, 1)), "mlp", 100, ("standard", "proposed")
    )
    console = Console(width=200)
    with console.capture() as captured:
        show(mlp, "mlp", 100, "adam", {"standard": STANDARD, "proposed": LEAN}, (), console)
    assert "the paper prints" not in captured.get()


def shown(network: Network, model: str, batch_size: int, methods: tuple[str, ...]) -> str:
    console = Console(width=200)
    with console.capture() as captured:
        chosen = {name: PRESETS[name] for name in methods}
        show(network, model, batch_size, "adam", chosen, (), console)
    return captured.get()


def test_frozen_layers_need_a_bit_a_weight(binarynet: Network) -> None:
    """Of the first four convolutions (docs/numerics.md): no dW, no momenta, no X kept for them."""
    freeze = (1, 4, 8, 11)
    whole, part = (
        {row.name: row for row in memory_table(binarynet, 100, "adam", PROPOSED, freeze=f)}
        for f in ((), freeze)
    )
    placed = {int(p.number): p for p in binarynet.placed()}
    assert all(placed[number].weights for number in freeze)
    frozen = sum(placed[number].weights for number in freeze)
    assert part["W of frozen layers"].bytes == frozen / 8
    assert part["W"].bytes == whole["W"].bytes - 2 * frozen
    assert part["momenta"].bytes == whole["momenta"].bytes - 4 * frozen
    assert part["dW"].bytes == whole["dW"].bytes - frozen / 8
    lost = sum(placed[n].fan_in and math.prod(placed[n].input) for n in freeze)
    assert part["X"].bytes == whole["X"].bytes - 100 * lost / 8
    assert part["pool masks"].bytes < whole["pool masks"].bytes
    assert "W of frozen layers" not in whole
