"""Runs the tap with faults and kills, and compares its output with the sandbox.

`make chaos` runs many seeded scenarios. A failure names its seed; to reproduce it:
``python tools/chaos.py 1 --first 4711``.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from project import SAMPLE_CONFIG
from starlette.middleware import Middleware
from watchdog import OverdueError, watched

from tap_kayzen.cli.check import selecting_all
from tap_kayzen.reports.definition import Report
from tap_kayzen.sandbox.access import Access, Credentials
from tap_kayzen.sandbox.app import create_app
from tap_kayzen.sandbox.data import DEFAULT_ADVERTISER, Dataset
from tap_kayzen.sandbox.fault_plan import TRANSIENT, FaultPlan
from tap_kayzen.sandbox.faults import Faults
from tap_kayzen.sandbox.fixed_lists import OWN_KEY
from tap_kayzen.sandbox.report_calls import Paging, ReportOptions, request_of
from tap_kayzen.sandbox.server import running
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from collections.abc import Generator

IMPATIENT = Path(__file__).with_name("impatient.py")
ADVERTISERS = (DEFAULT_ADVERTISER, DEFAULT_ADVERTISER + 1)
FORBIDDEN_ADVERTISER = 1
"""ID of an advertiser that the login cannot read; only its requests fail."""

FIRST = date(2025, 3, 1)
REPORT: dict[str, Any] = {
    "name": "performance",
    "metrics": ["impressions", "installs", "advertiser_spend"],
    "group_by": ["day", "campaign_id", "campaign_name", "os"],
}
COMMON_FAULTS = (
    "duplicate-rows",
    "endless-page",
    "meta-growing",
    "meta-missing",
    "meta-shrinking",
    "meta-strings",
    "secret-field",
    "unknown-field",
    "wrong-type-field",
)
LASTING = {
    "campaigns": (*COMMON_FAULTS, "huge-page"),
    "performance": (*COMMON_FAULTS, "total-row"),
}
"""Lasting faults that must not lose rows, by stream."""

KILLS = ("none", "none", "SIGKILL", "SIGTERM", "pipe")
MAX_RUNS = 8
TIMEOUT_SECONDS = 120.0
"""Maximum duration of a run of the tap, after which it is killed and has failed."""


class BrokenPromiseError(AssertionError):
    """The output of the tap differs from the sandbox's data."""


@dataclass
class Figures:
    """Counts of runs, rows, injected faults, and outcomes."""

    runs: int = 0
    rows: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)

    def add(self, other: Figures) -> None:
        """Add other counts."""
        self.runs += other.runs
        self.rows += other.rows
        self.faults += other.faults
        self.ends += other.ends


