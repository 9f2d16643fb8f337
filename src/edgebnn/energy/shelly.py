"""A Shelly plug or relay that measures power, of any generation, by its HTTP interface.

`/shelly` tells the generation and whether there is a login. The first has `/meter/<channel>`
(shelly-api-docs.shelly.cloud/gen1, with `power` in watts and `is_valid`), later ones the RPC
`Switch.GetStatus` (.../gen2, with `apower` in watts, and `errors` while one is present).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from pydantic import Field

from edgebnn.energy.http_json import Client, NoAnswer, Refused
from edgebnn.energy.plug import Plug
from edgebnn.energy.readings import shown
from edgebnn.errors import ConfigError


class Config(Plug):
    """`{kind: shelly, address: 192.168.1.50}`"""

    kind: Literal["shelly"]
    channel: int = Field(default=0, strict=True, ge=0, le=15)

    def recognise(self, client: Client) -> Callable[[Client], Any]:
        """Asks for its generation; see Plug."""
        try:
            told = client.get("/shelly")
        except Refused as refused:
            if refused.status == 401:
                raise self.login_wanted() from None
            raise ConfigError(f"{self.name}: no Shelly: {refused}") from None
        generation = told.get("gen", 1) if isinstance(told, dict) else None
        if not isinstance(generation, int) or not ("gen" in told or "type" in told):
            raise ConfigError(f"{self.name}: no Shelly: /shelly says {shown(told)}")
        if told.get("auth") or told.get("auth_en"):
            raise self.login_wanted()
        question = self._first if generation == 1 else self._later
        try:
            power = question(client)
        except Refused as refused:
            if refused.status == 401:
                raise self.login_wanted() from None
            raise ConfigError(f"{self.name}: channel: {refused}") from None
        if power is None:
            raise ConfigError(
                f"{self.name}: no power in its answer: it switches, and does not measure"
            )
        return question

    def _first(self, client: Client) -> Any:
        answer = _mapping(client.get(f"/meter/{self.channel}"))
        if answer.get("is_valid") is False:
            raise NoAnswer("the plug says itself that its reading is not valid")
        return answer.get("power")

    def _later(self, client: Client) -> Any:
        answer = _mapping(client.get(f"/rpc/Switch.GetStatus?id={self.channel}"))
        if answer.get("errors"):
            raise NoAnswer(f"the plug says errors: {shown(answer['errors'])}")
        return answer.get("apower")


def _mapping(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise NoAnswer(f"wanted is a mapping, found {shown(answer)}")
    return answer
