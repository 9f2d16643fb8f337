"""What a Raspberry Pi's firmware says of its power and heat: bits, and what they mean."""

from __future__ import annotations

from dataclasses import dataclass

from edgebnn.farm.connection import Host

_BITS = {0: "undervoltage", 1: "clock capped", 2: "throttled", 3: "soft temperature limit"}
"""Bits of `vcgencmd get_throttled`: now; 16 higher: since boot."""

NO_PROGRAM = "there is no vcgencmd"
VIRTUAL = "a virtual device has no firmware to ask"


@dataclass(frozen=True)
class Throttling:
    """An answer of the firmware."""

    bits: int

    @property
    def now(self) -> list[str]:
        """What holds at this moment."""
        return [text for bit, text in _BITS.items() if self.bits >> bit & 1]

    @property
    def since_boot(self) -> list[str]:
        """What held at some moment since the board was started."""
        return [text for bit, text in _BITS.items() if self.bits >> (bit + 16) & 1]


def parse(answer: str) -> Throttling | None:
    """Of the last line of `vcgencmd get_throttled`; None if that is no answer."""
    try:
        return Throttling(int(answer.removeprefix("throttled="), 16))
    except ValueError:
        return None


def ask(host: Host) -> str:
    """The last line of `vcgencmd get_throttled` there; NO_PROGRAM if there is none.

    Raises:
        InfrastructureError: the connection dropped.
    """
    script = "command -v vcgencmd >/dev/null || exit 127; vcgencmd get_throttled 2>&1"
    done = host.try_run(["sh", "-c", script])
    lines = done.stdout.strip().splitlines()
    return NO_PROGRAM if done.status == 127 else lines[-1] if lines else "nothing"


def unknown(answer: str) -> str:
    """What to say of an answer that is none."""
    if answer in (NO_PROGRAM, VIRTUAL):
        return f"unknown: {answer}"
    return (
        f"unknown: vcgencmd says '{answer}'; may the account ask the firmware? "
        f"(sudo usermod -aG video <account>)"
    )