class Scenario:
    """A sandbox with faults, and runs of the tap until one is complete."""

    def __init__(self, seed: int) -> None:
        """Choose data, faults, and settings from a seed."""
        self.seed = seed
        rng = self.rng = random.Random(seed)
        self.dataset = Dataset(campaigns=rng.randint(0, 120), seed=seed)
        self.dataset.today = date(2025, 6, 1)
        chosen = rng.sample(TRANSIENT, k=rng.randint(0, 6))
        rates = {name: rng.uniform(0.01, 0.12) for name in chosen}
        # A stall takes real time.
        rates |= {"stall": 0.01} if "stall" in rates else {}
        self.stream = rng.choice(("campaigns", "performance"))
        lasting = rng.sample(LASTING[self.stream], k=rng.randint(0, 2))
        rates |= {name: rng.choice((0.2, 1.0)) for name in lasting}
        self.moves = self.stream == "campaigns" and rng.random() < 1 / 8
        if self.moves:
            rates["rows-move"] = 0.2
            # Without `meta`, the tap cannot detect that rows have moved.
            rates.pop("meta-missing", None)
        # A second tap with the same login. Each login revokes older tokens.
        self.has_rival = rng.random() < 1 / 8 and not self.moves
        if self.has_rival:
            # Both taps also wait for each other, and their clocks are less sped up.
            rates = {name: rates[name] for name in rates if name not in chosen[2:]}
        self.plan = FaultPlan(seed, rates, stall_seconds=1.5)
        paging: Paging = rng.choice(("short", "meta"))
        most = rng.choice((40, 10_000))
        self.options = ReportOptions(paging=paging, max_rows=most)
        self.report = {**REPORT, "window_days": rng.randint(1, 9)}
        self.config: dict[str, Any] = {
            **SAMPLE_CONFIG,
            "advertiser_ids": [*ADVERTISERS],
            "concurrency": rng.choice((1, 3, 8)),
            "page_size": rng.choice((7, 40, 100)),
            "report_page_size": rng.choice((30, 1000)),
            "request_timeout": 1,
            # On a busy machine, the server takes longer to come back.
            "max_retries": 40,
            # The throttle's clock is sped up.
            "max_retry_seconds": 1_000_000,
            "lookback_days": rng.choice((0, 3)),
            "start_date": str(FIRST),
            "end_date": str(FIRST + timedelta(days=rng.randint(0, 24))),
            "reports": [self.report],
        }
        self.has_forbidden = rng.random() < 1 / 6
        if self.has_forbidden:
            self.config["advertiser_ids"].insert(
                rng.randint(0, 2), FORBIDDEN_ADVERTISER
            )
        self.figures = Figures()
        self.state: dict[str, Any] = {}
        self.warehouse: dict[Any, dict[str, Any]] = {}

    def play(self) -> Figures:
        """Run the tap until a run is complete, and check the output of all runs.

        Raises:
            BrokenPromiseError: The output is wrong.
        """
        access = Access(Credentials(), is_token_single=self.has_rival)
        layer = Middleware(Faults, plan=self.plan, access=access, dataset=self.dataset)
        app = create_app(self.dataset, access, reports=self.options, middleware=[layer])
        with running(app) as url, tempfile.TemporaryDirectory() as folder:
            self.folder = Path(folder)
            self.config["api_url"] = url
            catalog = selecting_all(TapKayzen(config=self.config).catalog_dict)
            catalog["streams"] = [
                entry
                for entry in catalog["streams"]
                if entry["tap_stream_id"] == self.stream
            ]
            (self.folder / "catalog.json").write_text(json.dumps(catalog))
            for number in range(MAX_RUNS):
                last = number == MAX_RUNS - 1
                if self.run("none" if last else self.rng.choice(KILLS)):
                    break
        self.figures.faults.update(self.plan.injected)
        return self.figures

    def run(self, kill: str) -> bool:
        """Run the tap once; return whether the run was complete.

        Args:
            kill: How to interrupt the run, one of `KILLS`.
        """
        (self.folder / "config.json").write_text(json.dumps(self.config))
        (self.folder / "state.json").write_text(json.dumps(self.state))
        before = self.ids()
        code, lines, log = self.output(kill)
        self.figures.runs += 1
        is_complete = self.is_complete(code, log)
        self.figures.ends["complete" if is_complete and kill != "pipe" else kill] += 1
        keys: set[Any] = set()
        for line in lines:
            self.load(json.loads(line, parse_float=Decimal), keys)
        if kill == "none" and not is_complete:
            self.fail(f"exit code {code}: {log[-600:]}")
        # A target that exits early has read only part of the output.
        if not is_complete or kill == "pipe":
            return False
        self.check(keys, before & self.ids(), log)
        return True

    def is_complete(self, code: int, log: str) -> bool:
        """Return whether a run succeeded, except for the forbidden advertiser."""
        if not self.has_forbidden:
            return code == 0
        is_reported = "Incomplete: 1 of 1 streams failed" in log
        return (
            code == 1
            and is_reported
            and f"of advertiser {FORBIDDEN_ADVERTISER}  HTTP 403" in log
        )

    @contextmanager
    def tap(self, name: str, output: int) -> Generator[subprocess.Popen[str]]:
        """Start the tap.

        Args:
            name: File name of the log.
            output: Standard output, as for `subprocess.Popen`.
        """
        command = [sys.executable, str(IMPATIENT), "--config", "config.json"]
        command += ["--catalog", "catalog.json", "--state", "state.json"]
        faster = {"FASTER": "60"} if self.has_rival else {}
        with (
            (self.folder / name).open("w") as errors,
            watched(
                command,
                limit=TIMEOUT_SECONDS,
                cwd=self.folder,
                env={**os.environ, **faster},
                stdout=output,
                stderr=errors,
            ) as process,
        ):
            yield process

    @contextmanager
    def rival(self) -> Generator[None]:
        """Run a second tap, if the scenario has one; it must succeed."""
        if not self.has_rival:
            yield
            return
        with self.tap("rival", subprocess.DEVNULL) as process:
            yield
        log = (self.folder / "rival").read_text()
        self.figures.runs += 1
        self.figures.ends["rival"] += 1
        is_complete = self.is_complete(process.returncode, log)
        if not is_complete or "Traceback" in log:
            self.fail(f"rival: exit code {process.returncode}: {log[-900:]}")

    def output(self, kill: str) -> tuple[int, list[str], str]:
        """Run the tap, interrupt it, and return exit code, complete lines, and log."""
        lines: list[str] = []
        errors = self.folder / "errors"
        try:
            with self.rival(), self.tap("errors", subprocess.PIPE) as process:
                assert process.stdout is not None
                if kill != "none":
                    wanted = int(self.rng.paretovariate(0.4))
                    lines += islice(process.stdout, wanted)
                    if kill == "pipe":
                        process.stdout.close()
                    else:
                        process.send_signal(getattr(signal, kill))
                with suppress(ValueError):
                    lines += list(process.stdout)
        except OverdueError as error:
            self.fail(f"{error}: {errors.read_text()[-600:]}")
        log = errors.read_text()
        if OWN_KEY in "".join([log, *lines]):
            self.fail("a key of a record is in the output")
        if "Traceback" in log:
            self.fail(f"a traceback: {log[-900:]}")
        # A target never reads an incomplete line.
        return (
            process.returncode,
            [each for each in lines if each.endswith("\n")],
            log,
        )

    def load(self, message: dict[str, Any], keys: set[Any]) -> None:
        """Load a message into the warehouse and check it.

        Args:
            message: The message.
            keys: Keys of the records so far in this run.
        """
        if message["type"] == "RECORD":
            record = message["record"]
            key = record.get("_key", record.get("id"))
            if key in keys:
                self.fail(f"key {key} twice in a run")
            keys.add(key)
            self.warehouse[key] = record
            self.figures.rows += 1
        elif message["type"] == "STATE":
            self.state = message["value"]
            bookmarks = self.state["bookmarks"].get("performance", {})
            for each in bookmarks.get("partitions", []):
                if day := each.get("replication_key_value"):
                    self.check_report(each["context"]["advertiser_id"], day)

    def ids(self) -> set[int]:
        """Return the IDs of all campaigns that exist now."""
        return {
            campaign["id"]
            for number in ADVERTISERS
            for campaign in self.dataset.campaigns[number]
        }

    def check(self, keys: set[Any], throughout: set[int], log: str) -> None:
        """Compare the keys of a complete run with the sandbox's data.

        Args:
            keys: Keys of the records.
            throughout: IDs of the campaigns that existed during the whole run.
            log: Log of the run.
        """
        if self.stream == "campaigns":
            # If each page announces another length, the tap cannot detect the end of a
            # list whose rows move. It must log an error then.
            is_unknown = self.moves and "meta-growing" in self.plan.rates
            is_reported = is_unknown and "there may be more" in log
            if (missing := throughout - keys) and not is_reported:
                self.fail(
                    f"{len(missing)} campaigns are missing: {sorted(missing)[:5]}"
                )
            if not self.moves and keys != throughout:
                self.fail(f"campaigns that never were: {keys - throughout}")
            return
        for number in ADVERTISERS:
            self.check_report(number, self.config["end_date"], complete=True)

    def check_report(
        self, advertiser: int, day: str, *, complete: bool = False
    ) -> None:
        """Compare the loaded report rows with the sandbox's data.

        Args:
            advertiser: ID of the advertiser.
            day: Last day to compare.
            complete: Whether the warehouse must not have any other rows.
        """
        days = {"start_date": str(FIRST), "end_date": day}
        request = request_of({**Report.from_config(self.report).body, **days})
        truth = [
            {**row, "advertiser_id": advertiser}
            for row in self.dataset.report_rows(advertiser, request)
        ]
        ours = {
            tuple(row.get(name) for name in ("day", "campaign_id", "os")): row
            for row in self.warehouse.values()
            if row["advertiser_id"] == advertiser
        }
        for row in truth:
            key = tuple(row[name] for name in ("day", "campaign_id", "os"))
            if (found := ours.get(key)) is None:
                self.fail(f"a row is missing up to {day}: {key}")
            lost = found.get("_extra") or {}
            for name, value in row.items():
                if found.get(name) != value and name not in lost:
                    self.fail(f"{key}: {name} is {found.get(name)}, not {value}")
        if complete and len(ours) != len(truth):
            self.fail(f"{len(ours) - len(truth)} rows that never were")

    def fail(self, reason: str) -> NoReturn:
        """Raise BrokenPromiseError with the seed, the faults, and a reason."""
        msg = f"seed {self.seed} ({self.stream}, {self.plan.rates}): {reason}"
        raise BrokenPromiseError(msg)


