"""A device for a job: one of the board that is asked for, fit, free and made ready."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgebnn.errors import ConfigError, EdgebnnError, InfrastructureError
from edgebnn.farm.check import Health, check, trial
from edgebnn.farm.connection import Host
from edgebnn.farm.deploy import programs
from edgebnn.farm.inventory import Device, Inventory
from edgebnn.farm.lease import lease
from edgebnn.farm.reach import reach
from edgebnn.record import Provenance, provenance
from edgebnn.spelling import nearest

RETRY_S = 5.0


@dataclass(frozen=True)
class Picked:
    """A device that is ours."""

    name: str
    device: Device
    host: Host
    health: Health

    def provenance(self, started: str, versions: dict[str, str], replaces: str) -> Provenance:
        """Of what was computed there.

        Args:
            started: UTC, ISO 8601.
            versions: of what computed; ours comes with them.
            replaces: start of the record that is made anew because the device was changed.
        """
        here = provenance(started)
        return Provenance(
            git_commit=here.git_commit,
            host=self.name,
            virtual=self.device.virtual,
            machine=self.health.machine,
            versions={"edgebnn": here.versions["edgebnn"], **versions},
            started=started,
            replaces=replaces,
        )


@dataclass(frozen=True)
class Wanted:
    """What a device is wanted for."""

    board: str
    binaries: Path
    """Folder with `<target>/edgebnn-train` and `<target>/edgebnn-measure`."""
    virtual: Path
    """Folder under which virtual devices have their files."""
    purpose: str = "a job"
    """What others shall read who find the device taken."""
    prepare: Callable[[Picked], None] = lambda picked: None
    """The last thing that a device must be able to do."""


@contextmanager
def pick(
    inventory: Inventory,
    wanted: Wanted,
    say: Callable[[str], None],
    wait: Callable[[], None] = lambda: time.sleep(RETRY_S),
) -> Iterator[Picked]:
    """Takes a device of a board while the block runs; all or nothing is held.

    A device that fails, in whatever way, is set aside with its reason. If all that are left are busy,
    it waits for one.

    Args:
        say: told what happens.
        wait: called between two rounds over the busy devices.

    Raises:
        ConfigError: no device has this board, or it is for the user to mend every one that has.
        InfrastructureError: none is left; the message has every device's reason.
    """
    board = wanted.board
    left = list(inventory.on_board(board))
    if not left:
        raise ConfigError(
            f"{inventory.path}: no device with board '{board}'{nearest(board, inventory.boards())}; "
            f"boards are {', '.join(sorted(inventory.boards())) or 'none'}"
        )
    errors: list[EdgebnnError] = []
    holders: dict[str, str] = {}
    waiting = False
    while left:
        for name in tuple(left):
            with ExitStack() as stack:
                try:
                    picked = _try(name, inventory, wanted, stack)
                except EdgebnnError as error:
                    left.remove(name)
                    errors.append(error)
                    say(f"set aside: {error}")
                    continue
                if isinstance(picked, Picked):
                    yield picked
                    return
                holders[name] = picked
        if left:
            if not waiting:
                busy = ", ".join(f"{name} ({holders[name]})" for name in left)
                say(f"busy: {busy}; waiting")
            waiting = True
            wait()
    ours = all(isinstance(error, ConfigError) for error in errors)
    raise (ConfigError if ours else InfrastructureError)(
        f"no device with board '{board}' is fit:" + "".join(f"\n  {error}" for error in errors)
    )


def _try(name: str, inventory: Inventory, wanted: Wanted, stack: ExitStack) -> Picked | str:
    """One device, ready and held by `stack`, or who has it."""
    device = inventory.devices[name]
    _, measure = programs(wanted.binaries, device)
    host = stack.enter_context(reach(name, inventory, wanted.virtual))
    taken = stack.enter_context(lease(host, wanted.purpose))
    if not taken.ours:
        return taken.holder
    health = check(host, device)
    started = trial(host, device, measure) if not health.errors else None
    if reason := health.errors or (started.text if started and started.level == "error" else ""):
        raise InfrastructureError(f"device {name}: {reason}")
    picked = Picked(name, device, host, health)
    wanted.prepare(picked)
    return picked
