"""Runs the tap against faults and kills, and checks its output against the sandbox.

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
STRANGER = 1
"""An advertiser that the login may not read: its part fails, and nothing else."""

FIRST = date(2025, 3, 1)
REPORT: dict[str, Any] = {
    "name": "performance",
    "metrics": ["impressions", "installs", "advertiser_spend"],
    "group_by": ["day", "campaign_id", "campaign_name", "os"],
}
OF_BOTH = (
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
LASTING = {"campaigns": (*OF_BOTH, "huge-page"), "performance": (*OF_BOTH, "total-row")}
"""Lasting faults through which all rows must come."""

KILLS = ("none", "none", "SIGKILL", "SIGTERM", "pipe")
MOST_RUNS = 8
TIMEOUT = 120.0
"""Seconds after which a run of the tap is killed and has failed."""


class BrokenPromiseError(AssertionError):
    """What came out is not the truth."""


@dataclass
class Figures:
    """What a campaign did."""

    runs: int = 0
    rows: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)

    def add(self, other: Figures) -> None:
        """Sum up."""
        self.runs += other.runs
        self.rows += other.rows
        self.faults += other.faults
        self.ends += other.ends


class Scenario:
    """A sandbox with faults, and runs of the tap until one is complete."""

    def __init__(self, seed: int) -> None:
        """Draw everything from a seed."""
        self.seed = seed
        dice = self.dice = random.Random(seed)
        self.dataset = Dataset(campaigns=dice.randint(0, 120), seed=seed)
        self.dataset.today = date(2025, 6, 1)
        chosen = dice.sample(TRANSIENT, k=dice.randint(0, 6))
        rates = {name: dice.uniform(0.01, 0.12) for name in chosen}
        # It takes its time for real.
        rates |= {"stall": 0.01} if "stall" in rates else {}
        self.stream = dice.choice(("campaigns", "performance"))
        lasting = dice.sample(LASTING[self.stream], k=dice.randint(0, 2))
        rates |= {name: dice.choice((0.2, 1.0)) for name in lasting}
        self.moves = self.stream == "campaigns" and dice.random() < 1 / 8
        if self.moves:
            rates["rows-move"] = 0.2
            # Nothing tells of a row that moved where no total does.
            rates.pop("meta-missing", None)
        # A second tap with the same login; each login ends older tokens.
        self.has_rival = dice.random() < 1 / 8 and not self.moves
        if self.has_rival:
            # They wait for each other, too, and less of their time is sped up.
            rates = {name: rates[name] for name in rates if name not in chosen[2:]}
        self.plan = FaultPlan(seed, rates, stall_seconds=1.5)
        paging: Paging = dice.choice(("short", "meta"))
        most = dice.choice((40, 10_000))
        self.options = ReportOptions(paging=paging, max_rows=most)
        self.report = {**REPORT, "window_days": dice.randint(1, 9)}
        self.config: dict[str, Any] = {
            **SAMPLE_CONFIG,
            "advertiser_ids": [*ADVERTISERS],
            "concurrency": dice.choice((1, 3, 8)),
            "page_size": dice.choice((7, 40, 100)),
            "report_page_size": dice.choice((30, 1000)),
            "request_timeout": 1,
            # A server that is down comes back, however busy this machine is.
            "max_retries": 40,
            # The throttle's hours are seconds here.
            "max_retry_seconds": 1_000_000,
            "lookback_days": dice.choice((0, 3)),
            "start_date": str(FIRST),
            "end_date": str(FIRST + timedelta(days=dice.randint(0, 24))),
            "reports": [self.report],
        }
        self.has_stranger = dice.random() < 1 / 6
        if self.has_stranger:
            self.config["advertiser_ids"].insert(dice.randint(0, 2), STRANGER)
        self.figures = Figures()
        self.state: dict[str, Any] = {}
        self.warehouse: dict[Any, dict[str, Any]] = {}

    def play(self) -> Figures:
        """Run the tap until it comes to its end, and check all that it said.

        Raises:
            BrokenPromiseError: It said something that is not true.
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
            for number in range(MOST_RUNS):
                last = number == MOST_RUNS - 1
                if self.run("none" if last else self.dice.choice(KILLS)):
                    break
        self.figures.faults.update(self.plan.injected)
        return self.figures

    def run(self, kill: str) -> bool:
        """Run the tap once; tell whether it came to its end."""
        (self.folder / "config.json").write_text(json.dumps(self.config))
        (self.folder / "state.json").write_text(json.dumps(self.state))
        before = self.ids()
        code, lines, words = self.output(kill)
        self.figures.runs += 1
        is_whole = self.is_whole(code, words)
        self.figures.ends["complete" if is_whole and kill != "pipe" else kill] += 1
        keys: set[Any] = set()
        for line in lines:
            self.take(json.loads(line, parse_float=Decimal), keys)
        if kill == "none" and not is_whole:
            self.fail(f"exit code {code}: {words[-600:]}")
        # A target that left early got a part, even if the tap never noticed.
        if not is_whole or kill == "pipe":
            return False
        self.check(keys, before & self.ids(), words)
        return True

    def is_whole(self, code: int, words: str) -> bool:
        """Return whether a run came to its end, with all that can be read."""
        if not self.has_stranger:
            return code == 0
        is_said = "Incomplete: 1 of 1 streams failed" in words
        return code == 1 and is_said and f"of advertiser {STRANGER}  HTTP 403" in words

    @contextmanager
    def tap(self, name: str, output: int) -> Generator[subprocess.Popen[str]]:
        """Run the tap with a log of this name."""
        command = [sys.executable, str(IMPATIENT), "--config", "config.json"]
        command += ["--catalog", "catalog.json", "--state", "state.json"]
        faster = {"FASTER": "60"} if self.has_rival else {}
        with (
            (self.folder / name).open("w") as errors,
            watched(
                command,
                limit=TIMEOUT,
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
        words = (self.folder / "rival").read_text()
        self.figures.runs += 1
        self.figures.ends["rival"] += 1
        is_whole = self.is_whole(process.returncode, words)
        if not is_whole or "Traceback" in words:
            self.fail(f"rival: exit code {process.returncode}: {words[-900:]}")

    def output(self, kill: str) -> tuple[int, list[str], str]:
        """Start the tap and end it as is wanted; give what a target got from it."""
        lines: list[str] = []
        log = self.folder / "errors"
        try:
            with self.rival(), self.tap("errors", subprocess.PIPE) as process:
                assert process.stdout is not None
                if kill != "none":
                    wanted = int(self.dice.paretovariate(0.4))
                    lines += islice(process.stdout, wanted)
                    if kill == "pipe":
                        process.stdout.close()
                    else:
                        process.send_signal(getattr(signal, kill))
                with suppress(ValueError):
                    lines += list(process.stdout)
        except OverdueError as error:
            self.fail(f"{error}: {log.read_text()[-600:]}")
        words = log.read_text()
        if OWN_KEY in "".join([words, *lines]):
            self.fail("a key of a record is in the output")
        if "Traceback" in words:
            self.fail(f"a traceback: {words[-900:]}")
        # The rest of a line that was cut short never reaches a target.
        return (
            process.returncode,
            [each for each in lines if each.endswith("\n")],
            words,
        )

    def take(self, message: dict[str, Any], keys: set[Any]) -> None:
        """Take a message as a warehouse would."""
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
        """Give the numbers of the campaigns that there are now."""
        return {
            campaign["id"]
            for number in ADVERTISERS
            for campaign in self.dataset.campaigns[number]
        }

    def check(self, keys: set[Any], throughout: set[int], words: str) -> None:
        """Hold a complete run against the truth."""
        if self.stream == "campaigns":
            # Where each page speaks of another length, nothing tells when a list that
            # moves is whole: it is given up on, and that is said.
            is_vain = self.moves and "meta-growing" in self.plan.rates
            is_said = is_vain and "there may be more" in words
            if (missing := throughout - keys) and not is_said:
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
        """Hold the rows up to a day against the truth."""
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

    def fail(self, words: str) -> NoReturn:
        """Say which seed shows it."""
        msg = f"seed {self.seed} ({self.stream}, {self.plan.rates}): {words}"
        raise BrokenPromiseError(msg)


def play(seed: int) -> Figures | str:
    """Play a scenario; return its figures, or what went wrong and its seed."""
    try:
        return Scenario(seed).play()
    except BrokenPromiseError as error:
        return f"{type(error).__name__}: {error}"
    except Exception as error:  # noqa: BLE001
        return f"seed {seed}: {type(error).__name__}: {error}"


def main() -> int:
    """Play many scenarios and print what they did."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=int, help="runs of the tap, at least")
    parser.add_argument("--first", type=int, default=1, help="first seed")
    parser.add_argument("--at-once", type=int, default=2, help="scenarios at once")
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
