"""Progress of long work, on a terminal as a bar and in a log as plain lines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class _Bar:
    """A task of rich's, told by the names that tqdm gave to progress."""

    def __init__(self, progress: Any, task: Any) -> None:
        self._progress, self._task = progress, task

    @property
    def total(self) -> int:
        return int(self._progress.tasks[self._task].total or 0)

    @total.setter
    def total(self, total: int) -> None:
        self._progress.update(self._task, total=total or None, visible=True)

    def update(self, n: int) -> None:
        self._progress.advance(self._task, n)

    def reset(self) -> None:
        self._progress.update(self._task, completed=0)

    def close(self) -> None:
        pass  # the bar stays, full, until the block ends


@contextmanager
def download_bar(name: str) -> Iterator[_Bar]:
    """A bar in bytes that appears once its `total` is known."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(*columns) as progress:
        yield _Bar(progress, progress.add_task(name, total=None, visible=False))


@contextmanager
def counted(name: str, total: int) -> Iterator[Callable[[], None]]:
    """A bar of so many steps, or more if more come; none for none. Yields what counts a step."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not total) as progress:
        task = progress.add_task(name, total=total)

        def step() -> None:
            progress.advance(task)
            done = progress.tasks[task].completed
            progress.update(task, total=max(total, done))

        yield step


def say(line: str) -> None:
    """Says a line to who is waiting, on stderr."""
    print(line, file=sys.stderr, flush=True)
