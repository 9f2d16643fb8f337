"""Is a device fit for work? Facts are read there in one go and judged here."""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgebnn.errors import InfrastructureError
from edgebnn.farm import throttling
from edgebnn.farm.connection import Host
from edgebnn.farm.deploy import deploy
from edgebnn.farm.inventory import Device
from edgebnn.farm.lease import span

Level = Literal["ok", "warning", "error"]

_FACTS = r"""
echo "now $(date +%s)"
echo "machine $(uname -m)"
echo "system $(uname -srm)"
echo "processor $(tr -d '\0' </proc/device-tree/model 2>/dev/null || sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
echo "cores $(nproc 2>/dev/null || grep -c ^processor /proc/cpuinfo)"
echo "memory_kib $(sed -n 's/^MemAvailable: *\([0-9]*\).*/\1/p' /proc/meminfo)"
echo "disk_kib $(df -Pk . | sed -n '2s/^[^ ]*  *[0-9]*  *[0-9]*  *\([0-9]*\).*/\1/p')"
echo "millicelsius $(cat /sys/class/thermal/thermal_zone0/temp 2>/dev/null)"
command -v vcgencmd >/dev/null && echo "throttled $(vcgencmd get_throttled 2>&1 | tail -n 1)"
echo "governor $(cat /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor 2>/dev/null)"
for program in flock sha256sum setsid timeout "$@"; do
  command -v "$program" >/dev/null || echo "missing $program"
done
"""

_MACHINES = {
    "aarch64-linux": ("aarch64", "arm64"),
    "armv7-linux": ("armv7l", "armv8l", "aarch64"),  # 64-bit kernels under 32-bit systems, too
    "armv6-linux": ("armv6l", "armv7l", "armv8l", "aarch64"),
    "native": (platform.machine(),),
}
_FACTS_WITHIN_S = 30.0
_LEAST_MEMORY_MIB = 32
_LEAST_DISK_MIB = 64
_CLOCK_WITHIN_S = 5.0  # an answer may be on its way for so long
_TRIAL = "edgebnn/trial.json"
_NOT_EXECUTABLE = 126
"""A shell's exit status for a program that is there and that the system refuses to start."""
_WARM_C, _HOT_C = 65.0, 80.0  # a Pi slows itself down at 80, a 3B+ from 60 on


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    level: Level
    text: str
    lasts: bool = False
    """Of an error: it will not pass by itself."""


@dataclass(frozen=True)
class Health:
    """All findings, and the device in its own words."""

    findings: tuple[Finding, ...]
    machine: str
    """Kernel and processor, for provenance."""

    @property
    def errors(self) -> str:
        """Why it is unfit, or an empty string."""
        return "; ".join(found.text for found in self.findings if found.level == "error")

    @property
    def lasts(self) -> bool:
        """True if it will not become fit by itself."""
        return any(found.lasts for found in self.findings)


def check(host: Host, device: Device) -> Health:
    """Looks at a reachable device.

    Raises:
        InfrastructureError: the connection dropped.
    """
    facts, missing = _facts(host, device.emulator[:1])
    findings = [_architecture(device, facts.get("machine", "unknown"))]
    findings += [Finding("error", f"has no program {program}", lasts=True) for program in missing]
    findings.append(_cores(device, facts.get("cores", "")))
    findings.append(_amount("free memory", facts.get("memory_kib", ""), _LEAST_MEMORY_MIB))
    findings.append(_amount("free disk", facts.get("disk_kib", ""), _LEAST_DISK_MIB))
    if not device.virtual:  # what follows would be the host's
        findings.append(_clock(facts.get("seconds_ahead", "")))
        findings += _temperature(facts.get("millicelsius", ""))
        findings += _throttling(facts.get("throttled"))
        findings += _governor(facts.get("governor", ""))
    machine = ", ".join(filter(None, (facts.get("system"), facts.get("processor"))))
    if device.emulator:
        machine += f", under {device.emulator[0]}"
    return Health(tuple(findings), machine)


