"""Files from their official addresses, verified and kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edgebnn.errors import InfrastructureError

CHUNK = 1 << 18
"""Bytes between two reports of progress."""
TIMEOUT_S = 30
"""Of silence, until an address counts as unreachable."""


class Progress(Protocol):
    """What hears of a download, as pooch tells it: `total`, then `update` for each part."""

    total: int
    """Bytes in all; 0 if the server does not say."""

    def update(self, n: int) -> object:
        """So many bytes more."""

    def reset(self) -> object:
        """Begins again from 0 (pooch does so at the end, before it tells all bytes at once)."""

    def close(self) -> object:
        """The download is complete."""


@dataclass(frozen=True)
class Download:
    """A file: where it is, and the SHA-256 of what it holds."""

    url: str
    sha256: str

    @property
    def name(self) -> str:
        """The file's own name: the end of its address."""
        return self.url.rpartition("/")[2]

    def fetch(self, folder: Path, advice: str, progress: Progress | None = None) -> Path:
        """The file in a folder, verified: from an earlier download, or downloaded.

        Args:
            folder: made if need be.
            advice: what a user without this address can do, for messages.
            progress: hears of a download.

        Raises:
            InfrastructureError: unreachable, not the right content, or the disk refuses.
        """
        import logging

        import pooch
        import requests

        pooch.get_logger().setLevel(logging.WARNING)
        downloader = pooch.HTTPDownloader(
            progressbar=progress or False, chunk_size=CHUNK, timeout=TIMEOUT_S
        )
        try:
            return Path(
                pooch.retrieve(
                    self.url, f"sha256:{self.sha256}", self.name, folder, downloader=downloader
                )
            )
        except (requests.RequestException, TypeError) as error:  # a proxy without a host: TypeError
            raise InfrastructureError(f"{self.url} cannot be reached ({error}); {advice}") from None
        except ValueError as error:  # of pooch: another checksum, with what was found and expected
            raise InfrastructureError(f"{self.url}: {error} {advice}") from None
        except OSError as error:
            raise InfrastructureError(
                f"{folder / self.name}: cannot be written: {error.strerror}"
            ) from None
