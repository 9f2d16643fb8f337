"""The report from made-up records: right figures in the right rows, escaped, self-contained, stable."""

from __future__ import annotations

import base64
import json
import re
from hashlib import sha256
from html import unescape
from pathlib import Path

import pytest

from edgebnn.cli import main
from edgebnn.errors import ConfigError
from edgebnn.record import Metric
from edgebnn.report import write_report
from edgebnn.report.axes import nice_ticks, thinned
from edgebnn.report.charts import names, specifications
from edgebnn.report.groups import Group
from edgebnn.report.number import number

from .made import charts, rows, study, training, write


def test_runs_at_chance_level_are_called_that(tmp_path: Path) -> None:
    records = [training("emulate", "proposed", seed) for seed in range(2)]
    chance = {"test_images": 100.0, "guessing_accuracy": 0.9}
    made = {name: Metric(value=value, source="measured") for name, value in chance.items()}
    records[0] = records[0].model_copy(update={"metrics": {**records[0].metrics, **made}})
    page = write(tmp_path, {"a": records, "b": [training("emulate", "standard", 3)]})
    assert page.count("at chance level") == 1
    assert "at chance level: 1 of 2 seeds" in page


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write(tmp_path_factory.mktemp("report"), study())


def test_accuracy_beside_the_paper(page: str) -> None:
    table = rows(page, "accuracy")
    assert "MNIST MLP 100 96.90 90.10 ± 0.10 0.930× emulated 3 seeds measured" in table[1]
    assert "2.78× 2.78× 1.000×" in table[1]
    assert "CIFAR-10 CNV 100 83.08 not run – 4.17× 3.92× 4.17× by the paper's rule" in table[2]
    assert table[3].startswith("SVHN CNV 100 94.28 not run – 4.17× not run")
    assert len(table) == 1 + 7


def test_only_adam_stands_beside_the_papers_accuracies(tmp_path: Path) -> None:
    adam, other = training("emulate", "proposed", 0), training("emulate", "proposed", 9)
    bop = other.model_copy(update={"parameters": other.parameters | {"optimizer": "bop"}})
    ours = rows(write(tmp_path, {"a": [adam], "b": [bop]}), "accuracy")[1]
    assert ours.startswith("MNIST MLP 100 96.90 90.00 0.929× emulated")
    assert "90.90" not in ours


def test_what_begins_from_a_trained_network_is_no_row_of_the_papers(tmp_path: Path) -> None:
    usual = training("device", "proposed", 0, board="rpi3b+", case=("mnist", "mlp", 200))
    begun = training("device", "proposed", 9, board="rpi3b+", case=("mnist", "mlp", 200))
    parameters = begun.parameters | {"init": "base-s0", "freeze": "2, 5"}
    page = write(
        tmp_path, {"a": [usual], "b": [begun.model_copy(update={"parameters": parameters})]}
    )
    assert sum(row.startswith("proposed, ") for row in rows(page, "boards")) == 1
    notes = [row for row in rows(page, "results") if "begun from base-s0, frozen: 2, 5" in row]
    assert len(notes) == 1
    assert notes[0].startswith("b ")


def test_a_spread_of_rounding_is_none() -> None:
    """Watts that are declared are the same for all seeds, but for the last bit."""
    watts = [0.1 + 0.2, 0.3, 0.3]
    records = tuple(
        training("device", "proposed", seed).model_copy(
            update={"metrics": {"average_power_w": Metric(value=value, source="estimated")}}
        )
        for seed, value in enumerate(watts)
    )
    figure = Group("a", "device", "proposed", records).figure("average_power_w")
    assert figure
    assert figure.spread == 0


def test_boards_beside_the_paper(page: str) -> None:
    table = rows(page, "boards")
    assert "paper, Raspberry Pi 3B+; 52x below Keras 200 0.98 5.00 1.42" in table[1]
    (proposed,) = (row for row in table if row.startswith("proposed, Raspberry Pi 3B+ (bench-1)"))
    assert proposed.endswith(
        "0.490 (0.441 to 0.588) measured 0.500× the paper’s 2.50 measured 0.500× the paper’s "
        "2.00 estimated 1.41× the paper’s"
    )
    (virtual,) = (row for row in table if row.startswith("proposed, virtual"))
    assert "virtual, host’s time – not a Pi" in virtual
    assert virtual.endswith(
        "0.500 (0.450 to 0.600) measured 2.50 measured 0.500× the paper’s 2.00 estimated"
    )
    assert table[-2:] == [
        "CIFAR-10 BinaryNet paper, Raspberry Pi 3B+; Keras does not fit 40 121.20 154.37 136.53",
        "ours: not run",
    ]


