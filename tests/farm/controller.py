"""`edgebnn device` as a process of its own, which a test ends as it likes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from edgebnn.farm.inventory import Inventory
from edgebnn.study.run import Run, canonical_json


class Controller:
    """`edgebnn device` as a process of its own."""

    def __init__(self, folder: Path, run: Run, data: Path, build: Path, farm: Inventory) -> None:
        (folder / "run.json").write_text(canonical_json(run))
        self.run = run
        self.output = folder / "device" / "record.json"
        options = {
            "--run": folder / "run.json",
            "--data": data,
            "--build": build,
            "--farm": farm.path,
            "--virtual": folder / "virtual",
            "--output": self.output,
        }
        words = [str(word) for option in options.items() for word in option]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "edgebnn.cli", "device", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout
        self.lines = self.process.stdout

    def until(self, pattern: str) -> str:
        """Reads on to the first line that has it."""
        said = []
        for line in self.lines:
            said.append(line)
            if re.search(pattern, line):
                return line
        raise AssertionError("".join(said))

    def kill(self) -> None:
        """As a crash, or a machine without power."""
        self.process.kill()
        self.process.wait()
        self.lines.close()

    def end(self) -> tuple[int, str]:
        """Its exit status, and the rest of what it says."""
        rest = self.lines.read()
        self.lines.close()
        return self.process.wait(), rest