def trial(host: Host, device: Device, measure: Path) -> Finding:
    """Sends the measuring program and starts it once; call it under the lease.

    Raises:
        InfrastructureError: the connection dropped, or the program cannot be sent.
    """
    stored = deploy(host, [measure]).paths[measure]
    start = [*device.emulator, stored, "--output", _TRIAL, "--", "true"]
    done = host.try_run(["sh", "-c", f'"$@" && rm -f {_TRIAL}', "sh", *start])
    if done.status == 0:
        return Finding("ok", f"runs {measure.name}")
    words = " ".join(done.stderr.split())[-200:]
    refused = done.status == _NOT_EXECUTABLE and "format" not in words
    asked = "is HOME mounted noexec?" if refused else f"is target {device.target} right for it?"
    return Finding(
        "error", f"cannot run {measure.name} (exit status {done.status}: {words}); {asked}"
    )


def _facts(host: Host, programs: list[str]) -> tuple[dict[str, str], list[str]]:
    """What the device says of itself, and the programs that it lacks."""
    facts: dict[str, str] = {}
    missing: list[str] = []

    def note(line: str) -> None:
        key, _, value = line.partition(" ")
        if key == "missing":
            missing.append(value)
        if key == "now" and value.isdecimal():
            facts["seconds_ahead"] = f"{int(value) - time.time():.0f}"
        facts[key] = value.strip()

    try:
        host.run(["sh", "-c", _FACTS, "sh", *programs], on_line=note, within_s=_FACTS_WITHIN_S)
    except InfrastructureError as error:
        after = f" (its last word was of {list(facts)[-1]})" if facts else ""
        raise type(error)(f"{error}{after}") from None
    return facts, missing


def _architecture(device: Device, machine: str) -> Finding:
    if device.emulator:
        return Finding("ok", f"{machine}, runs {device.target} under {device.emulator[0]}")
    wanted = _MACHINES[device.target]
    if machine in wanted:
        return Finding("ok", machine)
    text = f"is {machine}, but target {device.target} is for {' or '.join(wanted)}"
    return Finding("error", text, lasts=True)


def _cores(device: Device, cores: str) -> Finding:
    if not cores.isdecimal():
        return Finding("warning", "cores unknown")
    number = int(cores)
    text = "1 core" if number == 1 else f"{number} cores"
    if device.threads <= number:
        return Finding("ok", text)
    return Finding("warning", f"{text} for {device.threads} threads: they wait for each other")


def _clock(seconds_ahead: str) -> Finding:
    """A wrong clock makes no figure wrong, as times are differences; its files have wrong dates."""
    if not seconds_ahead:
        return Finding("warning", "clock unknown")
    seconds = int(seconds_ahead)
    if abs(seconds) <= _CLOCK_WITHIN_S:
        return Finding("ok", "clock right")
    side = "ahead" if seconds > 0 else "behind"
    return Finding(
        "warning", f"clock {span(abs(seconds))} {side}; is a time server in reach there?"
    )


def _amount(what: str, kib: str, least_mib: int) -> Finding:
    if not kib.isdecimal():
        return Finding("warning", f"{what} unknown")
    mib = int(kib) // 1024
    if mib < least_mib:
        return Finding("error", f"{what} {mib} MiB, at least {least_mib} needed")
    return Finding("warning" if mib < 4 * least_mib else "ok", f"{what} {mib} MiB")


def _temperature(millicelsius: str) -> list[Finding]:
    if not millicelsius.lstrip("-").isdecimal():
        return []
    celsius = int(millicelsius) / 1000
    level: Level = "error" if celsius >= _HOT_C else "warning" if celsius >= _WARM_C else "ok"
    return [Finding(level, f"{celsius:.0f} °C")]


def _throttling(answer: str | None) -> list[Finding]:
    """Args: the last line of `vcgencmd get_throttled`; None: no such program."""
    if answer is None:
        return []
    told = throttling.parse(answer)
    if told is None:
        return [Finding("warning", f"throttling {throttling.unknown(answer)}")]
    if told.now:
        return [Finding("error", f"{', '.join(told.now)} now: times would be wrong")]
    since = told.since_boot
    return [Finding("warning", f"{', '.join(since)} since boot")] if since else []


def _governor(governor: str) -> list[Finding]:
    if not governor:
        return []
    steady = governor == "performance"
    return [Finding("ok" if steady else "warning", f"clock governor {governor}")]
