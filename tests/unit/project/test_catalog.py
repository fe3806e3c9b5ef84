"""What stands in several places stands there in the same way."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from support import ROOT, SAMPLE_CONFIG

from tap_kayzen.config.settings import SETTINGS
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
    """Give what docs/streams.md says of a stream."""
    return PAGE.split(f"\n## `{stream}`\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("stream", STREAMS)
def test_every_stream_is_in_the_docs_as_it_is(stream: str) -> None:
    description, facts, table = section_of(stream).strip().split("\n\n")[:3]
    assert description == STREAMS[stream]["schema"]["description"]
    endpoint, key, replication = facts.split(" · ")
    ours = TAP.streams[stream]
    assert endpoint.startswith(f"`{ours.http_method} ")
    assert ours.path in endpoint
    keys = ", ".join(f"`{name}`" for name in STREAMS[stream]["key_properties"])
    assert key == f"key {keys}"
    incremental = f"incremental on `{ours.replication_key}`"
    assert replication == (incremental if ours.replication_key else "full table")
    columns = STREAMS[stream]["schema"]["properties"]
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == [*columns]
    for name, column in columns.items():
        assert re.search(
            rf"^\| `{name}` \| .* \| {re.escape(column['description'])} \|$",
            table,
            re.MULTILINE,
        )


def test_the_readme_names_the_streams_that_are_selected_and_the_others() -> None:
    selected, others = (
        README.split("By default the streams ")[1]
        .split(": [streams]")[0]
        .split("There are also ")
    )
    by_default = {
        name
        for name, stream in TAP.streams.items()
        if stream.selected_by_default and name != "audiences"
    }
    assert re.findall(r"`(\w+)`", selected) == sorted(by_default)
    assert re.findall(r"`(\w+)`", others) == sorted(TAP.streams.keys() - by_default)


@pytest.mark.parametrize("stream", STREAMS)
def test_every_stream_is_served_by_the_sandbox(stream: str) -> None:
    app = create_app(Dataset(campaigns=0, seed=1), Access(Credentials()))
    routes = {re.sub(r"{.*?}", "{}", str(vars(each)["path"])) for each in app.routes}
    ours = TAP.streams[stream]
    url = ours.url_base + re.sub(r"{.*?}", "{}", ours.path)
    assert url.removeprefix(ours.config["api_url"]) in routes or (
        url.removeprefix(ours.config["audience_url"]) in routes
    )


def test_the_readme_has_settings_as_they_are() -> None:
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| (.*?) \|", README, re.MULTILINE)
    assert len(rows) == 8
    for names, default in rows:
        for name in re.findall(r"\w+", names):
            setting = SETTINGS["properties"][name]
            assert (default == "required") == (name in SETTINGS["required"])
            if isinstance(given := setting.get("default"), (str, int)):
                assert default.strip("`") == json.dumps(given).strip('"')
