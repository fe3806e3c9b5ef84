"""The pictures in README.md and docs/ show current data and fetch nothing."""

from __future__ import annotations

import re
from datetime import date, timedelta
from itertools import chain
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import chart_values
import pytest
import stream_diagram
from support import ROOT

from tap_kayzen.sandbox.data import DEFAULT_ADVERTISER, Dataset
from tap_kayzen.sandbox.report_builder import ReportRequest

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

DOCS = ROOT / "docs"
PICTURES = sorted(DOCS.glob("*.svg"))
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
DEMO_CAMPAIGNS = 5000


def images(page: Path) -> dict[Path, str]:
    """Return the pictures of a page, with their alternative texts."""
    found = re.findall(r"!\[([^]]*)\]\(([^)]+\.svg)\)", page.read_text("utf-8"))
    return {(page.parent / path).resolve(): text for text, path in found}


def test_each_picture_is_shown_and_described() -> None:
    shown = dict(chain.from_iterable(images(page).items() for page in PAGES))
    assert set(PICTURES) <= shown.keys()
    assert all(len(shown[path]) > 15 for path in PICTURES)
    assert {DOCS / "demo.svg", DOCS / "first-minute.svg"} <= images(PAGES[0]).keys()


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_a_picture_is_small_and_needs_nothing_from_elsewhere(path: Path) -> None:
    assert path.stat().st_size < 100_000
    text = path.read_text("utf-8")
    assert not re.search(r"@import|<script|<image|<foreignObject|<!ENTITY", text)
    links = re.findall(r"(?:href=[\"']|url\([\"']?)([^\"')]+)", text)
    assert all(link.startswith("#") for link in links)
    assert ET.fromstring(text).get("viewBox")  # noqa: S314


def test_the_chart_matches_the_demo() -> None:
    """`make pictures` draws it."""
    dataset = Dataset(campaigns=DEMO_CAMPAIGNS, seed=1)
    spend, installs, roas = chart_values.panels(DOCS / "demo.svg")
    assert len(spend.days) == len(roas.values) == 30
    first, last = (date.fromisoformat(spend.days[index]) for index in (0, -1))
    dataset.today = last + timedelta(days=1)
    request = ReportRequest(
        first, last, ("advertiser_spend", "installs", "revenue_ltv"), ("day",)
    )
    rows = dataset.report_rows(DEFAULT_ADVERTISER, request)
    assert [row["day"] for row in rows] == spend.days == installs.days
    for panel, values in (
        (spend, [row["advertiser_spend"] for row in rows]),
        (installs, [row["installs"] for row in rows]),
        (roas, [row["revenue_ltv"] / row["advertiser_spend"] for row in rows]),
    ):
        assert panel.values == pytest.approx([*map(float, values)], rel=1e-3)
        assert max(panel.values) <= panel.highest_tick


def test_the_recording_shows_a_successful_demo() -> None:
    path = DOCS / "first-minute.svg"
    lines = [
        text.replace("\N{NO-BREAK SPACE}", " ") for text in chart_values.texts(path)
    ]
    assert lines[0] == "$ make demo"
    assert [line[:3] for line in lines if re.match(r"\d/4  ", line)] == [
        *("1/4", "2/4", "3/4", "4/4")
    ]
    assert lines[-1].endswith(": output/spend_and_installs.svg")
    # No path, host, or user of the machine that it was made on.
    assert not re.search(
        r"(?<![\w/])/\w|\w@\w|localhost|\d+\.\d+\.\d+\.\d+", str(lines)
    )


def test_the_diagram_of_streams_is_up_to_date() -> None:
    """`make docs-pages` draws it."""
    assert stream_diagram.PATH.read_text("utf-8") == stream_diagram.drawing()


def test_the_diagram_shows_each_stream_with_columns_of_its_schema() -> None:
    streams = stream_diagram.streams()
    shown = [box.stream for box in stream_diagram.BOXES]
    assert sorted(shown) == sorted(streams)
    columns = {name: each.schema["properties"] for name, each in streams.items()}
    for box in stream_diagram.BOXES:
        for column in box.columns:
            name = column.removesuffix("[]")
            is_list = "array" in columns[box.stream][name]["type"]
            assert is_list == column.endswith("[]"), column
    for join in stream_diagram.JOINS:
        for end in (join.source, join.target):
            stream, column = stream_diagram.split(end)
            assert column in columns[stream], end
        stream, column = stream_diagram.split(join.target)
        keys: Any = streams[stream].primary_keys
        assert column in {*keys, "id", "name"}
