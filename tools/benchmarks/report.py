"""Renders tools/benchmarks/README.md from the results."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TAP = "tap-kayzen"
TEMPLATE = "SDK template tap"
AIRBYTE = "Airbyte CDK, declarative source"
DLT = "dlt rest_api, extract only"
JSON = "loop: requests + json"
ORJSON = "loop: requests + orjson"
VERSION = "`tap-kayzen --version`"
IMPORT = '`python -c "import singer_sdk"`'

RECORDS = 100_000
IDEAL_SECONDS = 1000 / 32 * 0.1
"""Time for 1,000 pages with 32 parallel requests of 100 ms."""

PACKAGES = ("singer-sdk", "dlt", "airbyte-cdk", "requests", "msgspec", "orjson")
PAGE = Path(__file__).with_name("template.md")


@dataclass(frozen=True)
class Cost:
    """Time and memory of one process.

    Attributes:
        wall: Elapsed time in seconds.
        cpu: CPU time in seconds, user and system.
        rss: Peak resident memory in MB (10**6 bytes).
    """

    wall: float
    cpu: float
    rss: float


@dataclass(frozen=True)
class Limited:
    """A run against a server with a rate limit.

    Attributes:
        allowed: Requests allowed per second.
        pages: Number of pages read.
        refused: Number of refused requests.
        seconds: Elapsed time.
    """

    allowed: int
    pages: int
    refused: int
    seconds: float

    @property
    def calls(self) -> int:
        """Number of all data calls."""
        return self.pages + self.refused

    @property
    def wasted(self) -> float:
        """Share of refused calls."""
        return self.refused / self.calls

    @property
    def rate(self) -> float:
        """Pages per second."""
        return self.pages / self.seconds


@dataclass(frozen=True)
class Results:
    """Results of all benchmarks; costs are medians."""

    start: Mapping[str, Cost]
    throughput: Mapping[str, Cost]
    latency: Mapping[str, Cost]
    by_concurrency: Mapping[int, float]
    memory: Mapping[int, Cost]
    limited: Limited


def text(results: Results) -> str:
    """Return the page as Markdown."""
    memory = results.memory
    rates = results.by_concurrency
    return PAGE.read_text(encoding="utf-8").format(
        date=f"{datetime.now(timezone.utc):%Y-%m-%d}",
        machine=machine(),
        versions=", ".join(f"{name} {version(name)}" for name in PACKAGES),
        aims=_aims(results),
        throughput=_costs(results.throughput),
        latency=_costs(results.latency),
        ideal=IDEAL_SECONDS,
        by_concurrency=_table(
            ["`concurrency`", *map(str, rates)],
            [["records/s", *(f"{rate:,.0f}" for rate in rates.values())]],
        ),
        memory=_table(
            ["records", *(f"{size:,}" for size in memory)],
            [
                ["peak RSS, MB", *(f"{cost.rss:.1f}" for cost in memory.values())],
                ["seconds", *(f"{cost.wall:.1f}" for cost in memory.values())],
            ],
        ),
        start=_table(
            ["command", "seconds"],
            [[name, f"{cost.wall:.3f}"] for name, cost in results.start.items()],
        ),
        limited=results.limited,
    )


def _aims(results: Results) -> str:
    """Return the table of targets and results."""
    wall = {name: cost.wall for name, cost in results.throughput.items()}
    late = {name: cost.wall for name, cost in results.latency.items()}
    small, large = min(results.memory), max(results.memory)
    largest = results.memory[large].rss
    allowed = 1.1 * results.memory[small].rss + 16 * large / 1e6
    started = results.start[VERSION].wall / results.start[IMPORT].wall
    many, pages = "100,000 records", "1,000 pages at 100 ms"
    at_least = [
        (f"{many}: speed ÷ the template tap's", wall[TEMPLATE] / wall[TAP], 4),
        (f"{many}: speed ÷ dlt's extract", wall[DLT] / wall[TAP], 2.5),
        (
            f"{pages}: speed ÷ the template tap's",
            late[TEMPLATE] / late[TAP],
            20,
        ),
    ]
    at_most = [
        (f"{many}: time ÷ the orjson loop's", wall[TAP] / wall[ORJSON], 1.8),
        (
            f"{pages}: time ÷ (pages ÷ concurrency × latency)",
            late[TAP] / IDEAL_SECONDS,
            1.4,
        ),
        (
            f"{large:,} records: peak RSS ÷ (1.1 × that of {small:,} + 16 B per row)",
            largest / allowed,
            1,
        ),
        (f"{large:,} records: peak RSS, MB", largest, 110),
        ("start: `--version` ÷ importing singer_sdk", started, 1.15),
    ]
    return _table(
        ["metric", "target", "measured", "met"],
        [
            *(
                [what, f"≥ {bound}", f"{value:.2f}", "yes" if value >= bound else "no"]
                for what, value, bound in at_least
            ),
            *(
                [what, f"≤ {bound}", f"{value:.2f}", "yes" if value <= bound else "no"]
                for what, value, bound in at_most
            ),
        ],
    )


def _costs(costs: Mapping[str, Cost]) -> str:
    ours = costs[TAP].wall
    return _table(
        [
            "client",
            "seconds",
            "records/s",
            "time ÷ tap-kayzen's",
            "CPU s",
            "peak RSS, MB",
        ],
        [
            [
                name,
                f"{cost.wall:.2f}",
                f"{RECORDS / cost.wall:,.0f}",
                f"{cost.wall / ours:.2f}",
                f"{cost.cpu:.2f}",
                f"{cost.rss:.0f}",
            ]
            for name, cost in costs.items()
        ],
    )


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def machine() -> str:
    """Return a description of this machine."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text(encoding="utf-8").splitlines()
        names = [line.partition(": ")[2] for line in lines if "model name" in line]
        model = next(iter(names), model)
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()}, "
        f"Python {platform.python_version()}"
    )
