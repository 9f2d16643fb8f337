"""Every device asked at once: one that hangs or fails costs its own answer alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from threading import Thread
from typing import TypeVar

from edgebnn.unexpected import told

WITHIN_S = 120.0
Answer = TypeVar("Answer")


def survey(
    names: Iterable[str],
    ask: Callable[[str], Answer],
    lacking: Callable[[str], Answer],
) -> dict[str, Answer]:
    """Asks devices for WITHIN_S seconds, each from a thread of its own, and shows on standard error that it does.

    Args:
        names: of the devices.
        ask: gives one device's answer.
        lacking: the answer of a device that gave none, from the reason.

    Returns:
        Device -> answer, in the order of `names`.
    """
    from rich.console import Console

    found: dict[str, Answer] = {}

    def look(name: str) -> None:
        try:
            found[name] = ask(name)
        except Exception as error:  # one device costs one device, whatever it does
            found[name] = lacking(told(error))

    # Daemons: one that hangs does not keep the others' answers back, nor the program's end.
    threads = {name: Thread(target=look, args=(name,), daemon=True) for name in names}
    for thread in threads.values():
        thread.start()
    end = time.monotonic() + WITHIN_S
    with Console(stderr=True).status(f"asking {len(threads)} devices, at most {WITHIN_S:g} s"):
        for thread in threads.values():
            thread.join(max(0.0, end - time.monotonic()))
    late = f"not done within {WITHIN_S:g} s"
    return {name: found[name] if name in found else lacking(late) for name in threads}
