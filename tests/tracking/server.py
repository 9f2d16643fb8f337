"""MLflow's own server, and a PostgreSQL of its own behind it: ordinary processes on loopback, ended by pid."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

DEBIANS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
"""Debian has the server's programs outside the PATH."""
PG_CTL = shutil.which("pg_ctl", path=os.pathsep.join([*map(str, DEBIANS), os.environ["PATH"]]))


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def mlflow_server(
    folder: Path,
    store: str,
    *options: str,
    port: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """The address of a server that answers; it ends with the block, and all that it started.

    Args:
        folder: for its artifacts and its log.
        store: the address of its database.
        options: more of `mlflow server`'s.
        port: None for any.
        environment: more variables for it.
    """
    port = port or free_port()
    command = [
        sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store,
        "--artifacts-destination", str(folder / "artifacts"), "--workers", "1",
        "--host", "127.0.0.1", "--port", str(port), *options,
    ]  # fmt: skip
    variables = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    log = folder / "server.log"
    with log.open("ab") as said:
        server = subprocess.Popen(
            command,
            stdout=said,
            stderr=said,
            cwd=folder,
            env={**os.environ, **variables, **(environment or {})},
            start_new_session=True,
        )
    try:
        _wait_until_it_answers(f"http://127.0.0.1:{port}", server, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGKILL)  # its workers outlive a SIGTERM to it alone
        server.wait()


def _wait_until_it_answers(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        try:
            with urlopen(f"{address}/health", timeout=5) as answer:
                assert answer.status == 200
                return
        except OSError:
            assert server.poll() is None, log.read_text()
            time.sleep(0.2)
    raise AssertionError(f"no answer\n{log.read_text()}")


@contextmanager
def postgresql() -> Iterator[str]:
    """The address of an empty database in a cluster that ends, and is deleted, with the block."""
    assert PG_CTL is not None
    port = free_port()
    # No root may run it, and no other user may look into pytest's folders.
    user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="edgebnn-") as folder:
        if user:
            os.chown(folder, *pwd.getpwnam("postgres")[2:4])

        def run(*arguments: str) -> None:
            command = [PG_CTL, "-D", f"{folder}/data", "-s", *arguments]
            with Path(folder, "out").open("ab") as out:  # which the server keeps open
                status = subprocess.run(
                    command, check=False, stdout=out, stderr=out, cwd="/", **user
                ).returncode
            assert status == 0, "\n".join(
                path.read_text() for name in ("out", "log") if (path := Path(folder, name)).exists()
            )

        run("init", "-o", "-A trust -U edgebnn --no-sync")
        run("start", "-w", "-l", f"{folder}/log", "-o", f"-h 127.0.0.1 -p {port} -k {folder} -F")
        try:
            yield f"postgresql://edgebnn@127.0.0.1:{port}/postgres"
        finally:
            run("stop", "-w", "-m", "immediate")
