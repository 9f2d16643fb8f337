"""Notes the memory over time of a short training in plain Keras: a run of its own, for watching slows it down.

This file is sent to a device beside keras_train.py, whose rules it keeps, and needs memray there. It watches
what is allocated from the building of the network to the last batch, TensorFlow itself being loaded before.

    python keras_profile.py --job job.json --data data.ebd --batches 3 --output memory.csv

Exit statuses: 0, and else 66, this Python has no memray, or those of keras_train.py.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import tempfile
from pathlib import Path

NO_MEMRAY = 66
INTERVAL_MS = 20


def main(arguments: list[str]) -> int:
    """Trains and writes the file; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="keras_profile", description="note Keras' memory over time"
    )
    for option in ("job", "data", "output"):
        parser.add_argument(f"--{option}", required=True)
    parser.add_argument("--batches", type=int, required=True)
    options = parser.parse_args(arguments)
    try:
        import memray
    except ImportError as error:
        print(f"keras_profile: {error}", file=sys.stderr)
        return NO_MEMRAY
    sys.path.insert(0, str(Path.cwd()))  # on a device both files are links to a store
    keras_train = importlib.import_module("keras_train")
    job = json.loads(Path(options.job).read_text())
    job = {**job, "batches": options.batches, "epochs": None}
    tf = keras_train.load(job["threads"])
    data = keras_train.open_data(options.data)
    with tempfile.TemporaryDirectory(dir=".") as folder:
        capture = Path(folder) / "capture.bin"
        with memray.Tracker(capture, memory_interval_ms=INTERVAL_MS):
            keras_train.train(tf, job, data, os.devnull)
        with memray.FileReader(capture) as reader:
            snapshots = list(reader.get_memory_snapshots())
            peak = reader.metadata.peak_memory
    begin = snapshots[0].time
    lines = [f"{(s.time - begin) / 1000:.3f},{s.heap},{s.rss}\n" for s in snapshots]
    Path(options.output).write_text("".join(["seconds,heap_bytes,resident_bytes\n", *lines]))
    print(json.dumps({"event": "profile", "heap_peak_bytes": peak}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
