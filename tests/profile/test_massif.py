"""Massif's file is read, and what valgrind cannot do is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebnn.profile.massif import read_massif, run_massif
from edgebnn.profile.watched import Job

RECORDED = """\
desc: --pages-as-heap=yes --time-unit=i --depth=1 --massif-out-file=massif.out
cmd: edgebnn-train --run run.run --data few.ebd --steps 1 --threads 1
time_unit: i
#-----------
snapshot=0
#-----------
time=0
mem_heap_B=270336
mem_heap_extra_B=0
mem_stacks_B=0
heap_tree=empty
#-----------
snapshot=1
#-----------
time=1093428
mem_heap_B=2916352
mem_heap_extra_B=16
mem_stacks_B=0
heap_tree=peak
n0: 2916352 (page allocation syscalls) mmap/mremap/brk, --alloc-fns, etc.
#-----------
snapshot=2
#-----------
time=119793221
mem_heap_B=1007616
mem_heap_extra_B=0
mem_stacks_B=0
heap_tree=empty
"""


def test_a_recorded_file() -> None:
    assert read_massif(RECORDED) == ((0, 270336), (1093428, 2916368), (119793221, 1007616))


def test_a_file_of_something_else() -> None:
    assert read_massif("") == read_massif("time=3\nno snapshot\n") == ()


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo '==1== unhandled instruction' >&2; exit 132", "status 132: ==1== unhandled instr"),
        ("exit 3", "status 3: no word"),
        ("exit 0", "status 0: no word"),
        ("for word; do f=${word#--massif-out-file=}; test $f = $word || echo > $f; done", "no snapshot"),
    ],
    ids=["crash", "silent", "no file", "empty"],
)  # fmt: skip
def test_a_valgrind_that_fails_is_no_failure(
    script: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    valgrind = tmp_path / "valgrind"
    valgrind.write_text(f"#!/bin/sh\n{script}\n")
    valgrind.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = run_massif(Job(Path("trainer"), Path("run"), Path("data"), None, 1, None), tmp_path)
    assert found.snapshots == ()
    assert found.note.startswith("absent: ")
    assert said in found.note
