"""What stands in several places stands there in the same way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from support import ROOT, SAMPLE_CONFIG

from tap_kayzen.sandbox.app import LISTS
from tap_kayzen.settings import SETTINGS
from tap_kayzen.streams import ALL
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

CATALOG: dict[str, Any] = TapKayzen(config=dict(SAMPLE_CONFIG)).catalog_dict
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


@pytest.mark.parametrize("stream", STREAMS)
def test_every_stream_is_in_the_readme(stream: str) -> None:
    assert f"\n| `{stream}` |" in README


def test_every_stream_is_served_by_the_sandbox() -> None:
    tap = TapKayzen(config=dict(SAMPLE_CONFIG))
    assert len(ALL) == len(tap.streams)
    assert all(f"/v1{stream(tap).path}" in LISTS for stream in ALL)


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
