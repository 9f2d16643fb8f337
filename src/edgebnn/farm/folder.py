"""A job's folder on a device: made ready, with nothing of an earlier attempt but what this one may go on from."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from edgebnn.farm.connection import Host
from edgebnn.farm.transfer import put
from edgebnn.record import file_sha256

# $1: the folder, $2: a space, and names that may stay, if the link $3 is to $4 already; then, in pairs, all
# names and what they link to.
_CLEAR = """
mkdir -p "$1" && cd "./$1" || exit
keep=$2
test "$(readlink "$3")" = "$4" || keep=
for file in * .[!.]*; do
  case "$keep " in
    *" $file "*) ;;
    *) rm -rf "./$file" || exit ;;
  esac
done
shift 2
while test $# -gt 0; do
  ln -sf "$2" "$1" || exit
  shift 2
done
"""


def make_folder(
    host: Host,
    folder: str,
    links: Mapping[str, str],
    texts: Mapping[str, str],
    keep: tuple[str, ...] = (),
) -> None:
    """Clears a folder and fills it.

    Args:
        folder: under the device's HOME, three levels deep.
        links: name -> path of a stored file, under HOME; the first makes what may be kept.
        texts: name -> text of files, written in this order.
        keep: names that stay, if the first link is the same as before.

    Raises:
        InfrastructureError: something cannot be written there, or the connection dropped.
    """
    up = "../" * len(Path(folder).parts)
    words = [word for name, path in links.items() for word in (name, f"{up}{path}")]
    kept = "".join(f" {name}" for name in keep)
    host.run(["sh", "-c", _CLEAR, "sh", folder, kept, *words])
    write_texts(host, folder, texts)


def write_texts(host: Host, folder: str, texts: Mapping[str, str]) -> None:
    """Writes small files, one by one.

    Raises:
        InfrastructureError: one cannot be written there, or the connection dropped.
    """
    with tempfile.TemporaryDirectory(prefix="edgebnn-") as temporary:
        for name, text in texts.items():
            local = Path(temporary) / name
            local.write_text(text)
            put(host, local, f"{folder}/{name}", file_sha256(local))
