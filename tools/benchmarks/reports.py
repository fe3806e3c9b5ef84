"""Benchmarks a report of two years, read in weekly windows with latency.

Run by `make bench-reports`; writes reports.md in this folder.
"""

from __future__ import annotations

import json
import re
import tempfile
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import report
import run

CAMPAIGNS = 330
"""About 200 of them have rows on any day."""

YEARS = 2
DAYS = 365 * YEARS
WINDOW_DAYS = 7
LATENCY_SECONDS = 0.1
CONCURRENCIES = (8, 32)
MAX_RATIO = 1.4
"""Target for the measured time, as a multiple of the ideal."""

PAGE = """# Report benchmark

Written by `make bench-reports` on {date}: {machine}.

`campaign_performance` for {years} years and some 200 campaigns a day, in windows of
{window} days. A `kayzen-sandbox` on the same machine delays each response by
{latency:.0f} ms. Times are for whole processes, including start and login. Figures are
medians of {repeats} runs. The ideal is calls ÷ concurrency × latency; the target is at
most {most} times that.

{table}
"""


def calls_of(command: list[str | Path]) -> tuple[int, int]:
    """Run the tap once and return its numbers of requests and rows."""
    log = run.log_of(command)
    calls = re.search(r'"http_request_count","value":(\d+)', log)
    rows = re.search(r'"record_count","value":(\d+)', log)
    if not calls or not rows:
        message = "the log has no request or record counts"
        raise ValueError(message)
    return int(calls[1]), int(rows[1])


def main() -> None:
    """Run the benchmark and write the page."""
    last = date(2026, 10, 31)
    days = {"start_date": str(last - timedelta(days=DAYS - 1)), "end_date": str(last)}
    lines = []
    with tempfile.TemporaryDirectory() as name:
        options = (
            "--campaigns",
            str(CAMPAIGNS),
            "--latency",
            f"{1000 * LATENCY_SECONDS:.0f}",
        )
        with run.sandbox(Path(name), *options) as path:
            for concurrency in CONCURRENCIES:
                settings = run.at(path, **days, concurrency=concurrency)
                command = run.tap(settings, "campaign_performance")
                calls, rows = calls_of(command)
                cost = run.alternate({f"{concurrency}": command}, run.REPEATS)
                wall, cpu, rss = cost[f"{concurrency}"].__dict__.values()
                ideal = calls / concurrency * LATENCY_SECONDS
                ratio = wall / ideal
                lines.append(
                    f"| {concurrency} | {calls} | {rows:,} | {ideal:.2f} | {wall:.2f} |"
                    f" {ratio:.2f} | {cpu:.2f} | {rss:.0f} |"
                )
    head = "`concurrency` | calls | rows | ideal, s | measured, s | ÷ ideal | CPU s"
    table = "\n".join(
        [f"| {head} | peak RSS, MB |", "| --- " * 8 + "|", *lines],
    )
    text = PAGE.format(
        date=f"{datetime.now(timezone.utc):%Y-%m-%d}",
        machine=report.machine(),
        years=YEARS,
        window=WINDOW_DAYS,
        latency=1000 * LATENCY_SECONDS,
        repeats=run.REPEATS,
        most=MAX_RATIO,
        table=table,
    )
    file = run.HERE / "reports.md"
    file.write_text(text, encoding="utf-8")
    print(json.dumps(lines, indent=1))
    print(f"Written: {file}")


if __name__ == "__main__":
    main()
