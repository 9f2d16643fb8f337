"""A report beside an earlier one: what changed, what is apart, and what is no report."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebnn.cli import main
from edgebnn.record import Record

from .made import training, write


def records(
    seconds: float, spread: float, methods: tuple[str, ...] = ("standard", "proposed")
) -> list[Record]:
    return [
        training("emulate", method, seed, seconds=seconds + spread * seed)
        for method in methods
        for seed in range(3)
    ]


def section(page: str) -> str:
    return page[page.index('<section id="since">') :].partition("</section>")[0]


def test_figures_that_are_others_are_shown(tmp_path: Path) -> None:
    then, now = tmp_path / "then", tmp_path / "now"
    write(then, {"mnist": records(0.5, 0.01), "left": records(0.5, 0.01, ("lean",))})
    earlier = then / "report" / "index.html"
    same = write(now, {"mnist": records(0.5, 0.01)}, earlier=earlier)
    assert "12 figures are the same, 0 are others, 0 are new, 6 are gone" in section(same)
    made = {"mnist": records(0.4, 0.01), "more": records(0.5, 0.01, ("lean",))}
    page = section(write(now, made, earlier=earlier))
    assert "10 figures are the same, 2 are others, 6 are new, 6 are gone" in page
    assert page.count("time_per_batch_s") == page.count(">apart<") == 2
    assert "0.804" in page  # 0.41 / 0.51
    within = section(write(now, {"mnist": records(0.505, 0.01)}, earlier=earlier))
    assert within.count("time_per_batch_s") == 2 and ">apart<" not in within


@pytest.mark.parametrize(
    "content",
    [None, "<html></html>", '<script type="application/json" id="figures">[[1]]</script>'],
)
def test_what_is_no_report_is_named(
    content: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, {"mnist": records(0.5, 0)})
    earlier = tmp_path / "earlier.html"
    if content is not None:
        earlier.write_text(content)
    output = tmp_path / "new.html"
    command = ["report", "--plan", str(tmp_path / "plan.json"), "--output", str(output)]
    assert main([*command, "--compare-with", str(earlier)]) == 2
    assert f"--compare-with: {earlier}: " in capsys.readouterr().err
    assert not output.exists()


def test_the_command_compares(tmp_path: Path) -> None:
    write(tmp_path, {"mnist": records(0.5, 0)})
    command = [
        "report",
        "--plan",
        str(tmp_path / "plan.json"),
        "--output",
        str(tmp_path / "new.html"),
    ]
    assert main([*command, "--compare-with", str(tmp_path / "report" / "index.html")]) == 0
    assert "0 are others" in section((tmp_path / "new.html").read_text())
