"""The figure of a profile: all that was found is in it, and it stands by itself."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from edgebnn.record import Metric, Record
from edgebnn.report.profiled import CLASSES, figure

from .made import profiled, training, write

SVG = "{http://www.w3.org/2000/svg}"


def drawn(record: Record) -> ElementTree.Element:
    return ElementTree.fromstring(figure(record))


def of_class(svg: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [part for part in svg.iter() if name in part.get("class", "").split()]


def texts(svg: ElementTree.Element) -> list[str]:
    return [part.text or "" for part in svg.iter(f"{SVG}text")]


def test_it_stands_by_itself() -> None:
    text = figure(profiled())
    assert figure(profiled()) == text
    fetched = re.findall(r"""(?:href|src|url)\s*[=(]\s*["']?[^"')]*""", text)
    assert fetched == []
    assert set(re.findall(r"https?://[^\"'<> ]*", text)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xhtml",
    }
    assert "prefers-color-scheme: dark" in text
    assert drawn(profiled()).get("viewBox", "").split()[2] == "760"


def test_a_bar_a_phase_with_what_was_used_in_it() -> None:
    svg = drawn(profiled())
    assert len(of_class(svg, "planned")) == 3
    titles = [part.text for part in svg.iter(f"{SVG}title")]
    assert "layer 2 (dense): forward: weights 1.000 MiB" in titles
    assert "loss: gradients 0.500 MiB" in titles
    shown = texts(svg)
    for words in ("fwd", "2", "loss", "dW", "arena, planned = measured peak, 2.000 MiB"):
        assert words in shown
    # The bar of the first phase: weights below, 1 MiB of an axis to 2 MiB, 190 high.
    weights = next(box for box in of_class(svg, "box") if box.find(f"{SVG}title") is not None)
    assert float(weights.get("height", "")) == pytest.approx(95)
    assert float(weights.get("y", "")) == pytest.approx(62 + 95)


def test_a_peak_below_the_plan_is_a_line_of_its_own() -> None:
    shown = texts(drawn(profiled(peak=1.5)))
    assert "arena planned, 2.000 MiB" in shown
    assert "measured peak, 1.500 MiB" in shown


def test_words_of_lines_that_are_close_do_not_meet() -> None:
    close = profiled()
    metrics = close.metrics | {"peak_memory_mib": Metric(value=2.01, source="measured")}
    for record in (profiled(peak=1.99), close.model_copy(update={"metrics": metrics})):
        said = [float(part.get("y", "")) for part in of_class(drawn(record), "said")]
        assert min(abs(a - b) for a, b in pairwise(sorted(said))) > 12


def test_the_process_over_time_with_its_steps() -> None:
    svg = drawn(profiled())
    assert len(of_class(svg, "step")) == 2
    assert len(of_class(svg, "dot")) == 3
    lines = [part.get("points", "").split() for part in of_class(svg, "curve")]
    assert len(lines) == 2
    assert len(lines[0]) == 3
    assert lines[0][0].startswith("46.0,")
    shown = texts(svg)
    assert "Resident set of the process, MiB; 2 steps marked" in shown
    assert "peak, 3.000 MiB" in shown
    assert shown.count("the arena alone, 2.000 MiB") == 2


def test_many_steps_and_samples_take_little_room() -> None:
    many = profiled()
    steps = [{"step": n, "begin_s": n / 1000, "end_s": (n + 1) / 1000} for n in range(20_000)]
    series = {"system/memory_mib": [(n / 100, 2.5 + n % 3 / 10) for n in range(20_000)]}
    text = figure(
        many.model_copy(update={"series": series, "tables": many.tables | {"steps": steps}})
    )
    assert len(text) < 200_000


def test_massif_that_is_absent_is_said() -> None:
    none = profiled().model_copy(
        update={"notes": {"massif": "absent: no valgrind on the PATH <here>"}}
    )
    text = figure(none.model_copy(update={"tables": none.tables | {"massif": []}}))
    assert "massif: absent: no valgrind on the PATH &lt;here&gt;" in text
    assert "million instructions" not in text


def test_every_group_has_a_colour_of_its_own() -> None:
    from edgebnn.profile.arena import GROUPS

    assert set(CLASSES) == set(GROUPS)
    assert len(set(CLASSES.values())) == len(CLASSES)


def test_a_record_without_samples_is_drawn() -> None:
    bare = profiled()
    bare = bare.model_copy(
        update={
            "series": {"system/memory_mib": []},
            "tables": bare.tables | {"steps": []},
            "metrics": bare.metrics | {"peak_memory_mib": Metric(value=3.0, source="measured")},
        }
    )
    assert "0 steps marked" in figure(bare)


def test_the_page_shows_each_methods_figure(tmp_path: Path) -> None:
    device = [training("device", method, 0, board="virtual") for method in ("standard", "proposed")]
    standard, proposed = (
        profiled(method=method).model_copy(update={"run_id": f"of-{method}"})
        for method in ("standard", "proposed")
    )
    page = write(tmp_path, {"a": [*device, standard, proposed], "again": [proposed]})
    assert 'href="#profiles"' in page
    assert page.count('class="profile"') == 2  # a record that two experiments share stands once
    section = page.split('id="profiles"')[1].split("</section>")[0]
    assert "a, standard" in section
    assert figure(standard) in page
    assert "process 3.00" in re.sub(r"\s+", " ", section)
    assert "Massif: pages that the process maps." in section
    assert "profiled" not in page.split('id="profiles"')[0]  # no training of the tables before


def test_a_page_without_profiles_has_no_such_section(tmp_path: Path) -> None:
    page = write(tmp_path, {"a": [training("device", "proposed", 0, board="virtual")]})
    assert "profiles" not in page
