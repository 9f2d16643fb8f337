"""A real Slurm of one machine: munged, slurmctld and slurmd as ordinary processes, ended by pid."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

CONFIGURATION = Path("/etc/slurm/slurm.conf")
"""The one place where a job's own srun looks."""
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "sinfo")


def missing() -> str:
    """Why there can be no Slurm of our own here; empty if there can."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        return f"{', '.join(absent)} not on the PATH (Debian: slurm-wlm, munge)"
    if os.getuid() != 0:
        return "slurmd wants root"
    return f"{CONFIGURATION} is there: a Slurm of another's" if CONFIGURATION.exists() else ""


@contextmanager
def slurm(folder: Path, cores: int, memory_mib: int) -> Iterator[None]:
    """A cluster of this machine, from its first idle node on to the end of the block."""
    host = socket.gethostname().partition(".")[0]
    key, munge = folder / "munge.key", folder / "munge.socket"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    ports = [_free_port() for _ in range(2)]
    settings = {
        "ClusterName": "local", "SlurmctldHost": f"{host}(127.0.0.1)",
        "SlurmctldPort": ports[0], "SlurmdPort": ports[1],
        "SlurmUser": "root", "SlurmdUser": "root",
        "AuthType": "auth/munge", "AuthInfo": f"socket={munge}", "CredType": "cred/munge",
        "StateSaveLocation": folder / "state", "SlurmdSpoolDir": folder / "spool",
        "SlurmctldPidFile": folder / "slurmctld.pid", "SlurmdPidFile": folder / "slurmd.pid",
        "ProctrackType": "proctrack/linuxproc", "TaskPlugin": "task/none", "MpiDefault": "none",
        "SelectType": "select/cons_tres", "SelectTypeParameters": "CR_Core",
        "AccountingStorageType": "accounting_storage/none", "JobAcctGatherType": "jobacct_gather/none",
        "ReturnToService": 2,
    }  # fmt: skip
    lines = [f"{name}={value}" for name, value in settings.items()]
    lines += [
        f"NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={memory_mib}",
        "PartitionName=debug Nodes=ALL Default=YES State=UP",
    ]
    for name in ("state", "spool"):
        (folder / name).mkdir()
    with ExitStack() as stack:
        CONFIGURATION.write_text("\n".join(lines) + "\n")
        stack.callback(CONFIGURATION.unlink)
        for command in (
            ["munged", "-F", "--force", f"--key-file={key}", f"--socket={munge}",
             f"--pid-file={folder / 'munged.pid'}", f"--log-file={folder / 'munged.log'}",
             f"--seed-file={folder / 'munged.seed'}"],
            ["slurmctld", "-D"],
            ["slurmd", "-D", "-N", host],
        ):  # fmt: skip
            log = stack.enter_context((folder / f"{command[0]}.out").open("wb"))
            process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
            stack.callback(_end, process)
        _wait_for_a_node(folder)
        yield


def _wait_for_a_node(folder: Path) -> None:
    for _ in range(300):
        done = subprocess.run(
            ["sinfo", "-h", "-o", "%T"], check=False, capture_output=True, text=True
        )
        if done.stdout.strip() == "idle":
            return
        time.sleep(0.2)
    logs = "\n".join(path.read_text(errors="replace")[-800:] for path in folder.glob("*.out"))
    raise AssertionError(f"no idle node: {done.stdout} {done.stderr}\n{logs}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
