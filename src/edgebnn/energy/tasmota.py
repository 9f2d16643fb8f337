"""A plug with the firmware Tasmota: the command `Status 8` by its HTTP interface.

Power is `StatusSNS.ENERGY.Power`, in watts: a number, or of several outlets a list
(tasmota.github.io/docs/Commands). With a login set, the answer is a warning.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from pydantic import Field

from edgebnn.energy.http_json import Client, NoAnswer, Refused
from edgebnn.energy.plug import Plug
from edgebnn.energy.readings import shown
from edgebnn.errors import ConfigError

_PATH = "/cm?cmnd=Status%208"


class Config(Plug):
    """`{kind: tasmota, address: 192.168.1.51}`"""

    kind: Literal["tasmota"]
    channel: int = Field(default=1, strict=True, ge=1, le=15)

    def recognise(self, client: Client) -> Callable[[Client], Any]:
        """Asks for its sensors; see Plug."""
        try:
            told = client.get(_PATH)
        except Refused as refused:
            if refused.status == 401:
                raise self.login_wanted() from None
            raise ConfigError(f"{self.name}: no Tasmota: {refused}") from None
        if isinstance(told, dict) and "Need user" in str(told.get("WARNING")):
            raise self.login_wanted()
        sensors = told.get("StatusSNS") if isinstance(told, dict) else None
        if not isinstance(sensors, dict):
            raise ConfigError(f"{self.name}: no Tasmota: Status 8 says {shown(told)}")
        if not isinstance(sensors.get("ENERGY"), dict):
            raise ConfigError(
                f"{self.name}: this one does not measure: StatusSNS has {', '.join(sensors)}, no ENERGY"
            )
        power = sensors["ENERGY"].get("Power")
        count = len(power) if isinstance(power, list) else 1
        if self.channel > count:
            raise ConfigError(f"{self.name}: channel: found {self.channel}, it has 1 to {count}")
        return self._power

    def _power(self, client: Client) -> Any:
        told = client.get(_PATH)
        try:
            power = told["StatusSNS"]["ENERGY"]["Power"]
            return power[self.channel - 1] if isinstance(power, list) else power
        except (KeyError, IndexError, TypeError):
            raise NoAnswer(f"no StatusSNS.ENERGY.Power in {shown(told)}") from None
