"""The report in a real browser: its tables are there, and it asks nobody for anything."""

from __future__ import annotations

import base64
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ..report.made import modelled, study, training, write
from .chromium import BROWSER

HOST = "report.test"
FRAME = '<html><iframe src="/index.html" style="border: 0; width: 390px; height: 30000px"></iframe>'
"""As wide as a telephone: a browser's own window may not be."""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no chromium or google-chrome on the PATH"),
]


@contextmanager
def served(page: str) -> Iterator[tuple[int, list[str]]]:
    """Serves one page to every host name; yields the port and the requests as they come."""
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
            content = FRAME if self.path == "/frame.html" else page
            self.wfile.write(content.encode() if host == HOST else b"")

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port, requests
    finally:
        server.shutdown()
        server.server_close()


def open_page(
    page: str, profile: Path, *options: str, path: str = "index.html"
) -> tuple[str, list[str]]:
    """The DOM as the browser has it, and the requests it made, all names leading to our server."""
    with served(page) as (port, requests):
        command = [
            str(BROWSER),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--no-first-run",
            f"--user-data-dir={profile}",
            f"--host-resolver-rules=MAP * 127.0.0.1:{port}",
            "--window-size=1280,20000",
            *options,
            "--virtual-time-budget=20000",
            "--dump-dom",
            f"http://{HOST}/{path}",
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, requests


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write(tmp_path_factory.mktemp("page"), study())


def test_tables_are_there_and_nothing_else_is_requested(page: str, tmp_path: Path) -> None:
    dom, requests = open_page(page, tmp_path)
    assert requests == [f"{HOST}/index.html"]
    # The paper's two, all results; the methods of three kinds of run; one a memory chart.
    assert dom.count("<thead><tr>") == 3 + 3 + 3
    # Three of memory, two of curves, three of the boards: each is drawn, none is left out.
    markup = re.sub(r"<script.*?</script>", "", dom, flags=re.DOTALL)
    assert markup.count('class="chart"') == markup.count("<svg") == 3 + 2 + 3
    for text in ("96.90", "90.10 ± 0.10", "138.15", "virtual, host’s time – not a Pi"):
        assert text in dom


def test_a_request_elsewhere_would_be_seen(page: str, tmp_path: Path) -> None:
    policy = page[page.index("<meta http-equiv") : page.index("<title>")]
    leaky = page.replace(policy, "").replace("<main>", '<main><img src="http://other.test/x.png">')
    _, requests = open_page(leaky, tmp_path)
    assert "other.test/x.png" in requests


PROBE = """addEventListener("load", () => requestAnimationFrame(() => setTimeout(() => {
  document.body.offsetHeight;  // lays the page out
  document.documentElement.dataset.milliseconds = performance.now();
})))"""


def probed(page: str, probe: str) -> str:
    """The page with one script more, which its policy lets run."""
    digest = base64.b64encode(sha256(probe.encode()).digest()).decode()
    return page.replace("script-src ", f"script-src 'sha256-{digest}' ", 1).replace(
        "<title>", f"<script>{probe}</script><title>", 1
    )


def test_a_page_of_2000_records_does_at_once_what_is_in_sight_alone(tmp_path: Path) -> None:
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

    dom, _ = open_page(probed(page, PROBE), tmp_path / "profile")
    assert "experiment-329" in dom
    (milliseconds,) = re.findall(r'data-milliseconds="([\d.]+)"', dom[:1000])
    print(f"a page of {size:.1f} MiB was laid out {float(milliseconds):.0f} ms after its request")
    # What takes time is done for what is in sight alone: no clock is asked, the machine may be busy.
    markup = re.sub(r"<script.*?</script>", "", dom, flags=re.DOTALL)
    for done, of in (("<svg", 'class="chart"'), ("Copy as CSV", "<table")):
        assert markup.count(done) < markup.count(of) / 5, (
            done,
            markup.count(done),
            markup.count(of),
        )


LAID_OUT = """addEventListener("load", () => {
  document.querySelectorAll("details").forEach((folded) => (folded.open = true));
  setTimeout(look, 500);
});
function look() {
  const wide = (box) => box.scrollWidth > box.clientWidth + 1;
  const cut = [...document.querySelectorAll(".scroll, .card, section")].filter(wide);
  const seen = parent.document.documentElement.dataset;  // itself, or what frames it
  seen.width = innerWidth;
  seen.cut = cut.map((box) => box.closest("section")?.id ?? box.className).join(" ");
  seen.page = document.documentElement.scrollWidth;
  seen.ground = getComputedStyle(document.body).backgroundColor;
  const table = document.querySelector("#results table");
  const column = [...table.tHead.rows[0].cells].findIndex((title) => title.innerText.startsWith("s per batch"));
  const shown = () => [...table.tBodies[0].rows].map((row) => parseFloat(row.cells[column].textContent)).join(" ");
  const title = table.tHead.rows[0].cells[column].querySelector("button");
  title.click();
  seen.up = shown();
  title.click();
  seen.down = shown();
  seen.said = table.tHead.rows[0].cells[column].ariaSort;
  table.parentElement.nextSibling.click();
  setTimeout(() => (seen.csv = table.parentElement.nextSibling.value.split("\\n")[0]), 100);
}"""


def laid_out(page: str, profile: Path, *options: str, path: str = "index.html") -> dict[str, str]:
    dom, _ = open_page(probed(page, LAID_OUT), profile, *options, path=path)
    return dict(re.findall(r'data-(\w+)="([^"]*)"', dom[: dom.index("<head")]))


@pytest.mark.parametrize(("width", "path"), [(1280, "index.html"), (390, "frame.html")])
def test_no_table_is_cut_off(width: int, path: str, page: str, tmp_path: Path) -> None:
    seen = laid_out(page, tmp_path, path=path)
    assert (int(seen["width"]), seen["cut"]) == (width, "")
    assert int(seen["page"]) <= width


def test_a_click_on_a_title_sorts_and_one_on_copy_gives_csv(page: str, tmp_path: Path) -> None:
    seen = laid_out(page, tmp_path)
    up, down = ([float(value) for value in seen[way].split()] for way in ("up", "down"))
    assert len(set(up)) > 1 and up == sorted(up) and down == sorted(up, reverse=True)
    assert seen["said"] == "descending"
    assert unescape(seen["csv"]).startswith(
        '"experiment","method","where","batch","test accuracy, %"'
    )


def test_dark_is_another_ground(page: str, tmp_path: Path) -> None:
    light = laid_out(page, tmp_path / "light")
    dark = laid_out(page, tmp_path / "dark", "--blink-settings=preferredColorScheme=0")
    assert light["ground"] != dark["ground"]
