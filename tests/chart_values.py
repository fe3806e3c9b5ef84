"""Reads the values off a chart of examples/dbt/chart.py, by its ticks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SVG = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True)
class Panel:
    """A panel of the chart: the values drawn, by day if they are bars."""

    metric: str
    values: list[float]
    days: list[str]
    highest_tick: float


def texts(chart: Path) -> list[str]:
    """Return all text of a chart."""
    return [each.text or "" for each in ET.parse(chart).iter(f"{SVG}text")]  # noqa: S314


def panels(chart: Path) -> Iterator[Panel]:
    """Read the panels of a chart."""
    for group in ET.parse(chart).iter(f"{SVG}g"):  # noqa: S314
        if group.get("id", "").startswith("axes_"):
            yield _panel(group)


def _panel(axes: ET.Element) -> Panel:
    ticks = []
    bars: dict[str, float] = {}
    dots: list[float] = []
    for group in axes.iter(f"{SVG}g"):
        name = group.get("id", "")
        if name.startswith("ytick_"):
            (text,) = group.iter(f"{SVG}text")
            value = float((text.text or "").replace(",", "").removeprefix("$"))
            ticks.append((_top(group), value))
        elif re.match(r"\w+-\d{4}-\d\d-\d\d$", name):
            bars[name] = _top(group)
        elif name == "roas":
            dots = [float(use.get("y", "")) for use in group.iter(f"{SVG}use")]
    (low_y, low), (high_y, high) = ticks[0], ticks[-1]
    scale = (high - low) / (high_y - low_y)
    heights = [*bars.values()] or dots
    metric = next(iter(bars), "roas-").partition("-")[0]
    return Panel(
        metric,
        [low + (y - low_y) * scale for y in heights],
        [name.partition("-")[2] for name in bars],
        high,
    )


def _top(group: ET.Element) -> float:
    """Return the smallest y of the first path in a group."""
    path = next(group.iter(f"{SVG}path")).get("d", "")
    return min(float(y) for _, y in re.findall(r"([\d.]+) ([\d.]+)", path))
