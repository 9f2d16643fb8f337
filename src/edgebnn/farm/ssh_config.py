"""What `ssh` would know of a host: ~/.ssh/config, then the system's file, with what they include.

paramiko reads the language and chooses among Host and Match; it knows no Include, and of a bad line it
does not say where it is. So the lines are laid out here first: each Include is replaced by its files.
"""

from __future__ import annotations

import getpass
import glob
import os
import re
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgebnn.errors import ConfigError

SYSTEM = Path("/etc/ssh/ssh_config")
_DEEPEST = 16
_LINE = re.compile(r"(\w+)(?:\s*=\s*|\s+)(\S.*)")
_WORDS_ALONE = ("proxycommand", "localcommand", "match")
"""Keys whose value is the whole rest of the line: a # in there is no remark."""
_PROBE = "xedgebnnprobe"


def options(host: str) -> Mapping[str, object]:
    """The options of a host (or an alias), keys in small letters, in the order of their first mention.

    Raises:
        ConfigError: a file that cannot be read, or a line that cannot be understood, with its place.
    """
    expanded = _Expanded(host)
    for file in (_user_file(), SYSTEM):
        expanded.add_file(file, file.parent)
        expanded.open("Host *")
    return expanded.options(str(_user_file()))


def home() -> Path:
    """The user's home; a folder that is not there for an account that has none."""
    try:
        return Path.home()
    except RuntimeError:
        return Path("/nonexistent")


def _user_file() -> Path:
    return home() / ".ssh" / "config"


class _Expanded:
    """The lines of all files, as far as they can be of this host."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._lines: list[str] = []
        self._block = "Host *"
        self._place = ""

    def open(self, block: str) -> None:
        """Begins a Host or Match block."""
        self._block = block
        self._lines.append(block)

    def add_file(self, file: Path, folder: Path, depth: int = 0) -> None:
        """A file's lines; names that it includes are relative to `folder`."""
        if depth > _DEEPEST:
            raise ConfigError(f"{file}: more than {_DEEPEST} files include each other: a circle?")
        try:
            text = file.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{file}: {getattr(error, 'strerror', None) or error}") from None
        for number, line in enumerate(text.splitlines(), 1):
            self._place = f"{file}, line {number}"
            self._add_line(line.strip(), folder, depth)

    def _add_line(self, line: str, folder: Path, depth: int) -> None:
        if not line or line.startswith("#"):
            return
        match = _LINE.fullmatch(line)
        if not match:
            raise ConfigError(f"{self._place}: '{line}' is no keyword with its value")
        key, value = match[1].lower(), match[2]
        if key not in _WORDS_ALONE:
            value = re.sub(r"""\s#[^"']*$""", "", value).rstrip()
        if key == "port" and not (value.isdecimal() and 0 < int(value) < 65536):
            raise ConfigError(f"{self._place}: Port '{value}'; a number from 1 to 65535 is allowed")
        if key == "match":
            value = self._decided(value)
        if key in ("host", "match"):
            self.open(f"{key} {value}")
            self._parse(self._place, self._block)
        elif key == "include":
            self._include(value, folder, depth)
        else:
            self._lines.append(f"{key} {value}")

    def _decided(self, criteria: str) -> str:
        """The criteria of a Match with each `exec` replaced by what its command said.

        paramiko would run it with our own standard input.
        """
        try:
            words = shlex.split(criteria)
        except ValueError as error:
            raise ConfigError(f"{self._place}: Match {criteria}: {error}") from None
        for place, word in enumerate(words[:-1]):
            if word.lower() in ("exec", "!exec"):
                words[place] = word.lower().replace("exec", "localuser")
                words[place + 1] = "*" if self._succeeds(words[place + 1]) else "!*"
        return shlex.join(words)

    def _succeeds(self, command: str) -> bool:
        known: Mapping[str, Any] = self.options(self._place)
        tokens = {
            "%%": "%",
            "%d": str(home()),
            "%h": known["hostname"],
            "%n": self._host,
            "%p": known.get("port", "22"),
            "%r": known.get("user") or own_name(),
            "%u": own_name(),
        }
        command = re.sub("%.", lambda found: tokens.get(found[0], found[0]), command)
        argv = ["/bin/sh", "-c", command]
        quiet = subprocess.DEVNULL
        return subprocess.run(argv, stdin=quiet, stdout=quiet, check=False).returncode == 0

    def _include(self, value: str, folder: Path, depth: int) -> None:
        try:
            patterns = shlex.split(value)
        except ValueError as error:
            raise ConfigError(f"{self._place}: Include {value}: {error}") from None
        place, block = self._place, self._block
        if not self._applies():
            return
        for pattern in patterns:
            for file in sorted(glob.glob(str(folder / os.path.expanduser(pattern)))):  # noqa: PTH111, PTH207 - a pattern from the root, or of a home unknown
                self.add_file(Path(file), folder, depth + 1)
        self._place = place
        self.open(block)

    def _applies(self) -> bool:
        """True if lines here are for the host."""
        self._lines.append(f"{_PROBE} yes")
        applies = _PROBE in self.options(self._place)
        self._lines.pop()
        return applies

    def options(self, place: str) -> Mapping[str, object]:
        """What the lines so far say about the host; `place` is for messages."""
        config = self._parse(place, *self._lines)
        try:
            options: Mapping[str, object] = config.lookup(self._host)
        except (KeyError, OSError, ValueError) as error:
            if "uid" in str(error):
                own_name()
            raise ConfigError(f"{place}: {error}") from None
        return options

    @staticmethod
    def _parse(place: str, *lines: str) -> Any:
        import paramiko

        try:
            return paramiko.SSHConfig.from_text("\n".join(lines) + "\n")
        except (paramiko.ConfigParseError, ValueError) as error:
            raise ConfigError(f"{place}: {error}") from None


def own_name() -> str:
    """The name of the account that runs this; raises ConfigError if it has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise ConfigError(
            f"this account has a number ({os.getuid()}) and no name: set the variable USER"
        ) from None
