"""Benchmarks a typical account with latency and the default streams.

Run by `make bench-account`; writes usual_account.md in this folder.
"""

from __future__ import annotations

import math
import re
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

import report
import run

CAMPAIGNS = 200
DAYS = 30
LATENCY_SECONDS = 0.3
CONCURRENCY = 8
"""Default of the tap."""

FIRST_ADVERTISER = 108993
"""ID of the sandbox's default advertiser; the other IDs are consecutive."""

ADVERTISERS = (1, 3)
MAX_SECONDS = {1: 1.9, 3: 3.0}
"""Targets by number of advertisers."""

PAGE = """# Typical account benchmark

Written by `make bench-account` on {date}: {machine}.

The default streams for {campaigns} campaigns and {days} days. A `kayzen-sandbox` on the
same machine delays each response by {latency:.0f} ms. Times are for whole processes,
including start and login. Figures are medians of {repeats} runs with `concurrency`
{concurrency}.

*Serial* is the login, then one call after another. *Ideal* is the login, then
{concurrency} parallel calls.

| Advertisers | Calls | Serial, s | Ideal, s | Actual, s | Target, s | CPU s | RSS, MB |
| --- | --- | --- | --- | --- | --- | --- | --- |
{rows}
"""


def calls_of(command: list[str | Path]) -> int:
    """Run the tap once and return its number of requests, without the login."""
    counts = re.findall(r'"http_request_count","value":(\d+)', run.log_of(command))
    return sum(map(int, counts))


def main() -> None:
    """Run the benchmark and write the page."""
    last = datetime.now(timezone.utc).date() - timedelta(days=1)
    days = {
        "start_date": str(last - timedelta(days=DAYS - 1)),
        "end_date": str(last),
        "concurrency": CONCURRENCY,
    }
    rows = []
    with tempfile.TemporaryDirectory() as name:
        latency = f"{1000 * LATENCY_SECONDS:.0f}"
        options = ("--campaigns", str(CAMPAIGNS), "--latency", latency)
        with run.sandbox(Path(name), *options) as path:
            for count in ADVERTISERS:
                ids = [FIRST_ADVERTISER + number for number in range(count)]
                given = {"advertiser_ids": ids} if count > 1 else {}
                settings = run.at(path, **days, **given)
                command: list[str | Path] = [
                    *(run.TAP_BIN / "tap-kayzen", "--config", settings)
                ]
                calls = calls_of(command)
                cost = run.alternate({f"{count}": command}, run.REPEATS)[f"{count}"]
                in_turn = (1 + calls) * LATENCY_SECONDS
                ideal = (1 + math.ceil(calls / CONCURRENCY)) * LATENCY_SECONDS
                rows.append(
                    f"| {count} | {calls} | {in_turn:.1f} | {ideal:.1f} | "
                    f"{cost.wall:.2f} | {MAX_SECONDS[count]} | {cost.cpu:.2f} | "
                    f"{cost.rss:.0f} |"
                )
    text = PAGE.format(
        date=f"{datetime.now(timezone.utc):%Y-%m-%d}",
        machine=report.machine(),
        campaigns=CAMPAIGNS,
        days=DAYS,
        latency=1000 * LATENCY_SECONDS,
        repeats=run.REPEATS,
        concurrency=CONCURRENCY,
        rows="\n".join(rows),
    )
    file = run.HERE / "usual_account.md"
    file.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