def test_memory_by_variable(page: str) -> None:
    assert "pool masks 87.50 f32 2.73 bool" in rows(page, "memory")
    assert "total 512.85 138.15" in rows(page, "memory")
    assert "3.71× less than standard" in page
    assert "The paper prints 512.81 MiB for standard, 138.15 MiB for proposed" in page


def test_curves_have_every_seed(page: str) -> None:
    emulated, on_board = charts(page, "curves")
    runs = [run for run in emulated["runs"] if run["name"] == "proposed"]
    assert len({run["seed"] for run in runs}) == 3
    assert {len(run["epoch"]) for run in runs} == {len(run["accuracy"]) for run in runs} == {12}
    assert [run["virtual"] for run in on_board["runs"]] == [False, True] * 3
    assert "proposed, virtual 8" in page  # the last epoch's mean


def test_a_method_has_one_colour(page: str) -> None:
    colours: dict[str, set[str]] = {}
    runs = [run for chart in charts(page, "curves") for run in chart["runs"]]
    bars = [bar for chart in charts(page, "ranges") for bar in chart["bars"]]
    for row in [*runs, *bars]:
        name = str(row.get("label", row.get("name"))).split(",")[0]
        colours.setdefault(name, set()).add(row["colour"])
    assert colours == {name: {f"var(--{name})"} for name in ("standard", "proposed", "lean")}


@pytest.mark.parametrize("spec", ["curves", "memory", "ranges"])
def test_vega_lite_draws_what_is_specified(page: str, spec: str) -> None:
    import vl_convert

    size = {"width": 300}  # the page's script gives the width of the page
    for datasets in charts(page, spec):
        drawn = vl_convert.vegalite_to_svg({**specifications()[spec], **size, "datasets": datasets})
        marks = re.findall(r'aria-roledescription="([^"]+)"', drawn)
        (rows_of,) = datasets.values()
        if spec == "curves":
            assert marks.count("line mark") == len(rows_of) + len({row["name"] for row in rows_of})
        else:
            assert marks.count("bar") == len(rows_of)
        assert 'width="0' not in drawn


def test_groups_that_differ_have_names_that_differ() -> None:
    record = training("emulate", "proposed", 0)
    more = record.model_copy(update={"parameters": record.parameters | {"batch_size": 200}})
    two = [Group("a", "emulate", "proposed", (r,)) for r in (record, more)]
    assert names(two[:1]) == ["proposed"]
    assert names(two) == ["proposed, batch 100", "proposed, batch 200"]
    other = Group("b", "emulate", "proposed", (record,))
    assert names([two[0], other]) == ["proposed, batch 100, a", "proposed, batch 100, b"]


def test_nothing_is_loaded_from_elsewhere(page: str) -> None:
    markup = re.sub(r"<script[^>]*>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!#)""", markup)
    assert not re.findall(r"url\(|@import|<link|https?://", markup)
    assert "default-src 'none'" in page


def test_only_the_pages_own_scripts_may_run(page: str) -> None:
    """What a record smuggles in would not: each script has its digest in the policy."""
    sources = re.findall(r"'sha256-([^']+)'", unescape(page[: page.index("<title>")]))
    scripts = re.findall(r'<script type="text/javascript">(.*?)</script>', page, re.DOTALL)
    digests = [base64.b64encode(sha256(text.encode()).digest()).decode() for text in scripts]
    assert sources == digests
    assert "unsafe-eval" not in page[: page.index("<title>")]
    assert not any("<!--" in text or "\r\n" in text for text in scripts)


def test_everything_is_escaped(tmp_path: Path) -> None:
    page = write(tmp_path, study(), failures={"device-1.json": "<b>NaN</b> & worse\n"})
    assert "trial &lt;1&gt;" in page
    assert "Linux &lt;x86_64&gt; &amp; more" in page
    assert "<h3>device-1</h3><pre>&lt;b&gt;NaN&lt;/b&gt; &amp; worse</pre>" in page


def test_same_records_same_bytes(tmp_path: Path) -> None:
    experiments = study()
    one = write(tmp_path / "one", experiments)
    assert write(tmp_path / "two", experiments) == one


def test_an_empty_study_shows_the_paper_alone(tmp_path: Path) -> None:
    page = write(tmp_path, {})
    assert len(rows(page, "accuracy")) == 1 + 7
    assert rows(page, "accuracy")[1].startswith("MNIST MLP 100 96.90 not run")
    assert 'id="results"' not in page


