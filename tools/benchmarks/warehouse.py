"""Benchmarks loading from the API into PostgreSQL, with tap and loader together.

Run by `make bench-warehouse`. Writes warehouse.md and warehouse.svg in this folder, or
only prints the page if sizes are not the default. The contenders alternate.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import psycopg
import report
import run
import yaml
from postgres import backend_seconds, tcp_postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Command = Sequence[str | Path]

LOADER_BIN = run.ROOT / ".cache" / "targets" / "bin"
PAGE = run.HERE / "warehouse.md"
TEMPLATE = run.HERE / "warehouse_template.txt"
CHART = run.HERE / "warehouse.svg"
SCHEMA = "kayzen_bench"
CAMPAIGNS, REPORT = "campaigns", "campaign_performance"
LAST_DAY = date(2026, 10, 31)
SIZES = {"campaigns": 100_000, "reporting": 330, "days": 730, "repeats": 3}
LARGE = 1_000_000
FACTS = {
    CAMPAIGNS: (
        "count(*), count(DISTINCT id), round(sum(target_bid), 4), sum(day_budget),"
        " count(name), count(end_time), max(updated_at)::date"
    ),
    REPORT: (
        "count(*), count(DISTINCT (day, campaign_id)), round(sum(advertiser_spend), 4),"
        " round(sum(revenue_ltv), 4), sum(impressions), count(campaign_name), max(day)"
    ),
}
"""SQL expressions that must be equal in the tables of all contenders."""

TYPES = {
    "target_bid": {"numeric"},
    "advertiser_spend": {"numeric"},
    "impressions": {"bigint", "integer"},
    "updated_at": {"timestamp without time zone", "timestamp with time zone"},
    "creative_ids": {"jsonb", "ARRAY"},
    "is_active": {"boolean"},
    "day": {"date"},
}
"""Allowed types of columns."""

OURS = "tap-kayzen, meltano.yml"
DEFAULTS = "tap-kayzen, loader's defaults"
COPY = "tap-kayzen, `use_copy`"
BATCH = "tap-kayzen, BATCH"
TEMPLATE_DEFAULTS = "template tap, loader's defaults"
TEMPLATE_OURS = "template tap, meltano.yml"
DLT = "dlt, merge"
LOOP = "loop: requests + orjson + COPY"


@dataclass(frozen=True)
class Load:
    """Time and memory of one load.

    Attributes:
        wall: Elapsed time in seconds.
        tap_cpu: CPU seconds of the tap; 0 if it is the same process as the loader.
        loader_cpu: CPU seconds of the loader.
        server_cpu: CPU seconds of PostgreSQL's connections.
        rss: Peak resident memory of the larger process, in MB.
    """

    wall: float
    tap_cpu: float
    loader_cpu: float
    server_cpu: float
    rss: float


class Warehouse:
    """A PostgreSQL database, with commands that load a stream into it."""

    def __init__(self, folder: Path, url: str, postmaster: int) -> None:
        """Use a running database.

        Args:
            folder: Folder for files.
            url: URL of the database.
            postmaster: Process ID of the server.
        """
        self.folder = folder
        self.url = url
        self.postmaster = postmaster

    def loader(self, **settings: object) -> Command:
        """Return the command of target-postgres with additional settings."""
        _, _, rest = self.url.partition("://")
        path = self.folder / f"loader {len(list(self.folder.iterdir()))}.json"
        address = f"postgresql+psycopg://{rest}"
        plain = {"sqlalchemy_url": address, "default_target_schema": SCHEMA}
        path.write_text(json.dumps({**settings, **plain}), encoding="utf-8")
        return [LOADER_BIN / "target-postgres", "--config", path]

    def batch(self, path: Path) -> Path:
        """Write a config file with BATCH messages enabled."""
        files = Path(tempfile.mkdtemp(dir=self.folder))
        storage = {"root": f"file://{files}"}
        encoding = {"format": "jsonl", "compression": "gzip"}
        return run.at(path, batch_config={"encoding": encoding, "storage": storage})

    def contenders(self, path: Path, stream: str) -> dict[str, tuple[Command, ...]]:
        """Return the commands of each contender, to be piped into each other."""
        ours, template = run.tap(path, stream), [*run.template(path), stream]
        batch = run.tap(self.batch(path), stream)
        tuned, plain = self.loader(**tuned_settings()), self.loader()
        copy = self.loader(**tuned_settings(), use_copy=True)
        alone = [stream, self.url, SCHEMA]
        return {
            OURS: (ours, tuned),
            DEFAULTS: (ours, plain),
            COPY: (ours, copy),
            BATCH: (batch, tuned),
            TEMPLATE_DEFAULTS: (template, plain),
            TEMPLATE_OURS: (template, tuned),
            DLT: (run.peer("dlt_load.py", path, *alone),),
            LOOP: (run.peer("copy_loop.py", path, *alone),),
        }

    def load(self, commands: Sequence[Command]) -> Load:
        """Load into an empty schema.

        Raises:
            SystemExit: A process failed.
        """
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE".encode())
            connection.execute("CHECKPOINT")
        before = self._server_seconds()
        with ExitStack() as stack:
            errors = [stack.enter_context(tempfile.TemporaryFile()) for _ in commands]
            start = time.perf_counter()
            processes: list[subprocess.Popen[bytes]] = []
            for number, command in enumerate(commands):
                is_last = number == len(commands) - 1
                process = subprocess.Popen(
                    command,
                    stdin=processes[-1].stdout if processes else None,
                    stdout=subprocess.DEVNULL if is_last else subprocess.PIPE,
                    stderr=errors[number],
                )
                processes.append(process)
            for process in processes[:-1]:
                if process.stdout:
                    process.stdout.close()
            ends = [os.wait4(process.pid, 0) for process in processes]
            wall = time.perf_counter() - start
            for command, (_, status, _), said in zip(
                commands, ends, errors, strict=True
            ):
                if status:
                    said.seek(0)
                    sys.exit(f"{command} failed:\n{said.read().decode()[-2000:]}")
        cpu = [usage.ru_utime + usage.ru_stime for _, _, usage in ends]
        unit = 1 if sys.platform == "darwin" else 1024
        return Load(
            wall=wall,
            tap_cpu=sum(cpu[:-1]),
            loader_cpu=cpu[-1],
            server_cpu=self._server_seconds() - before,
            rss=max(usage.ru_maxrss for _, _, usage in ends) * unit / 1e6,
        )

    def _server_seconds(self) -> float:
        """Return the CPU seconds of all connections, after they have closed."""
        others = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        with psycopg.connect(self.url, autocommit=True) as connection:
            while (connection.execute(others).fetchone() or (0,))[0]:
                time.sleep(0.01)
        # The server must collect the processes first.
        time.sleep(0.2)
        return backend_seconds(self.postmaster)

    def facts(self, stream: str) -> tuple[Any, ...]:
        """Return the values of `FACTS` for the table of a stream.

        Raises:
            SystemExit: A column has a type that is not allowed.
        """
        with psycopg.connect(self.url) as connection:
            columns = connection.execute(
                "SELECT column_name, data_type FROM information_schema.columns"
                " WHERE table_schema = %s AND table_name = %s",
                [SCHEMA, stream],
            ).fetchall()
            for name, kind in columns:
                if kind not in TYPES.get(name, {kind}):
                    sys.exit(f"{stream}.{name} is {kind}")
            query = f"SELECT {FACTS[stream]} FROM {SCHEMA}.{stream}"  # noqa: S608
            row = connection.execute(query.encode()).fetchone()
        return tuple(row or ())


def tuned_settings() -> dict[str, Any]:
    """Return the settings of target-postgres in meltano.yml."""
    project = yaml.safe_load((run.ROOT / "meltano.yml").read_text(encoding="utf-8"))
    (loader,) = (
        each
        for each in project["plugins"]["loaders"]
        if each["name"] == "target-postgres"
    )
    settings: dict[str, Any] = loader["config"]
    return settings


def measure(
    warehouse: Warehouse, path: Path, stream: str, repeats: int
) -> tuple[int, dict[str, Load]]:
    """Load a stream with all contenders alternately.

    Args:
        warehouse: The database.
        path: Path of the tap's config file.
        stream: Name of the stream.
        repeats: Number of rounds.

    Returns:
        The number of rows, and the median loads by contender.

    Raises:
        SystemExit: Two contenders loaded different rows.
    """
    contenders = warehouse.contenders(path, stream)
    loads: dict[str, list[Load]] = {name: [] for name in contenders}
    expected: tuple[Any, ...] = ()
    for _ in range(repeats):
        for name, commands in contenders.items():
            load = warehouse.load(commands)
            facts = warehouse.facts(stream)
            expected = expected or facts
            if facts != expected:
                sys.exit(f"{name} loaded {facts}, not {expected}")
            print(f"  {stream}, {name}: {load}", flush=True)
            loads[name].append(load)
    middle: Callable[[list[Load], str], float] = lambda runs, field: median(  # noqa: E731
        getattr(each, field) for each in runs
    )
    return expected[0], {
        name: Load(**{field: middle(runs, field) for field in Load.__annotations__})
        for name, runs in loads.items()
    }


def table(rows: int, loads: dict[str, Load]) -> str:
    """Return the table of a stream."""
    head = "| contender | seconds | rows/s | time ÷ ours | tap CPU s | loader CPU s |"
    lines = [f"{head} PostgreSQL CPU s | peak RSS, MB |", "| --- " * 8 + "|"]
    ours = loads[OURS].wall
    lines += [
        f"| {name} | {each.wall:.1f} | {rows / each.wall:,.0f} |"
        f" {each.wall / ours:.2f} | {each.tap_cpu:.1f} | {each.loader_cpu:.1f} |"
        f" {each.server_cpu:.1f} | {each.rss:.0f} |"
        for name, each in loads.items()
    ]
    return "\n".join(lines)


def aims(results: dict[str, tuple[int, dict[str, Load]]]) -> str:
    """Return the table of targets and results."""
    lines = ["| metric | target | measured | met |", "| --- | --- | --- | --- |"]
    for stream, (_, loads) in results.items():
        ours = loads[OURS].wall
        template, dlt = loads[TEMPLATE_DEFAULTS].wall, loads[DLT].wall
        for what, value, bound, at_least in (
            ("speed ÷ the template tap's", template / ours, 2.5, True),
            ("speed ÷ dlt's", dlt / ours, 1.5, True),
            ("time ÷ the COPY loop's", ours / loads[LOOP].wall, 3, False),
        ):
            met = value >= bound if at_least else value <= bound
            aim = f"{'≥' if at_least else '≤'} {bound}"
            row = (f"{stream}: {what}", aim, f"{value:.2f}", "yes" if met else "no")
            lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines)


def sandbox_options(campaigns: int) -> list[str]:
    """Return the options of a sandbox whose reports have ``meta``."""
    return ["--campaigns", str(campaigns), "--report-paging", "meta"]


def large(warehouse: Warehouse, folder: Path, size: int) -> str:
    """Load a long list with the tap; return the table row."""
    with run.sandbox(folder, *sandbox_options(size)) as path:
        settings = run.at(path, campaigns_endpoint="campaigns")
        commands = (run.tap(settings), warehouse.loader(**tuned_settings()))
        load = warehouse.load(commands)
        rows = warehouse.facts(CAMPAIGNS)[0]
    return (
        f"| {rows:,} | {load.wall:.0f} | {rows / load.wall:,.0f} | {load.tap_cpu:.0f} |"
        f" {load.loader_cpu:.0f} | {load.server_cpu:.0f} | {load.rss:.0f} |"
    )


def arguments() -> argparse.Namespace:
    """Parse the sizes from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, size in SIZES.items():
        parser.add_argument(f"--{name}", type=int, default=size)
    parser.add_argument("--large", type=int, default=LARGE)
    return parser.parse_args()


