"""Who we are to a host: keys in the order of `ssh`, and what kept them from being taken.

The order: the inventory's key; the agent's keys that IdentityFile names; the agent's others, unless
IdentitiesOnly; the keys in files that are not in the agent. Never a password. An agent's key is known
to be a file's by the file's public half, so that an encrypted file stands for its key in the agent. A file of
ours that others may read or change is no key; if it is the inventory's, no other is offered.
"""

from __future__ import annotations

import base64
import os
import shlex
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from paramiko import AuthenticationException, BadAuthenticationType, SSHException
from paramiko.agent import AgentSSH
from paramiko.auth_strategy import AuthFailure, AuthSource, AuthStrategy, NoneAuth
from paramiko.message import Message
from paramiko.pkey import PKey, UnknownKeyType

from edgebnn.farm.address import Address

AGENT_TIMEOUT_S = 20


class Keys(AuthStrategy):  # type: ignore[misc] # paramiko has no types
    """Offers an address's keys, one after the other."""

    def __init__(self, address: Address) -> None:
        super().__init__(ssh_config=None)
        self._address = address
        self._unusable: list[str] = []
        self._too_open: set[Path] = set()
        self._offered = 0
        self._transport: Any = None

    def authenticate(self, transport: Any) -> Any:
        """Lets us in, or raises paramiko's AuthFailure; `causes` has the reasons then."""
        self._transport = transport
        return super().authenticate(transport)

    def get_sources(self) -> Iterator[AuthSource]:
        """The ways in, in order, while the host listens."""
        user = self._address.user
        yield NoneAuth(user)  # some hosts know us by the network; the others say what they want
        agent = _Agent(self._address.agent)
        try:
            for title, key in self._keys(agent):
                if not self._transport.is_active():
                    return
                self._offered += 1
                yield _Offer(user, title, key)
        finally:
            agent.close()

    def _keys(self, agent: _Agent) -> Iterator[tuple[str, PKey]]:
        address = self._address
        held = {key.blob: key for key in agent.get_keys()}
        if address.own_key:
            yield from self._own(address.own_key, held)
            if address.own_key in self._too_open:
                return  # the user chose it: another would hide what is to be mended
        for file in address.identity_files:
            if Path(f"{file}-cert.pub").exists():
                yield from self._of_file(file)
        in_files = {blob for file in address.identity_files for blob in _public(file)}
        for named in (True, False):
            for blob, key in held.items():
                if (blob in in_files) == named and (named or not address.only_these_keys):
                    yield "the agent's", key
        for file in address.identity_files:
            if not held.keys() & _public(file) and not Path(f"{file}-cert.pub").exists():
                yield from self._of_file(file)

    def _own(self, file: Path, held: dict[bytes, PKey]) -> Iterator[tuple[str, PKey]]:
        taken = held.keys() & _public(file)
        for blob in taken:
            yield "the agent's", held.pop(blob)
        if not taken:
            yield from self._of_file(file, missing="no such file")

    def _of_file(self, file: Path, missing: str = "") -> Iterator[tuple[str, PKey]]:
        """A private key in a file; what cannot be used is noted."""
        key = None
        reason = ""
        try:
            key = PKey.from_path(file)
            if reason := _too_open(file):
                self._too_open.add(file)
        except FileNotFoundError:
            reason = missing
        except OSError as error:
            reason = error.strerror or str(error)
        except TypeError:  # that is how it says so
            reason = f"the key is encrypted: ssh-add {file}"
        except (ValueError, UnknownKeyType, SSHException):
            reason = "not a private key of type RSA, ECDSA or Ed25519"
            if _public(file):
                reason = "the agent does not hold this key"
        if reason:
            self._unusable.append(f"{file}: {reason}")
        elif key:
            yield str(file), key

    def causes(self, failure: AuthFailure) -> str:
        """Why nothing was taken, and what to do about it."""
        address = self._address
        copy = f"ssh-copy-id -p {address.port} {address.user}@{address.host}"
        unusable = "; ".join(self._unusable)
        if told := self._told([result for _, result in failure.result]):
            return told + (f"; {unusable}" if unusable else "")
        if self._offered:
            offers = ", ".join(
                f"{source.title} {source.pkey.get_name()} {source.pkey.fingerprint}"
                for source, _ in failure.result
                if isinstance(source, _Offer)
            )
            passed_over = f"not tried: {unusable}; " if unusable else ""
            return (
                f"refused our key ({offers}); {passed_over}give the account your public key: {copy}"
            )
        if unusable:
            return f"no key to show: {unusable}"
        looked = ", ".join(map(str, address.identity_files))
        return (
            f"no key to show: none in the agent, none in {looked or 'files'}; make one with "
            f"ssh-keygen, then give it to the account: {copy}"
        )

    def _told(self, results: list[Any]) -> str:
        """What the host itself gave as its reason; empty if it took no key and said no more."""
        for result in results:
            if isinstance(result, _MoreWanted):
                return str(result)
            if "timeout" in str(result):
                return "gave no answer to our key; is it very busy?"
            if (
                isinstance(result, BadAuthenticationType)
                and "publickey" not in result.allowed_types
            ):
                wanted = " or ".join(result.allowed_types)
                return f"lets nobody in by key, only by {wanted}; allow PubkeyAuthentication there"
        if self._offered and not self._transport.is_active():
            return (
                f"ended the talk after {self._offered} keys: too many in the agent? Name the right "
                f"one: identity_file in the inventory, or IdentityFile and IdentitiesOnly yes in "
                f"~/.ssh/config"
            )
        return ""