def play(seed: int) -> Figures | str:
    """Run a scenario; return its counts, or the error with its seed."""
    try:
        return Scenario(seed).play()
    except BrokenPromiseError as error:
        return f"{type(error).__name__}: {error}"
    except Exception as error:  # noqa: BLE001
        return f"seed {seed}: {type(error).__name__}: {error}"


def main() -> int:
    """Run many scenarios and print their counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=int, help="minimum number of runs of the tap")
    parser.add_argument("--first", type=int, default=1, help="first seed")
    parser.add_argument(
        "--at-once", type=int, default=2, help="number of scenarios in parallel"
    )
    options = parser.parse_args()
    total, seed = Figures(), options.first
    failures: list[str] = []
    with ThreadPoolExecutor(options.at_once) as pool:
        while total.runs < options.runs and len(failures) < 5:
            seeds = range(seed, seed + 5 * options.at_once)
            if options.runs == 1:
                seeds = range(seed, seed + 1)
            for result in pool.map(play, seeds):
                if isinstance(result, Figures):
                    total.add(result)
                else:
                    failures.append(result)
                    total.runs += 1
                    print(result, flush=True)
            seed = seeds.stop
            print(f"{total.runs} runs, {total.rows:,} rows", flush=True)
    print(f"Seeds {options.first} to {seed - 1}; ends: {dict(total.ends)}")
    for name, count in sorted(total.faults.items()):
        print(f"| {name} | {count} |")
    print(f"Losses: {len(failures)}")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
