"""A report of two years, read in windows of a week from a distant sandbox.

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
"""Of which some 200 run on a day."""

YEARS = 2
DAYS = 365 * YEARS
WINDOW = 7
LATENCY = 0.1
CONCURRENCIES = (8, 32)
MOST = 1.4

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
    """Run the tap once and return the number of its requests and of its rows."""
    log = run.log_of(command)
    calls = re.search(r'"http_request_count","value":(\d+)', log)
    rows = re.search(r'"record_count","value":(\d+)', log)
    if not calls or not rows:
        message = "the tap does not say what it did"
        raise ValueError(message)
    return int(calls[1]), int(rows[1])


def main() -> None:
    """Measure and write it down."""
    last = date(2026, 10, 31)
    days = {"start_date": str(last - timedelta(days=DAYS - 1)), "end_date": str(last)}
    lines = []
    with tempfile.TemporaryDirectory() as name:
        options = ("--campaigns", str(CAMPAIGNS), "--latency", f"{1000 * LATENCY:.0f}")
        with run.sandbox(Path(name), *options) as path:
            for concurrency in CONCURRENCIES:
                settings = run.at(path, **days, concurrency=concurrency)
                command = run.tap(settings, "campaign_performance")
                calls, rows = calls_of(command)
                cost = run.alternate({f"{concurrency}": command}, run.REPEATS)
                wall, cpu, rss = cost[f"{concurrency}"].__dict__.values()
                ideal = calls / concurrency * LATENCY
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
        window=WINDOW,
        latency=1000 * LATENCY,
        repeats=run.REPEATS,
        most=MOST,
        table=table,
    )
    file = run.HERE / "reports.md"
    file.write_text(text, encoding="utf-8")
    print(json.dumps(lines, indent=1))
    print(f"Written: {file}")


if __name__ == "__main__":
    main()
