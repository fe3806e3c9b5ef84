"""What stands in several places stands there in the same way."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
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
MELTANO: dict[str, Any] = yaml.safe_load((ROOT / "meltano.yml").read_text())
README = (ROOT / "README.md").read_text()
STREAMS = {entry["tap_stream_id"]: entry for entry in CATALOG["streams"]}
PLUGIN: dict[str, Any] = MELTANO["plugins"]["extractors"][0]


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


def test_meltano_selects_what_is_selected_by_default() -> None:
    assert PLUGIN["select"] == [
        f"{name}.*"
        for name, stream in TAP.streams.items()
        if stream.selected_by_default and name != "audiences"
    ]


def test_every_setting_is_in_the_readme() -> None:
    for name in SETTINGS["properties"]:
        assert f"\n| `{name}` |" in README


KINDS = {
    "array": "array",
    "boolean": "boolean",
    "integer": "integer",
    # Not decimal: Meltano itself fails on such a variable in the environment.
    "number": "integer",
    "string": "string",
}


def test_meltano_knows_the_same_settings() -> None:
    theirs = {setting["name"]: setting for setting in PLUGIN["settings"]}
    assert list(theirs) == list(SETTINGS["properties"])
    for name, ours in SETTINGS["properties"].items():
        types = [ours["type"]] if isinstance(ours["type"], str) else ours["type"]
        kind = "options" if "enum" in ours else KINDS[types[0]]
        assert theirs[name]["kind"] == kind
        assert theirs[name]["label"] == ours["title"]
        assert theirs[name]["description"].strip() == ours["description"]
        assert theirs[name].get("sensitive", False) == ours.get("secret", False)
        assert theirs[name].get("value") == ours.get("default")
        if "enum" in ours:
            values = [option["value"] for option in theirs[name]["options"]]
            assert values == ours["enum"]


def test_meltano_knows_the_same_capabilities() -> None:
    assert PLUGIN["capabilities"] == sorted(
        str(each.value) for each in TapKayzen.capabilities
    )


def test_meltano_has_the_sandbox_login_and_no_other() -> None:
    dev, prod = MELTANO["environments"]
    (plugin,) = dev["config"]["plugins"]["extractors"]
    assert plugin["config"] == SAMPLE_CONFIG
    assert prod == {"name": "prod"}
    assert MELTANO["send_anonymous_usage_stats"] is False
    assert not PLUGIN["config"].keys() & SAMPLE_CONFIG.keys()
