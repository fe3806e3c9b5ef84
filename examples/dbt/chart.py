"""Spend and installs by day, drawn from the models. README.md says how to run it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import matplotlib as mpl
import psycopg2
from matplotlib.dates import AutoDateLocator, DateFormatter
from matplotlib.figure import Figure
from psycopg2 import sql

if TYPE_CHECKING:
    from datetime import date
    from decimal import Decimal

    from matplotlib.axes import Axes

# The same picture for the same figures.
mpl.rcParams["svg.hashsalt"] = "tap-kayzen"
BLUE, GREEN, PALE_GREEN = "#2458a6", "#0f8a7e", "#93cbc5"
INK, GREY, PALE_GREY = "#222222", "#5f5f5f", "#e4e4e4"
SCHEMA = os.environ.get("KAYZEN_DBT_SCHEMA", "kayzen_analytics")
TABLE = "fct_campaign_days"
QUERY = """
SELECT day, sum(spend), sum(installs), bool_or(may_be_restated)
FROM {} GROUP BY day ORDER BY day
"""


class Day(NamedTuple):
    """What all campaigns together spent and brought on a day."""

    day: date
    spend: Decimal | None
    installs: Decimal | None
    may_be_restated: bool


def read() -> list[Day]:
    """Read the days from the database that libpq's variables name."""
    with psycopg2.connect("") as connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL(QUERY).format(sql.Identifier(SCHEMA, TABLE)))
        return [Day(*row) for row in cursor]


def panel(
    axes: Axes, days: list[Day], metric: str, unit: str, colors: tuple[str, str]
) -> None:
    """Draw a metric as bars.

    Args:
        axes: Where.
        days: What is drawn.
        metric: A field of the days.
        unit: What stands before its numbers.
        colors: That of most days, and that of those which may be restated.
    """
    values = [getattr(day, metric) or 0 for day in days]
    bars = axes.bar([day.day for day in days], [*map(float, values)])
    for day, bar in zip(days, bars, strict=True):
        bar.set_gid(f"{metric}-{day.day}")
        bar.set_color(colors[day.may_be_restated])
    title = f"{metric.capitalize()}: {unit}{sum(values):,.0f}"
    axes.set_title(title, loc="left", color=colors[0], weight="bold", size=11)
    axes.yaxis.set_major_formatter(lambda value, _: f"{unit}{value:,.0f}")
    axes.locator_params(axis="y", nbins=4, integer=True)
    axes.grid(axis="y", color=PALE_GREY)
    axes.set_axisbelow(True)
    axes.margins(x=0.01)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(GREY)
    axes.tick_params(length=0, colors=GREY)


def draw(days: list[Day], path: Path) -> None:
    """Draw the chart.

    Args:
        days: What is drawn.
        path: Where it goes; the suffix says the format, such as ``.svg`` or ``.png``.
    """
    # White behind it, so that it can be read on a dark page too.
    figure = Figure(figsize=(9, 5.2), layout="constrained", facecolor="white")
    upper, lower = figure.subplots(2, sharex=True)
    panel(upper, days, "spend", "$", (BLUE, BLUE))
    panel(lower, days, "installs", "", (GREEN, PALE_GREEN))
    lower.set_title("pale: still coming in", loc="right", color=GREY, size=9)
    lower.xaxis.set_major_locator(AutoDateLocator(interval_multiples=False))
    lower.xaxis.set_major_formatter(DateFormatter("%d %b"))
    title = f"Kayzen: spend and installs by day, {days[0].day} to {days[-1].day}"
    figure.suptitle(title, x=0.01, ha="left", color=INK, weight="bold", size=13)
    source = f"US dollars; days of the report's time zone. Source: {SCHEMA}.{TABLE}"
    figure.supxlabel(source, x=0.01, ha="left", color=GREY, size=8)
    figure.get_layout_engine().set(h_pad=0.12)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Title": title, "Date": None})


if __name__ == "__main__":
    known = read()
    if not known:
        sys.exit(f"{SCHEMA}.{TABLE} has no rows")
    draw(known, Path(sys.argv[1]))