def test_missing_runs_are_named(tmp_path: Path) -> None:
    record = training("emulate", "proposed", 0)
    page_folder = tmp_path / "report"
    plan = {"stage": "emulate", "run_id": record.run_id, "method": "proposed"}
    (tmp_path / "plan.json").write_text(json.dumps({"study": "s", "experiments": {"e": [plan]}}))
    write_report([], tmp_path / "plan.json", page_folder / "index.html")
    page = (page_folder / "index.html").read_text()
    assert "<b>0 / 1</b>" in page
    assert f"emulate/{record.run_id}" in page


def test_a_run_with_a_single_epoch_and_no_quartiles(tmp_path: Path) -> None:
    record = training("device", "proposed", 0, board="virtual", epochs=1)
    metrics = {k: v for k, v in record.metrics.items() if not k.startswith("time")}
    page = write(tmp_path, {"one": [record.model_copy(update={"metrics": metrics})]})
    assert "not measured" in page


def test_a_baseline_and_what_does_not_fit_are_shown(tmp_path: Path) -> None:
    """Keras beside the trainer; where it does not fit there is no time and no accuracy."""
    trained = training("device", "standard", 0, board="virtual", epochs=1)
    fits, none = (
        trained.model_copy(
            update={
                "stage": "baseline",
                "run_id": network,
                "parameters": {**trained.parameters, "method": f"keras-{network}"},
                "series": {},
                "metrics": {"time_per_batch_s": Metric(value=0.321, source="measured")}
                if network == "standard"
                else {},
            }
        )
        for network in ("standard", "float32")
    )
    page = write(tmp_path, {"a": [trained, fits, none]})
    assert "keras-standard" in page
    assert "keras-float32" in page
    assert "in Keras on a device" in page


def test_not_a_record(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text('{"study": "s", "experiments": {}}')
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"bad\.json: not a record"):
        write_report([tmp_path / "bad.json"], tmp_path / "plan.json", tmp_path / "x.html")
    assert not (tmp_path / "x.html").exists()


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.98, "0.980"), (121.2, "121"), (1.42, "1.42"), (0.00123, "0.00123"), (0.0, "0")],
)
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.0), (0.5, 0.5), (0.1, 0.97), (1, 20), (-1, 1)])
def test_ticks_span_the_values(low: float, high: float) -> None:
    ticks = nice_ticks(low, high)
    assert ticks[0] <= low <= high <= ticks[-1]
    assert ticks[0] < ticks[-1]


def test_the_plan_finds_its_records_and_failures_wherever_the_page_goes(tmp_path: Path) -> None:
    write(tmp_path, study())
    plan = json.loads((tmp_path / "plan.json").read_text())
    failed = {"stage": "device", "run_id": "digits-d9", "method": "proposed", "data": "digits-5e1f"}
    plan["experiments"]["late"] = [failed]
    plan["builds"] = ["armv7-linux", "native"]
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    for name in (
        "device/digits-d9.json",
        "data/digits-5e1f.ebd",
        "data/digits-0ld.ebd",
        "device/old.json",
        "build/armv7-linux.json",
        "build/aarch64-linux.json",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.failed").write_text(f"no room for {name}\n")
    training("emulate", "lean", 99).write(tmp_path / "emulate" / "stranger.json")
    output = tmp_path / "so-far.html"
    assert main(["report", "--plan", str(tmp_path / "plan.json"), "--output", str(output)]) == 0
    page = output.read_text()
    assert "stranger" not in page
    assert "<h3>digits-d9</h3><pre>no room for device/digits-d9.json</pre>" in page
    assert "no room for data/digits-5e1f.ebd" in page
    assert "digits-0ld" not in page  # of an earlier study in the same folder
    assert "old.json" not in page
    assert "<h3>build/armv7-linux</h3><pre>no room for build/armv7-linux.json</pre>" in page
    assert "aarch64" not in page


def test_a_long_curve_keeps_its_peaks_and_its_ends() -> None:
    points = [(index / 10, float(index % 7)) for index in range(3000)]
    points[1234], points[1777] = (123.4, 99.0), (177.7, -99.0)
    kept = thinned(points)
    assert len(kept) <= 2 * 150 + 2
    assert kept == sorted(kept)
    assert set(kept) <= set(points)
    assert {points[0], points[1234], points[1777], points[-1]} <= set(kept)


@pytest.mark.parametrize("count", [0, 1, 2, 160])
def test_a_short_curve_keeps_every_point(count: int) -> None:
    points = [(38 + 332 * index / max(1, count - 1), index % 3) for index in range(count)]
    assert thinned(points) == points


def test_only_a_long_page_is_laid_out_in_parts(page: str, tmp_path: Path) -> None:
    assert "<body>" in page
    records = [training("emulate", "proposed", seed) for seed in range(201)]
    assert '<body class="long">' in write(tmp_path, {"long": records})
