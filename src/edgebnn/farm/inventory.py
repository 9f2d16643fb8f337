"""The inventory: which devices there are, what they are, how they are reached (config/farm.yaml)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Literal, Self, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from edgebnn.energy import MeterConfig
from edgebnn.errors import ConfigError
from edgebnn.spelling import nearest
from edgebnn.study.config import load_yaml, parse
from edgebnn.study.fields import Name

Target = Literal["native", "aarch64-linux", "armv7-linux", "armv6-linux"]

_EMULATORS = {
    "aarch64-linux": ["qemu-aarch64"],
    "armv7-linux": ["qemu-arm"],
    "armv6-linux": ["qemu-arm", "-cpu", "arm1176"],
}


_VIRTUAL = {"board": "virtual", "target": "native"}


def _no_default(schema: dict[str, Any]) -> None:
    """An empty default only marks what a board must say: not a value that editors should offer."""
    del schema["default"]


class Device(BaseModel):
    """One machine that trains. A virtual one is an SSH host on loopback, ours from start to stop."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, use_attribute_docstrings=True
    )

    kind: Literal["board", "virtual"] = "board"
    host: str = Field(default="", pattern=r"^([A-Za-z0-9_.:][A-Za-z0-9_.:%-]*)?$")
    """A board's address, or a Host alias of ~/.ssh/config."""
    port: int = Field(default=0, strict=True, ge=0, lt=65536)
    """TCP port; 0: the SSH configuration's, else 22, for a board; any free one for a virtual device."""
    user: str = Field(default="", pattern=r"^([A-Za-z_][A-Za-z0-9_.-]*)?$")
    """Account on a board; empty: the SSH configuration's, else one's own name."""
    identity_file: Path | None = None
    """Private key for a board; None: the agent and the usual keys. Passwords are never used."""
    board: Name = Field(default="", json_schema_extra=_no_default)
    """What experiments ask for; a virtual device has the board `virtual` unless it says otherwise."""
    target: Target = Field(default=cast("Target", ""), json_schema_extra=_no_default)
    """What is built for it; `native` for a virtual device unless it says otherwise."""
    threads: int = Field(default=1, strict=True, ge=1, le=64)
    """Threads that train on it: at most as many as it has cores. Results are the same for any number."""
    meter: MeterConfig | None = None
    python: str = Field(default="", pattern=r"^([^\s-]\S*)?$")
    """The Python with TensorFlow that trains the baseline: a program of its PATH, or a path, `~/` its home.
    Empty: `python3`; on a virtual device the Python that runs edgebnn."""
    memory_limit_mib: int | None = Field(default=None, strict=True, ge=16, le=1 << 20)
    """What a job may take there, in MiB; None: all there is."""
    time_limit_min: int | None = Field(default=None, strict=True, ge=1, le=1 << 20)
    """How long a job may run there from its start, in minutes; None: any time."""
    fetch_checkpoint_min: float = Field(default=10.0, strict=True, ge=0, le=1e6)
    """Minutes between two fetches of a running job's checkpoint: what another device goes on from if this one
    never comes back; 0: never."""

    @field_validator("host", "board", "target", mode="before")
    @classmethod
    def _given(cls, value: Any, info: ValidationInfo) -> Any:
        if value == "" and info.data.get("kind") == "board":
            raise PydanticCustomError("missing", "Field required")
        return value or _VIRTUAL.get(str(info.field_name), value)

    @field_validator("host", mode="before")
    @classmethod
    def _host_alone(cls, value: Any) -> Any:
        """What people paste: user@host:port, [address]:port, ssh://..."""
        if isinstance(value, str):
            if "://" in value:
                raise ValueError("wanted is a host's name or address alone, no URL")
            if "@" in value:
                raise ValueError("an account belongs under `user`, not before the host")
            if value.count(":") == 1 or "]:" in value:
                raise ValueError("a port belongs under `port`, not behind the host")
        return value

    @field_validator("host", "user", "identity_file")
    @classmethod
    def _boards_only(cls, value: Any, info: ValidationInfo) -> Any:
        if value and info.data.get("kind") == "virtual":
            raise ValueError("a virtual device is started on loopback and has no such key")
        return value

    @property
    def virtual(self) -> bool:
        """True if its times and energies are the host's, never a board's."""
        return self.kind == "virtual"

    @property
    def memory_limit(self) -> list[str]:
        """Of edgebnn-measure, the option that keeps a job within `memory_limit_mib`."""
        return ["--memory-limit", str(self.memory_limit_mib)] if self.memory_limit_mib else []

    @property
    def time_limit(self) -> list[str]:
        """Of edgebnn-measure, the option that ends a job after `time_limit_min`."""
        return ["--time-limit", str(60 * self.time_limit_min)] if self.time_limit_min else []

    @property
    def python_program(self) -> str:
        """The Python that trains the baseline, as it is said there."""
        return self.python or (sys.executable if self.virtual else "python3")

    @property
    def emulator(self) -> list[str]:
        """The words before a command that run this device's binaries, if its own processor does not."""
        return _EMULATORS.get(self.target, []) if self.virtual else []


class Inventory(BaseModel):
    """All devices by name."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    devices: dict[Name, Device]
    patience_min: float = Field(default=5.0, strict=True, ge=0, le=1e6)
    """How long a job waits for a device that is silent or unfit for now, in minutes, before it fails or goes
    elsewhere."""
    _path: Path = PrivateAttr(default=Path("farm.yaml"))

    @model_validator(mode="after")
    def _ports_once(self) -> Self:
        owners: dict[int, str] = {}
        for name, device in self.devices.items():
            if device.virtual and device.port and owners.setdefault(device.port, name) != name:
                raise ValueError(
                    f"devices.{name}.port: {device.port} is the port of '{owners[device.port]}' too"
                )
        return self

    @property
    def path(self) -> Path:
        """The file it was read from, for messages."""
        return self._path

    @property
    def known_hosts(self) -> Path:
        """Host keys of the boards, pinned by `edgebnn farm enroll`: our only trust."""
        return self._path.parent / "known_hosts"

    def boards(self) -> dict[str, list[str]]:
        """Kind of board, which experiments can ask for -> the names of its devices."""
        names: dict[str, list[str]] = {}
        for name, device in self.devices.items():
            names.setdefault(device.board, []).append(name)
        return names

    def targets(self) -> dict[str, list[str]]:
        """Kind of board -> what is built for its devices."""
        return {
            board: sorted({device.target for device in self.on_board(board).values()})
            for board in self.boards()
        }

    def on_board(self, board: str) -> dict[str, Device]:
        """The devices of one kind, by name."""
        return {name: device for name, device in self.devices.items() if device.board == board}

    def device(self, name: str) -> Device:
        """One device by name; raises ConfigError."""
        if name not in self.devices:
            raise ConfigError(
                f"{self.path}: no device '{name}'{nearest(name, self.devices)}; "
                f"devices are {', '.join(self.devices) or 'none'}"
            )
        return self.devices[name]


def load_inventory(path: Path) -> Inventory:
    """The inventory in a YAML file; raises ConfigError naming file, key and what is allowed."""
    inventory = parse(Inventory, load_yaml(path), str(path), [path])
    inventory._path = path
    return inventory