def main() -> None:
    """Run all benchmarks and write the page and the chart."""
    sizes = arguments()
    first = LAST_DAY - timedelta(days=sizes.days - 1)
    days = {"start_date": str(first), "end_date": str(LAST_DAY)}
    results = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        warehouse = Warehouse(folder, *stack.enter_context(tcp_postgres()))
        with run.sandbox(folder, *sandbox_options(sizes.campaigns)) as path:
            settings = run.at(path, campaigns_endpoint="campaigns", **days)
            results[CAMPAIGNS] = measure(warehouse, settings, CAMPAIGNS, sizes.repeats)
        with run.sandbox(folder, *sandbox_options(sizes.reporting)) as path:
            settings = run.at(path, **days)
            results[REPORT] = measure(warehouse, settings, REPORT, sizes.repeats)
        longest = large(warehouse, folder, sizes.large)
    text = TEMPLATE.read_text(encoding="utf-8").format(
        date=f"{datetime.now(timezone.utc):%Y-%m-%d}",
        machine=report.machine(),
        versions=", ".join(f"{name} {version(name)}" for name in ("dlt", "psycopg")),
        repeats=sizes.repeats,
        days=sizes.days,
        aims=aims(results),
        campaigns=f"{results[CAMPAIGNS][0]:,}",
        campaigns_table=table(*results[CAMPAIGNS]),
        rows=f"{results[REPORT][0]:,}",
        report_table=table(*results[REPORT]),
        large=longest,
    )
    if {name: getattr(sizes, name) for name in SIZES} != SIZES or sizes.large != LARGE:
        print(text)
        return
    # Not imported earlier: peak RSS of a child process includes the parent's memory.
    import charts  # noqa: PLC0415

    walls = {
        stream: {name: load.wall for name, load in loads.items()}
        for stream, (_, loads) in results.items()
    }
    charts.draw_warehouse(walls, CHART)
    PAGE.write_text(text, encoding="utf-8")
    print(f"Written: {PAGE}")


if __name__ == "__main__":
    main()
