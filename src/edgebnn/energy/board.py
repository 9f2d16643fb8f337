"""What a meter asks of a board before a job: what lies in a folder of sysfs, and what its files say."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgebnn.energy.meter import Ask


@dataclass(frozen=True)
class Said:
    """What reading a file gave."""

    text: str
    """Its text, or why it cannot be read."""
    read: bool


def entries(ask: Ask, root: str, pattern: str) -> dict[str, tuple[str, ...]]:
    """The folders `root/pattern` of a board, by path, each with the names of what lies in it."""
    script = f"""
for folder in {shlex.quote(root)}/{pattern}; do
  test -d "$folder" || continue
  printf '%s' "$folder"
  for file in "$folder"/*; do printf '\\t%s' "${{file##*/}}"; done
  echo
done
"""
    rows = [line.split("\t") for line in ask(script).splitlines() if line]
    return {folder: tuple(files) for folder, *files in rows}


def target(ask: Ask, links: Sequence[str]) -> dict[str, str]:
    """Of each link of a board, the last part of the path that it leads to; empty if it leads nowhere."""
    words = " ".join(map(shlex.quote, links))
    script = f'for link in {words}; do printf "to %s\\n" "$(readlink -f "$link")"; done'
    lines = ask(script).splitlines() if links else []
    return {link: line.rpartition("/")[2] for link, line in zip(links, lines, strict=True)}


def read(ask: Ask, files: Mapping[str, str]) -> dict[str, Said]:
    """What each file of a board says now, its first line alone.

    Args:
        files: name -> path on the board.
    """
    words = " ".join(map(shlex.quote, files.values()))
    script = f"""
for file in {words}; do
  if text=$(cat "$file" 2>&1); then how=read; else how=failed text=${{text##*: }}; fi
  printf '%s %s\n' "$how" "$text" | head -n 1
done
"""
    lines = ask(script).splitlines() if files else []
    said = {}
    for name, line in zip(files, lines, strict=True):
        how, _, text = line.partition(" ")
        said[name] = Said(text.strip(), how == "read")
    return said
