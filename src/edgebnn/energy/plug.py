"""A plug on the network that tells the power of what is plugged in: asked over HTTP, in a thread.

Each kind says how it is asked; here is what they have in common. Times are this machine's monotonic
clock, halfway between question and answer. A question that failed is no reading; the next one makes a
connection of its own. Logins are not used, for a password would stand in the inventory.
"""

from __future__ import annotations

import re
import threading
import time
from abc import abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from pydantic import Field, field_validator

from edgebnn.energy.http_json import Client, NoAnswer
from edgebnn.energy.meter import Beside, Seconds
from edgebnn.energy.readings import refuse_if_odd, shown
from edgebnn.energy.trace import Trace
from edgebnn.errors import ConfigError, InfrastructureError

_LABEL = r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = rf"{_LABEL}(\.{_LABEL})*|\[[0-9A-Fa-f:.]+\]"


class Plug(Beside):
    """A meter that is asked at an address."""

    address: str = Field(max_length=253)
    """The plug's name or IP address, with `:port` if that is not 80."""
    channel: int = Field(strict=True, ge=0, le=15)
    """Which of its outlets, as the plug counts them."""
    interval_s: Seconds = Field(default=1.0, ge=0.01, le=60)

    @field_validator("address")
    @classmethod
    def _address_alone(cls, value: str) -> str:
        if "@" in value:  # not shown: what stands before it may be a password
            raise ValueError("a login is not used, and never put here: an address alone is wanted")
        if "://" in value or "/" in value:
            raise ValueError(f"found '{value}': wanted is a name or an address alone, no URL")
        host, port = split(value)
        if not re.fullmatch(_HOST, host) or not (port.isdigit() and 0 < int(port) < 65536):
            raise ValueError(
                f"found '{value}': wanted is a name or an address, as 192.168.1.50, with a port from 1 "
                f"to 65535 if it is not 80, as 192.168.1.50:8080 or [fe80::1]:8080"
            )
        return value

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return f"meter {self.kind} at {self.address}, channel {self.channel}"

    @abstractmethod
    def recognise(self, client: Client) -> Callable[[Client], Any]:
        """How power is asked of this plug: a question whose answer is in watts, of any type.

        Raises:
            ConfigError: it is no such plug, or wants a login.
            NoAnswer: it gave none, or none that makes sense.
        """

    def start(self) -> Asking:
        """Asks once, then every `interval_s` seconds; see Beside."""
        host, port = split(self.address)
        client = Client(host.strip("[]"), int(port))
        try:
            question = self.recognise(client)
            self.watts(question(client))
        except NoAnswer as error:
            raise InfrastructureError(f"{self.name}: {error}") from None
        return Asking(self, client, question)

    def watts(self, answer: Any) -> float:
        """Power that an answer gives; raises NoAnswer if it gives none."""
        number = isinstance(answer, int | float) and not isinstance(answer, bool)
        if not (number and 0 <= answer <= self.most_w):  # no NaN is, and no integer beyond floats
            raise NoAnswer(f"power: found {shown(answer)}, wanted is {self.wanted}")
        return float(answer)

    @property
    def wanted(self) -> str:
        """What its readings are, for messages."""
        return f"a number of watts, from 0 to {self.most_w:g} (key most_w)"

    def login_wanted(self) -> ConfigError:
        """The error that a plug with a login is."""
        return ConfigError(
            f"{self.name}: it wants a login, and passwords are never put in the inventory: switch its "
            f"login off, and put it in a network of its own"
        )


class Asking:
    """A plug that is asked in the background until `stop`, or the end of its with-block."""

    def __init__(self, plug: Plug, client: Client, question: Callable[[Client], Any]) -> None:
        self._plug, self._client, self._question = plug, client, question
        self._times: list[float] = []
        self._watts: list[float] = []
        self._failed: list[str] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask, name=plug.name, daemon=True)
        self._thread.start()

    def stop(self) -> Trace:
        """Power from the first answer to one last answer, asked for now; see Running."""
        self._ended.set()
        self._thread.join()
        plug = self._plug
        refuse_if_odd(len(self._times), self._failed, plug.name, plug.wanted)
        return Trace.of_powers(self._times, self._watts, plug.longest_gap_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._client.close()
        self._thread.join()

    def _ask(self) -> None:
        next_s = time.monotonic()
        last = False
        while not last:
            last = self._ended.is_set()
            asked = time.monotonic()
            try:
                watts = self._plug.watts(self._question(self._client))
            except NoAnswer as error:
                self._failed.append(str(error))
            else:
                self._times.append((asked + time.monotonic()) / 2)
                self._watts.append(watts)
            # Questions that are late do not pile up: what was missed is not asked again.
            next_s = max(next_s + self._plug.interval_s, time.monotonic())
            self._ended.wait(next_s - time.monotonic())


def split(address: str) -> tuple[str, str]:
    """Host and port of `host`, `host:port`, `[IPv6]` or `[IPv6]:port`; 80 by default."""
    host, colon, port = address.rpartition(":")
    return (host, port) if colon and not address.endswith("]") else (address, "80")
