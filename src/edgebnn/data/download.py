"""Files from their official addresses, verified and kept."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgebnn.errors import InfrastructureError
from edgebnn.record import atomic_write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CHUNK = 1 << 18
"""Bytes between two reports of progress."""


@dataclass(frozen=True)
class Download:
    """A file: where it is, and the SHA-256 of what it holds."""

    url: str
    sha256: str

    @property
    def name(self) -> str:
        """The file's own name: the end of its address."""
        return self.url.rpartition("/")[2]

    def fetch(self, folder: Path, advice: str, progress: Callable[[int, int | None], None]) -> Path:
        """The file in a folder, downloaded and verified unless it is there.

        Args:
            folder: made if need be.
            advice: what a user without this address can do, for messages.
            progress: called with (bytes so far, bytes in all or None).

        Raises:
            InfrastructureError: unreachable, not the right content, or the disk refuses.
        """
        import urllib.error
        import urllib.request

        path = folder / self.name
        if path.exists():
            return path
        digest, done = hashlib.sha256(), 0
        try:
            with (
                urllib.request.urlopen(self.url, timeout=30) as response,
                atomic_write(path) as file,
            ):
                total = int(response.headers.get("Content-Length") or 0) or None
                while chunk := response.read(CHUNK):
                    file.write(chunk)
                    digest.update(chunk)
                    done += len(chunk)
                    progress(done, total)
                if digest.hexdigest() != self.sha256:
                    raise InfrastructureError(
                        f"{self.url}: SHA-256 {digest.hexdigest()}, expected {self.sha256}; "
                        f"nothing was kept; {advice}"
                    )
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            reason = getattr(error, "reason", error)
            raise InfrastructureError(
                f"{self.url} cannot be reached ({reason}); {advice}"
            ) from None
        return path
