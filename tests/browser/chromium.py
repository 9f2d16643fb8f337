"""A browser that is told what to do, over the pipe of its debugging protocol: pages that draw themselves as they load."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
PATIENCE_S = 90
"""Until a page has to show what is waited for: on a busy machine, too."""


class Page:
    """One tab."""

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write = os.fdopen(read, "rb"), os.fdopen(write, "wb")
        self._number = 0
        self._session: dict[str, str] = {}
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}

    def close(self) -> None:
        self._read.close()
        self._write.close()

    def open(self, address: str) -> None:
        """Until it has loaded, all that it names with it."""
        self._call("Page.navigate", url=address)
        self.wait_for("document.readyState == 'complete'")

    def size(self, width: int, height: int) -> None:
        """Also one that no window has: a telephone's."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def scheme(self, name: str) -> None:
        """Light or dark."""
        self._call(
            "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}]
        )

    def wait_for(self, condition: str) -> None:
        """Until a JavaScript expression is true."""
        end = time.monotonic() + PATIENCE_S
        while not self.value(f"Boolean({condition})"):
            assert time.monotonic() < end, f"{condition}\n{self.value('document.body.innerText')}"
            time.sleep(0.05)

    def wait_for_text(self, *texts: str) -> None:
        for text in texts:
            self.wait_for(f"document.body?.innerText.includes({json.dumps(text)})")

    def value(self, expression: str) -> Any:
        found = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        return found["result"].get("value")

    def picture(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot")["data"]))

    def _call(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters, **self._session}
        self._write.write(json.dumps(message).encode() + b"\0")
        self._write.flush()
        while True:  # events come between
            answer = json.loads(self._message())
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def _message(self) -> bytes:
        content = bytearray()
        while (byte := self._read.read(1)) != b"\0":
            assert byte, "the browser has ended"
            content += byte
        return bytes(content)


@contextmanager
def page(profile: Path, *options: str, width: int = 1280, height: int = 1000) -> Iterator[Page]:
    """A tab of a browser of its own, which ends with the block."""
    ours_out, its_in = os.pipe()[::-1]
    ours_in, its_out = os.pipe()
    command = [
        str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe",
        f"--user-data-dir={profile}", f"--window-size={width},{height}",
        *options,
    ]  # fmt: skip
    browser = subprocess.Popen(
        # The protocol has its pipe at the descriptors 3 and 4.
        ["bash", "-c", f'exec "$@" 3<&{its_in} 4>&{its_out}', "bash", *command],
        pass_fds=(its_in, its_out),
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(its_in)
    os.close(its_out)
    tab = None
    try:
        tab = Page(ours_in, ours_out)
        yield tab
    finally:
        os.killpg(browser.pid, signal.SIGKILL)
        browser.wait()
        if tab:
            tab.close()
