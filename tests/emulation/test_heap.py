"""Memory that was freed is kept for what comes next."""

import ctypes
import subprocess
import sys

import pytest

TAKEN_TEN_TIMES = """
import ctypes, resource, sys, threading
from edgebnn.emulation.heap import keep_freed_memory

if sys.argv[1] == "kept":
    keep_freed_memory()
libc = ctypes.CDLL(None)
libc.malloc.argtypes, libc.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
libc.free.argtypes, libc.free.restype = [ctypes.c_void_p], None
SIZE = 100 * 2**20  # more than a thread's heap of its own holds


def take():
    block = libc.malloc(SIZE)
    ctypes.memset(block, 1, SIZE)
    libc.free(block)


def faults_of_ten():
    take()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        take()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)


for target in (faults_of_ten, faults_of_ten):
    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="a C library without mallopt")
@pytest.mark.parametrize("kept", [True, False])
def test_pages_are_asked_for_once(kept):
    """By any thread; a block given back is faulted in anew, page by page."""
    command = [sys.executable, "-c", TAKEN_TEN_TIMES, "kept" if kept else "given back"]
    counts = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert len(counts) == 2
    for faults in map(int, counts):
        assert faults < 100 if kept else faults > 100, counts
