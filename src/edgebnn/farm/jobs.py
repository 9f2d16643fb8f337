"""The jobs that are on the devices: found, stopped, and cleared away."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgebnn.errors import ConfigError, InfrastructureError
from edgebnn.farm.connection import Host
from edgebnn.farm.deploy import SEEN, STORE
from edgebnn.farm.detached import JOBS, stop
from edgebnn.farm.inventory import Inventory
from edgebnn.farm.lease import lease, span
from edgebnn.farm.reach import reach
from edgebnn.farm.ssh_config import own_name
from edgebnn.farm.survey import survey
from edgebnn.spelling import nearest

STATES = {
    "running": "runs",
    "ended": "ended, not fetched",
    "failed": "failed",
    "stopped": "stopped",
    "cut": "cut off",
    "prepared": "prepared",
}
"""How a job stands -> what is said of it."""

# A line for each job: its folder, how it stands, seconds since it was started, its last line of progress.
_LIST = """
cd edgebnn/jobs 2>/dev/null || exit 0
for job in *; do
  case $job in *[!A-Za-z0-9._+-]*) continue ;; esac
  cd "./$job" 2>/dev/null || continue
  state=prepared
  if test -e running && ! flock -sn running true; then state=running
  elif test -s stopped; then state=stopped
  elif test "$(cat exit 2>/dev/null)" = 0; then state=ended
  elif test -s exit; then state=failed
  elif test -e running; then state=cut
  fi
  since=$(stat -c %Y start 2>/dev/null || date +%s)
  last=$(tail -n 40 log 2>/dev/null | grep -a '"event": *"\\(epoch\\|batch\\)"' | tail -n 1)
  echo "$job $state $(($(date +%s) - since)) $last"
  cd ..
done
"""

# $1: days; $2, $3: the store's folders. A line for each thing that goes: its kind, its KiB.
_CLEAN = """
mkdir -p edgebnn/jobs "$2" "$3" && cd edgebnn/jobs || exit
for job in ./*; do
  test -d "$job" || continue
  if test -e "$job/running" && ! flock -sn "$job/running" true; then continue; fi
  test "$1" = 0 || test -n "$(find "$job" -prune -mmin "+$(($1 * 1440))")" || continue
  echo "job $(du -sk "$job" | cut -f 1)"
  rm -rf "$job" || exit
done
cd ../..
for file in "$2"/*; do
  test -f "$file" || continue
  name=${file##*/}
  test -z "$(find edgebnn/jobs -lname "*/$name" 2>/dev/null)" || continue
  test "$1" = 0 || test -n "$(find "$file" -mmin "+$(($1 * 1440))")" || continue
  echo "file $(du -k "$file" | cut -f 1)"
  rm -f "$file" "$3/$name" || exit
done
:
"""


@dataclass(frozen=True)
class FoundJob:
    """A job's folder on a device, or why it is not known what there is."""

    device: str
    run: str = ""
    state: str = ""
    """A key of STATES; empty: the device did not answer."""
    seconds: int = 0
    """Since it was started."""
    progress: str = ""
    """How far it is; or the error."""

    def row(self) -> dict[str, Any]:
        """As programs get it."""
        return {
            "device": self.device,
            "run": self.run,
            "state": self.state or "error",
            "started_s_ago": self.seconds,
            "progress": self.progress,
        }

    def cells(self) -> dict[str, str]:
        """As people do."""
        return {
            "device": self.device,
            "run": self.run,
            "state": STATES.get(self.state, "not known"),
            "started": f"{span(self.seconds)} ago" if self.run else "",
            "progress": self.progress,
        }


def find_jobs(inventory: Inventory, virtual: Path) -> list[FoundJob]:
    """The jobs of all devices, which are asked at once.

    Args:
        virtual: folder under which virtual devices have their files.
    """

    def ask(name: str) -> list[FoundJob]:
        with reach(name, inventory, virtual) as host:
            return _jobs(host)

    found = survey(_known(inventory, virtual), ask, lambda reason: [FoundJob("", progress=reason)])
    return [replace(job, device=name) for name, jobs in found.items() for job in jobs]


def stop_job(inventory: Inventory, virtual: Path, run: str) -> list[str]:
    """Ends a job wherever it runs.

    Returns:
        The devices on which it did.

    Raises:
        ConfigError: it runs on none.
    """
    who = f"{own_name()}@{platform.node()}"
    jobs = find_jobs(inventory, virtual)
    stopped = []
    for job in jobs:
        if job.run == run and job.state == "running":
            with reach(job.device, inventory, virtual) as host:
                if stop(host, f"{JOBS}/{run}", who):
                    stopped.append(job.device)
    if not stopped:
        running = [job.run for job in jobs if job.state == "running"]
        silent = [f"{job.device} ({job.progress})" for job in jobs if not job.state]
        raise ConfigError(
            f"no device runs '{run}'{nearest(run, running)}; running: {', '.join(running) or 'none'}"
            + (f"; not reached: {', '.join(silent)}" if silent else "")
        )
    return stopped


def clean(inventory: Inventory, virtual: Path, names: list[str], days: int) -> list[dict[str, str]]:
    """Removes what no job needs: folders of jobs that do not run, and stored files that no job links to.

    Args:
        names: the devices; none: all.
        days: what is younger stays.

    Returns:
        A row for each device.

    Raises:
        ConfigError: no such device.
    """
    for name in names:
        inventory.device(name)

    def ask(name: str) -> dict[str, str]:
        with reach(name, inventory, virtual) as host, lease(host, "clearing away") as taken:
            if not taken.ours:
                return {"jobs": "", "files": "", "freed": "", "remark": f"busy: {taken.holder}"}
            gone = host.run(["sh", "-c", _CLEAN, "sh", str(days), STORE, SEEN]).stdout.split()
            kinds, sizes = gone[::2], [int(size) for size in gone[1::2]]
            return {
                "jobs": str(kinds.count("job")),
                "files": str(kinds.count("file")),
                "freed": f"{sum(sizes) / 1024:.1f} MiB",
                "remark": "",
            }

    found = survey(
        names or _known(inventory, virtual),
        ask,
        lambda reason: {"jobs": "", "files": "", "freed": "", "remark": reason},
    )
    return [{"device": name, **row} for name, row in found.items()]


def _known(inventory: Inventory, virtual: Path) -> list[str]:
    """The devices that can have files: a virtual one has none before its first start."""
    return [
        name
        for name, device in inventory.devices.items()
        if not device.virtual or (virtual / name).is_dir()
    ]


def _jobs(host: Host) -> list[FoundJob]:
    found = []
    for line in host.run(["sh", "-c", _LIST]).stdout.splitlines():
        run, state, seconds, *last = line.split(" ", 3)
        if state not in STATES or not seconds.lstrip("-").isdecimal():
            raise InfrastructureError(f"device {host.name}: {JOBS}: not understood: {line[:80]!r}")
        found.append(
            FoundJob(host.name, run, state, max(0, int(seconds)), _progress("".join(last)))
        )
    return found


def _progress(line: str) -> str:
    """Of a line of the log."""
    try:
        event = json.loads(line)
        kind = event["event"]
        return f"{kind} {int(event[kind])} of {int(event[f'{kind}s' if kind == 'epoch' else 'batches'])}"
    except (ValueError, TypeError, KeyError):
        return ""
