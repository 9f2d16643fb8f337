"""Progress of long work, on a terminal as a bar and in a log as plain lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def download_bar(name: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar that appears with the first bytes; yields its update(bytes so far, bytes in all or None)."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(*columns) as progress:
        task = progress.add_task(name, visible=False)

        def update(done: int, total: int | None) -> None:
            progress.update(task, completed=done, total=total, visible=True)

        yield update
