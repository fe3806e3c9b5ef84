"""Draws spend, installs, and ROAS by day from the models. See README.md."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import matplotlib as mpl
import psycopg2
from matplotlib.dates import MO, DateFormatter, DayLocator, WeekdayLocator
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from psycopg2 import sql

if TYPE_CHECKING:
    from datetime import date
    from decimal import Decimal

    from matplotlib.axes import Axes

# Makes the SVG reproducible.
mpl.rcParams["svg.hashsalt"] = "tap-kayzen"
# Keep text as text instead of outlines: a third of the size.
mpl.rcParams["svg.fonttype"] = "none"
INK, GREY, PALE_GREY, BAND = "#222222", "#5f5f5f", "#e4e4e4", "#f5f5f5"
BLUE = ("#2458a6", "#2458a6")
GREEN = ("#0f8a7e", "#93cbc5")
ORANGE = ("#b4540a", "#e2b48c")
"""Colors of complete and incomplete days. Spend is never incomplete."""

MAX_DAILY_TICKS = 14
"""Maximum number of days for ticks at every other day instead of Mondays."""

DAYS_PER_TICK = 70
"""Number of days for weekly ticks; twice as many for every other week, and so on."""

SCHEMA = os.environ.get("KAYZEN_DBT_SCHEMA", "kayzen_analytics")
TABLE = "fct_campaign_days"
QUERY = """
SELECT day, sum(spend), sum(installs), sum(revenue), bool_or(may_be_restated)
FROM {} GROUP BY day ORDER BY day
"""


class Day(NamedTuple):
    """Totals of all campaigns on a day."""

    day: date
    spend: Decimal | None
    installs: Decimal | None
    revenue: Decimal | None
    may_be_restated: bool


def read() -> list[Day]:
    """Read the days from the database in libpq's environment variables."""
    with psycopg2.connect("") as connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL(QUERY).format(sql.Identifier(SCHEMA, TABLE)))
        return [Day(*row) for row in cursor]


def panel(axes: Axes, title: str, highest: float, form: str, color: str) -> None:
    """Prepare the axes of a metric.

    Args:
        axes: The axes.
        title: Name and total of the metric.
        highest: Largest value; the highest tick is at or above it.
        form: Format of the ticks.
        color: Color of the title.
    """
    axes.set_title(title, loc="left", color=color, weight="bold", size=11)
    ticks = MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]).tick_values(0, highest or 1)
    axes.set_yticks(ticks)
    axes.set_ylim(0, ticks[-1])
    axes.yaxis.set_major_formatter(lambda value, _: form.format(value))
    axes.grid(axis="y", color=PALE_GREY)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(GREY)
    axes.tick_params(length=0, colors=GREY)


def bars(
    axes: Axes, days: list[Day], metric: str, unit: str, colors: tuple[str, str]
) -> None:
    """Draw a metric as bars, with its total in the title.

    Args:
        axes: The axes.
        days: The days.
        metric: A field of the days.
        unit: Prefix of numbers, such as ``$``.
        colors: Colors of complete and of incomplete days.
    """
    values = [float(getattr(day, metric) or 0) for day in days]
    title = f"{metric.capitalize()}: {unit}{sum(values):,.0f}"
    panel(axes, title, max(values), unit + "{:,.0f}", colors[0])
    drawn = axes.bar([day.day for day in days], values)
    for day, bar in zip(days, drawn, strict=True):
        bar.set_gid(f"{metric}-{day.day}")
        bar.set_color(colors[day.may_be_restated])


def ratio(axes: Axes, days: list[Day], colors: tuple[str, str]) -> None:
    """Draw revenue per spend as a line, without days that had no spend."""
    paid = [day for day in days if day.spend]
    values = [float((day.revenue or 0) / (day.spend or 1)) for day in paid]
    complete = [day for day in paid if not day.may_be_restated] or paid
    revenue = sum(day.revenue or 0 for day in complete)
    spend = sum(day.spend or 0 for day in complete)
    title = f"ROAS of complete days: {revenue / spend:.2f}" if spend else "ROAS"
    panel(axes, title, max(values, default=0), "{:.2f}", colors[0])
    axes.plot([day.day for day in paid], values, color=colors[1], linewidth=1.5)
    axes.scatter(
        [day.day for day in paid],
        values,
        c=[colors[day.may_be_restated] for day in paid],
        s=26,
        zorder=3,
        gid="roas",
    )


def mark_incomplete(figure: Figure, days: list[Day]) -> None:
    """Shade the last days, whose installs and revenue are still incomplete."""
    late = [day.day for day in days if day.may_be_restated]
    if not late:
        return
    for axes in figure.axes:
        low, high = axes.get_xlim()
        half_a_day = mpl.dates.date2num(late[0]) - 0.5
        axes.axvspan(half_a_day, high, color=BAND, zorder=0, linewidth=0)
        axes.set_xlim(low, high)
    figure.axes[0].set_title(
        f"last {len(late)} days: installs and revenue are incomplete",
        loc="right",
        color=GREY,
        size=9,
    )


def draw(days: list[Day], path: Path) -> None:
    """Draw the chart.

    Args:
        days: The days.
        path: File to write; its suffix is the format, such as ``.svg`` or ``.png``.
    """
    # White, so that the chart is legible on dark pages.
    figure = Figure(figsize=(9, 6), layout="constrained", facecolor="white")
    upper, middle, lower = figure.subplots(3, sharex=True)
    upper.margins(x=0.01)
    bars(upper, days, "spend", "$", BLUE)
    bars(middle, days, "installs", "", GREEN)
    ratio(lower, days, ORANGE)
    mark_incomplete(figure, days)
    interval = 1 + len(days) // DAYS_PER_TICK
    is_long = len(days) > MAX_DAILY_TICKS
    lower.xaxis.set_major_locator(
        WeekdayLocator(MO, interval) if is_long else DayLocator(interval=2)
    )
    lower.xaxis.set_major_formatter(DateFormatter("%a %d %b"))
    title = f"Kayzen, all campaigns by day: {days[0].day} to {days[-1].day}"
    figure.suptitle(title, x=0.01, ha="left", color=INK, weight="bold", size=13)
    source = (
        "US dollars; days of the report's time zone. ROAS: revenue / spend. "
        f"Source: {SCHEMA}.{TABLE}"
    )
    figure.supxlabel(source, x=0.01, ha="left", color=GREY, size=8)
    figure.get_layout_engine().set(h_pad=0.1, w_pad=0.1)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Title": title, "Date": None})


if __name__ == "__main__":
    known = read()
    if not known:
        sys.exit(f"{SCHEMA}.{TABLE} has no rows")
    draw(known, Path(sys.argv[1]))
