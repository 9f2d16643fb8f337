"""The five files that the trainer reads, made up by libFuzzer: read, or refused by name."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "rpi" / "fuzz" / "corpus"
CLANG = "clang++-19"
SECONDS = 20
APART = ["sh", "-c", '"$@" & wait $!', "sh"]
"""A process whose largest memory is its own: one that is started inherits the figure of its starter."""
LIMITS = ["-timeout=60", "-rss_limit_mb=512", "-malloc_limit_mb=512", "-max_len=4096"]


def test_each_fuzzer_has_seeds() -> None:
    fuzzers = {path.stem for path in CORPUS.parent.glob("*.cc")}
    assert {path.name for path in CORPUS.iterdir()} == fuzzers
    seeds = [seed for folder in CORPUS.iterdir() for seed in folder.iterdir()]
    assert len(seeds) >= 2 * len(fuzzers)
    assert max(seed.stat().st_size for seed in seeds) < 4096


@pytest.mark.slow
def test_fuzz(tmp_path: Path) -> None:
    """All at once: libFuzzer counts seconds, whoever else uses the cores."""
    if shutil.which(CLANG) is None:
        pytest.skip(f"{CLANG} is not installed")
    command = [sys.executable, "-m", "SCons", "-Q", "-C", "rpi", "SANITIZE=address", "fuzz"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"

    def fuzz(folder: Path) -> subprocess.CompletedProcess[str]:
        found = tmp_path / folder.name
        found.mkdir()
        fuzzer = ROOT / "build" / "address" / "fuzz" / folder.name
        options = [*LIMITS, f"-max_total_time={SECONDS}", "-seed=1"]
        return subprocess.run(
            [*APART, fuzzer, *options, f"-artifact_prefix={found}-", found, folder],
            cwd=tmp_path,
            env={**os.environ, "ASAN_OPTIONS": "quarantine_size_mb=64"},
            check=False,
            capture_output=True,
            text=True,
        )

    folders = sorted(CORPUS.iterdir())
    with ThreadPoolExecutor(len(folders)) as pool:
        for folder, done in zip(folders, pool.map(fuzz, folders), strict=True):
            assert done.returncode == 0, f"{folder.name}\n{done.stderr[-5000:]}"