class _MoreWanted(AuthenticationException):  # type: ignore[misc]
    """A key was taken and something else is asked for."""


class _Offer(AuthSource):  # type: ignore[misc]
    """One key."""

    def __init__(self, username: str, title: str, pkey: PKey) -> None:
        super().__init__(username)
        self.title = title
        self.pkey = pkey

    def authenticate(self, transport: Any) -> list[str]:
        """Raises unless it is enough."""
        more: list[str] = transport.auth_publickey(self.username, self.pkey)
        if more:
            raise _MoreWanted(f"took our key and asks for more ({', '.join(more)}): not supported")
        return more


class _Agent(AgentSSH):  # type: ignore[misc]
    """The keys of an agent at a socket; none if there is no agent."""

    def __init__(self, where: str) -> None:
        super().__init__()
        if not where:
            return
        talk = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        talk.settimeout(AGENT_TIMEOUT_S)
        try:
            talk.connect(where)
            self._connect(talk)
        except (OSError, SSHException):
            talk.close()
            self._conn = None

    def close(self) -> None:
        """Ends the talk with it."""
        self._close()


def _too_open(file: Path) -> str:
    """What is wrong with the permissions of our own private key, as `ssh` judges them; empty if nothing is."""
    status = file.stat()
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid == os.getuid() and mode & 0o077:
        return f"permissions {mode:04o} are too open: chmod 600 {shlex.quote(str(file))}"
    return ""


def _public(file: Path) -> set[bytes]:
    """The public halves that a key file and the .pub beside it show; empty if there is none."""
    return {blob for path in (file, Path(f"{file}.pub")) if (blob := _public_half(path))}


def _public_half(path: Path) -> bytes:
    """The key of a public file, or of an OpenSSH private one, which shows it even if encrypted."""
    try:
        words = path.read_bytes().split()
        if words and words[0].startswith((b"ssh-", b"ecdsa-", b"sk-")):
            return base64.b64decode(words[1])
        body = base64.b64decode(b"".join(words[4:-4]))  # between the lines BEGIN and END
    except (OSError, ValueError, IndexError):
        return b""
    magic = b"openssh-key-v1\0"
    if not body.startswith(magic):
        return b""
    message = Message(body[len(magic) :])
    for _ in range(3):  # cipher, key derivation, its options
        message.get_binary()
    return message.get_binary() if message.get_int() == 1 else b""
