"""Runs Dagster with the sandbox and PostgreSQL. Run by `make dagster`."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

import demo

from tap_kayzen.sandbox.access import Access, Credentials
from tap_kayzen.sandbox.app import create_app
from tap_kayzen.sandbox.data import Dataset
from tap_kayzen.sandbox.server import running

DEFINITIONS = demo.ROOT / "examples" / "dagster" / "definitions.py"
DAGSTER = demo.ROOT / ".cache" / "dagster" / "bin" / "dagster"
HOME = demo.ROOT / ".cache" / "dagster-home"


def variables(api_url: str, database: str, home: Path) -> dict[str, str]:
    """Create a Dagster instance; return the environment variables for the sandbox.

    Args:
        api_url: URL of the sandbox.
        database: URL of the database, from `demo.postgres`.
        home: Folder to create for the instance.
    """
    home.mkdir(parents=True)
    shutil.copy(DEFINITIONS.with_name("dagster.yaml"), home)
    variables = demo.variables(api_url, database)
    return {
        **variables,
        "DAGSTER_HOME": str(home),
        "MELTANO_STATE_BACKEND_URI": f"file://{home}/state",
        "PATH": f"{Path(sys.executable).parent}:{variables['PATH']}",
    }


def serve() -> int:
    """Run Dagster until it exits; return its exit code."""
    shutil.rmtree(HOME, ignore_errors=True)
    app = create_app(Dataset(campaigns=demo.CAMPAIGNS, seed=1), Access(Credentials()))
    with running(app) as api_url, demo.postgres() as database:
        if code := demo.meltano("install", api_url=api_url, database=database):
            return code
        environment = variables(api_url, database, HOME)
        # Do not print DATABASE_URL, which may contain a password.
        where = "DATABASE_URL" if "DATABASE_URL" in os.environ else database
        print(f"PostgreSQL: {where}, schema {demo.SCHEMA}", flush=True)
        return demo.run(
            DAGSTER,
            *("dev", "-f", DEFINITIONS, "-h", "127.0.0.1"),
            folder=HOME,
            environment=environment,
        )


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, demo.stop)
    signal.signal(signal.SIGINT, demo.stop)
    sys.exit(serve())
