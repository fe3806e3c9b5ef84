"""Facts that are in several places agree."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft7Validator
from stream_diagram import JOINS, split
from support import ROOT, SAMPLE_CONFIG

from tap_kayzen.reports.columns import DIMENSIONS, METRICS
from tap_kayzen.sandbox.access import Access, Credentials
from tap_kayzen.sandbox.app import create_app
from tap_kayzen.sandbox.data import Dataset
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

TAP = TapKayzen(config={**SAMPLE_CONFIG, "audience_api_key": "key"})
CATALOG: dict[str, Any] = TAP.catalog_dict
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "streams.md").read_text(encoding="utf-8")
STREAMS = {entry["tap_stream_id"]: entry for entry in CATALOG["streams"]}
MAX_WORDS = 25
"""Maximum number of words in a cell of a table in docs/streams.md."""


def test_the_catalog_changes_only_on_purpose(snapshot: SnapshotAssertion) -> None:
    """`make snapshot` accepts a change."""
    assert json.dumps(CATALOG, indent=2) == snapshot


@pytest.mark.parametrize("stream", STREAMS)
def test_every_column_is_described_and_every_key_is_a_column(stream: str) -> None:
    schema = STREAMS[stream]["schema"]
    assert schema["description"]
    assert all(column.get("description") for column in schema["properties"].values())
    for key in STREAMS[stream]["key_properties"]:
        assert "null" not in schema["properties"][key]["type"]
    others = schema["properties"].keys() - set(STREAMS[stream]["key_properties"])
    assert all("null" in schema["properties"][name]["type"] for name in others)
    assert schema["properties"]["_extra"]["type"] == ["object", "null"]


def section_of(stream: str) -> str:
    """Return the section of a stream in docs/streams.md."""
    return PAGE.split(f"\n## `{stream}`\n")[1].split("\n## ")[0]


def columns_of(stream: str) -> dict[str, Any]:
    """Return the columns that the section of a stream has to describe."""
    columns = {**STREAMS[stream]["schema"]["properties"]}
    if stream == "report_results":
        for name in (METRICS.keys() | DIMENSIONS.keys()) - {"advertiser_id"}:
            columns.pop(name)
    del columns["_extra"]
    return columns


def example_of(stream: str) -> dict[str, Any]:
    """Return the example record of a stream in docs/streams.md."""
    record: dict[str, Any] = json.loads(
        section_of(stream).split("```json\n")[1].split("```")[0]
    )
    return record


@pytest.mark.parametrize("stream", STREAMS)
def test_every_stream_is_documented_correctly(stream: str) -> None:
    section = section_of(stream)
    description, listed = section.strip().split("\n\n")[:2]
    assert description == STREAMS[stream]["schema"]["description"]
    facts = dict(re.findall(r"^- (.*?): (.*)$", listed, re.MULTILINE))
    ours = TAP.streams[stream]
    assert facts["Endpoint"].startswith(f"`{ours.http_method} ")
    assert ours.path in facts["Endpoint"]
    keys = STREAMS[stream]["key_properties"]
    assert facts["Key"] == ", ".join(f"`{name}`" for name in keys)
    incremental = f"incremental on `{ours.replication_key}`"
    assert facts["Sync"] == (incremental if ours.replication_key else "full table")
    columns = columns_of(stream)
    assert re.findall(r"^\| `(\w+)`", section, re.MULTILINE) == [*columns]
    for name, column in columns.items():
        text = re.escape(column["description"])
        if name == "advertiser_id" and name not in keys:
            text = re.escape("See [common columns](#common-columns).")
        assert re.search(rf"^\| `{name}` \| .* \| {text} \|$", section, re.MULTILINE)


@pytest.mark.parametrize("stream", STREAMS)
def test_every_stream_has_an_example_record_of_its_columns(stream: str) -> None:
    example = example_of(stream)
    assert example.keys() <= STREAMS[stream]["schema"]["properties"].keys()
    assert example.keys() >= {*STREAMS[stream]["key_properties"]}
    Draft7Validator(STREAMS[stream]["schema"]).validate(example)


def test_joins_are_in_the_sections_of_both_streams() -> None:
    for join in JOINS:
        (source, column), (target, _) = split(join.source), split(join.target)
        for stream, other, fact in (
            (source, target, "Refers to"),
            (target, source, "Referenced by"),
        ):
            (line,) = re.findall(rf"^- {fact}: .*$", section_of(stream), re.MULTILINE)
            found = re.search(rf"\[`{other}`\]\(#{other}\) \((.*?)\)", line)
            assert found
            assert f"`{column}`" in found[1]
            assert join.condition in found[1]


def test_cells_of_the_page_are_short() -> None:
    cells = [
        cell
        for line in PAGE.splitlines()
        if line.startswith("| ")
        for cell in line.split("|")
    ]
    assert [cell for cell in cells if len(cell.split()) > MAX_WORDS] == []


def test_the_readme_lists_every_stream_and_its_default() -> None:
    rows = re.findall(r"^\| \[`(\w+)`\].*\| (.+?) \|$", README, re.MULTILINE)
    assert [name for name, _ in rows] == sorted(TAP.streams.keys() | {"report_results"})
    for name, default in rows:
        stream = TAP.streams.get(name)
        if "if " not in default:
            assert stream is not None
            assert (default == "yes") == stream.selected_by_default


@pytest.mark.parametrize("stream", STREAMS)
def test_every_stream_is_served_by_the_sandbox(stream: str) -> None:
    app = create_app(Dataset(campaigns=0, seed=1), Access(Credentials()))
    routes = {re.sub(r"{.*?}", "{}", str(vars(each)["path"])) for each in app.routes}
    ours = TAP.streams[stream]
    url = ours.url_base + re.sub(r"{.*?}", "{}", ours.path)
    assert url.removeprefix(ours.config["api_url"]) in routes or (
        url.removeprefix(ours.config["audience_url"]) in routes
    )
