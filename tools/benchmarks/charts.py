"""Charts of the benchmarks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from report import Results

# Makes the SVG reproducible.
mpl.rcParams["svg.hashsalt"] = "tap-kayzen"
COLOR = "#2458a6"
GREY = "#888888"
LATENCY_SECONDS = 0.1
ROWS_PER_PAGE = 100


def draw(results: Results, folder: Path) -> None:
    """Draw the charts.

    Args:
        results: Results of the benchmarks.
        folder: Folder for concurrency.svg and memory.svg.
    """
    _concurrency(results, folder / "concurrency.svg")
    _memory(results, folder / "memory.svg")


def _concurrency(results: Results, path: Path) -> None:
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    numbers = list(results.by_concurrency)
    rates = [rate / 1000 for rate in results.by_concurrency.values()]
    ideal = [n * ROWS_PER_PAGE / LATENCY_SECONDS / 1000 for n in numbers]
    axes.plot(numbers, ideal, color=GREY, linestyle="--", label="the limit")
    axes.plot(numbers, rates, color=COLOR, marker="o", label="tap-kayzen, whole run")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.set_xticks(numbers, [str(n) for n in numbers])
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("concurrency (requests in flight at most)")
    axes.set_ylabel("thousand records a second")
    axes.set_title("20,000 records, 100 a page, 100 ms a page")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})


def _memory(results: Results, path: Path) -> None:
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    sizes = [size / 1000 for size in results.memory]
    peaks = [cost.rss for cost in results.memory.values()]
    bound = [1.1 * peaks[0] + 16 * size / 1000 for size in sizes]
    axes.plot(sizes, bound, color=GREY, linestyle="--", label="aim: 16 bytes a row")
    axes.plot(sizes, peaks, color=COLOR, marker="o", label="tap-kayzen")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("thousand records")
    axes.set_ylabel("peak RSS, MB")
    axes.set_title("Memory of one run")
    axes.legend(frameon=False, loc="lower right")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})


def draw_warehouse(walls: Mapping[str, Mapping[str, float]], path: Path) -> None:
    """Draw the seconds that each contender takes to load the streams.

    Args:
        walls: Seconds by stream and contender.
        path: File to write.
    """
    figure = Figure(figsize=(7, 6), layout="constrained")
    for axes, (stream, seconds) in zip(
        figure.subplots(len(walls)), walls.items(), strict=True
    ):
        names = [name.replace("`", "") for name in seconds]
        colors = [COLOR, *[GREY] * (len(names) - 1)]
        bars = axes.barh(names, [*seconds.values()], color=colors)
        axes.bar_label(bars, fmt="%.1f", padding=3)
        axes.invert_yaxis()
        axes.set_xlabel("seconds")
        axes.set_title(stream)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
