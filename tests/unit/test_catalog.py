"""What stands in several places stands there in the same way."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from support import ROOT, SAMPLE_CONFIG

from tap_kayzen.client import KayzenStream
from tap_kayzen.sandbox.access import Access, Credentials
from tap_kayzen.sandbox.app import create_app
from tap_kayzen.sandbox.data import Dataset
from tap_kayzen.settings import SETTINGS
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

TAP = TapKayzen(config={**SAMPLE_CONFIG, "audience_api_key": "key"})
CATALOG: dict[str, Any] = TAP.catalog_dict
README = (ROOT / "README.md").read_text()
STREAMS = {entry["tap_stream_id"]: entry for entry in CATALOG["streams"]}


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


def row_of(stream: str) -> list[str]:
    """Give the cells of a stream's row in the README."""
    lines = re.findall(rf"^\| `{stream}` \|.*$", README, re.MULTILINE)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    # A setting may have the same name; the tables differ in width.
    (row,) = [row for row in rows if len(row) == 6]
    return row


@pytest.mark.parametrize("stream", STREAMS)
def test_every_stream_is_in_the_readme_as_it_is(stream: str) -> None:
    _, endpoint, key, replication, selected, certainty = row_of(stream)
    ours = TAP.streams[stream]
    assert isinstance(ours, KayzenStream)
    assert ours.path in endpoint
    assert key == ", ".join(f"`{name}`" for name in STREAMS[stream]["key_properties"])
    incremental = f"incremental on `{ours.replication_key}`"
    assert replication == (incremental if ours.replication_key else "full table")
    assert selected == ("yes" if ours.selected_by_default else "no")
    assert certainty


@pytest.mark.parametrize("stream", STREAMS)
def test_every_stream_is_served_by_the_sandbox(stream: str) -> None:
    app = create_app(Dataset(campaigns=0, seed=1), Access(Credentials()))
    routes = {re.sub(r"{.*?}", "{}", str(vars(each)["path"])) for each in app.routes}
    ours = TAP.streams[stream]
    assert isinstance(ours, KayzenStream)
    url = ours.url_base + re.sub(r"{.*?}", "{}", ours.path)
    assert url.removeprefix(ours.config["api_url"]) in routes or (
        url.removeprefix(ours.config["audience_url"]) in routes
    )


def test_every_setting_is_in_the_readme() -> None:
    for name in SETTINGS["properties"]:
        assert f"\n| `{name}` |" in README
