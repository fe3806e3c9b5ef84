"""Airflow with the sandbox and a throwaway PostgreSQL, for `make airflow`."""

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

DAGS = demo.ROOT / "examples" / "airflow"
AIRFLOW = demo.ROOT / ".cache" / "airflow" / "bin" / "airflow"
HOME = demo.ROOT / ".cache" / "airflow-home"
INSTANCE = (("db", "migrate"), ("pools", "import", DAGS / "pools.json"))
"""Commands that create Airflow's database and the pool."""

STANDALONE = """
import signal
from airflow.__main__ import main
signal.signal(signal.SIGTERM, signal.default_int_handler)
main()
"""
"""`airflow standalone` stops its parts on Ctrl-C, but would leave them on SIGTERM."""


def variables(api_url: str, database: str, home: Path) -> dict[str, str]:
    """Return the environment in which Airflow reads the sandbox.

    Args:
        api_url: Address of the sandbox.
        database: Address that `demo.postgres` yielded.
        home: Folder of the Airflow instance.
    """
    variables = demo.variables(api_url, database)
    # Meltano is in this environment, and `airflow` starts itself by its name.
    programs = (Path(sys.executable).parent, AIRFLOW.parent)
    return {
        **variables,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        # No login: only this machine can open the page.
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "MELTANO_STATE_BACKEND_URI": f"file://{home}/state",
        "PATH": os.pathsep.join([*map(str, programs), variables["PATH"]]),
    }


def serve() -> int:
    """Start everything; return Airflow's exit code once it has stopped."""
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    app = create_app(Dataset(campaigns=demo.CAMPAIGNS, seed=1), Access(Credentials()))
    with running(app) as api_url, demo.postgres() as database:
        if code := demo.meltano("install", api_url=api_url, database=database):
            return code
        environment = variables(api_url, database, HOME)
        # An address from the user may contain a password.
        where = "DATABASE_URL" if "DATABASE_URL" in os.environ else database
        print(f"PostgreSQL: {where}, schema {demo.SCHEMA}", flush=True)
        standalone = (AIRFLOW.with_name("python"), "-c", STANDALONE, "standalone")
        for command in (*((AIRFLOW, *each) for each in INSTANCE), standalone):
            if code := demo.run(*command, folder=HOME, environment=environment):
                break
        return code


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, demo.stop)
    signal.signal(signal.SIGINT, demo.stop)
    sys.exit(serve())
