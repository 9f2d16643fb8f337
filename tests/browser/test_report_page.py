"""The report in a real browser: its tables are there, and it asks nobody for anything."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ..report.made import modelled, study, training, write
from . import chromium
from .chromium import BROWSER

HOST = "report.test"
COUNT = "document.querySelectorAll"
SCROLLED = """(() => {
  const left = document.querySelector(".scroll:has(> table):not(:has(+ .copy)), .chart:not(:has(svg))");
  left?.scrollIntoView();
  return !left;
})()"""
"""Each table and chart has been in sight, and is done: a button follows the one, the other is drawn."""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no chromium or google-chrome on the PATH"),
]


@dataclass
class Opened:
    """A browser all of whose names lead to one server of ours."""

    tab: chromium.Page
    pages: dict[str, str]
    requests: list[str]
    """As they come: host and path of each."""

    def open(self, page: str) -> chromium.Page:
        """Under an address of its own."""
        path = f"/page-{len(self.pages)}.html"
        self.pages[path] = page
        self.requests.clear()
        self.tab.open(f"http://{HOST}{path}")
        return self.tab


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    pages: dict[str, str] = {}
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host = str(self.headers["Host"])
            # The browser's own errands (its clock) name no referrer; what a page loads does.
            of_page = host == HOST or str(self.headers["Referer"]).startswith(f"http://{HOST}/")
            if of_page and self.path != "/favicon.ico":
                requests.append(f"{host}{self.path}")
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(pages.get(self.path, "").encode() if host == HOST else b"")

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    rules = f"--host-resolver-rules=MAP * 127.0.0.1:{server.server_port}"
    try:
        with chromium.page(tmp_path_factory.mktemp("profile"), rules) as tab:
            yield Opened(tab, pages, requests)
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write(tmp_path_factory.mktemp("page"), study())


@pytest.fixture
def laid_out(browser: Opened, page: str) -> Callable[[int], chromium.Page]:
    """The report, whole and unfolded, so many pixels wide."""

    def opened(width: int) -> chromium.Page:
        browser.tab.size(width, 3000)
        tab = browser.open(page)
        tab.value(f"{COUNT}('details').forEach((it) => (it.open = true))")
        tab.wait_for(SCROLLED)
        return tab

    return opened


def test_tables_and_charts_are_there_and_nothing_else_is_requested(
    laid_out: Callable[[int], chromium.Page], browser: Opened
) -> None:
    tab = laid_out(1280)
    assert [request.split("/")[0] for request in browser.requests] == [HOST]
    # The paper's two, all results; the methods of three kinds of run; one a memory chart.
    assert tab.value(f"{COUNT}('table > thead').length") == 3 + 3 + 3
    # Three of memory, two of curves, three of the boards: each is drawn, none is left out.
    assert tab.value(f"{COUNT}('.chart svg').length") == 3 + 2 + 3
    for text in ("96.90", "90.10 ± 0.10", "138.15", "virtual, host’s time – not a Pi"):
        assert text in tab.value("document.body.innerText")


def test_a_request_elsewhere_would_be_seen(browser: Opened, page: str) -> None:
    policy = page[page.index("<meta http-equiv") : page.index("<title>")]
    leaky = page.replace(policy, "").replace("<main>", '<main><img src="http://other.test/x.png">')
    browser.open(leaky)
    assert "other.test/x.png" in browser.requests


def test_a_page_of_2000_records_does_at_once_what_is_in_sight_alone(
    browser: Opened, tmp_path: Path
) -> None:
    experiments = {
        f"experiment-{number}": [
            training("emulate", method, 0, case=case, epochs=300)
            if not board
            else training("device", method, 0, case=case, epochs=300, **board)
            for method in ("standard", "proposed", "lean")
            for board in ({}, {"board": "virtual", "host": "virtual-1"})
        ]
        for number in range(330)
        for case in [("cifar10", "cnv", 100 + number)]
    }
    for batch_size in range(100, 110):
        experiments[f"memory-{batch_size}"] = modelled("mnist", "mlp", batch_size)
    assert sum(map(len, experiments.values())) == 2000
    page = write(tmp_path, experiments)
    size = len(page.encode()) / 2**20
    assert size < 15, f"{size:.1f} MiB"

    browser.tab.size(1280, 1000)
    tab = browser.open(page)
    assert "experiment-329" in tab.value("document.body.innerText")
    tab.wait_for("document.querySelector('.copy')")
    tab.value("document.querySelector('.chart').scrollIntoView()")
    tab.wait_for("document.querySelector('.chart svg')")
    laid_out_ms = tab.value("performance.getEntriesByType('navigation')[0].loadEventEnd")
    print(f"a page of {size:.1f} MiB had loaded {laid_out_ms:.0f} ms after its request")
    # What takes time is done for what is in sight alone: no clock is asked, the machine may be busy.
    for done, of in ((".chart svg", ".chart"), (".copy", "table")):
        assert tab.value(f"{COUNT}('{done}').length < {COUNT}('{of}').length / 5")


CUT = """[...document.querySelectorAll(".scroll, .card, section")]
  .filter((box) => box.scrollWidth > box.clientWidth + 1)
  .map((box) => box.closest("section")?.id ?? box.className)"""


@pytest.mark.parametrize("width", [1280, 390])
def test_no_table_is_cut_off(width: int, laid_out: Callable[[int], chromium.Page]) -> None:
    tab = laid_out(width)
    assert tab.value("innerWidth") == width
    assert tab.value(CUT) == []
    assert tab.value("document.documentElement.scrollWidth") <= width


TIMES = """(() => {
  const table = document.querySelector("#results table");
  const column = [...table.tHead.rows[0].cells].findIndex((title) => title.innerText.startsWith("s per batch"));
  const title = table.tHead.rows[0].cells[column];
  title.querySelector("button").click();
  return [title.ariaSort, [...table.tBodies[0].rows].map((row) => parseFloat(row.cells[column].textContent))];
})()"""


def test_a_click_on_a_title_sorts_and_one_on_copy_gives_csv(
    laid_out: Callable[[int], chromium.Page],
) -> None:
    tab = laid_out(1280)
    (rises, up), (falls, down) = (tab.value(TIMES) for _ in range(2))
    assert (rises, falls) == ("ascending", "descending")
    assert len(set(up)) > 1 and up == sorted(up) and down == sorted(up, reverse=True)
    copy = "document.querySelector('#results .scroll + *')"
    tab.value(f"{copy}.click()")
    tab.wait_for(f"{copy}.value.startsWith('\"')")
    assert tab.value(f"{copy}.value").startswith(
        '"experiment","method","where","batch","test accuracy, %"'
    )


def test_dark_is_another_ground(browser: Opened, page: str) -> None:
    grounds = set()
    for scheme in ("light", "dark"):
        browser.tab.scheme(scheme)
        tab = browser.open(page)
        grounds.add(tab.value("getComputedStyle(document.body).backgroundColor"))
    assert len(grounds) == 2
