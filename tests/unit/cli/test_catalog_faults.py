from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support import SAMPLE_CONFIG, catalog_of

from tap_kayzen.cli.catalogs import fault
from tap_kayzen.messages import file_messages
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_kayzen.streams.base import KayzenStream

    Entry = dict[str, Any]

INCREMENTAL = {"replication-method": "INCREMENTAL", "replication-key": "updated_at"}
METHODS = "FULL_TABLE, INCREMENTAL, LOG_BASED"
NO_METADATA = "has no list `metadata` with `breadcrumb` and `metadata`"


def catalog_with(edit: Callable[[Entry], object]) -> dict[str, Any]:
    catalog: dict[str, Any] = json.loads(json.dumps(catalog_of("campaigns")))
    edit(catalog["streams"][0])
    return catalog


def stream_of(catalog: dict[str, Any]) -> KayzenStream:
    before = json.dumps(catalog)
    tap = TapKayzen(config=dict(SAMPLE_CONFIG), catalog=catalog)
    assert json.dumps(catalog) == before
    return tap.streams["campaigns"]


def setting(**values: object) -> Callable[[Entry], object]:
    return lambda entry: entry.update(values)


def root(**metadata: object) -> Callable[[Entry], object]:
    def edit(entry: Entry) -> None:
        for each in entry["metadata"]:
            if each["breadcrumb"] == []:
                each["metadata"] |= metadata

    return edit


def more_metadata(entry_of_metadata: object) -> Callable[[Entry], object]:
    return lambda entry: entry["metadata"].append(entry_of_metadata)


def column(definition: object) -> Callable[[Entry], object]:
    return lambda entry: entry["schema"]["properties"].update(name=definition)


@pytest.mark.parametrize(
    "edit",
    [
        root(**INCREMENTAL),
        root(**{**INCREMENTAL, "replication-key": ["updated_at"]}),
        setting(replication_method="INCREMENTAL", replication_key=["updated_at"]),
    ],
)
def test_replication_can_be_written_in_several_ways(
    edit: Callable[[Entry], object],
) -> None:
    catalog = catalog_with(edit)
    assert fault(catalog) == ""
    stream = stream_of(catalog)
    assert stream.is_incremental
    assert stream.replication_key == "updated_at"


def test_the_method_in_the_metadata_overrides_that_of_the_entry() -> None:
    catalog = catalog_with(root(**{"replication-method": "FULL_TABLE"}))
    catalog["streams"][0] |= {
        "replication_method": "INCREMENTAL",
        "replication_key": "updated_at",
    }
    assert not stream_of(catalog).is_incremental


@pytest.mark.parametrize("nothing", ["", None])
def test_an_empty_method_counts_as_not_set(nothing: object) -> None:
    edit = root(**{"replication-method": nothing})
    catalog = catalog_with(edit)
    setting(replication_method=nothing, replication_key=nothing)(catalog["streams"][0])
    assert fault(catalog) == ""
    assert stream_of(catalog).replication_method == "FULL_TABLE"


@pytest.mark.parametrize(
    ("definition", "value", "expected"),
    [
        (True, {"a": 1}, {"a": 1}),
        ({"type": None}, {"a": 1}, {"a": 1}),
        ({"type": ["null", "string"], "format": "uuid"}, 7, "7"),
        ({"type": "string", "format": None}, 7, "7"),
    ],
)
def test_a_column_can_have_an_unusual_schema(
    definition: object, value: object, expected: object
) -> None:
    catalog = catalog_with(column(definition))
    assert fault(catalog) == ""
    rows = [{"id": 1, "name": value}]
    assert stream_of(catalog).to_records(rows, None) == [{"id": 1, "name": expected}]


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (more_metadata({"breadcrumb": None, "metadata": {}}), NO_METADATA),
        (more_metadata({"metadata": {}}), NO_METADATA),
        (more_metadata({"breadcrumb": "properties", "metadata": {}}), NO_METADATA),
        (more_metadata({"breadcrumb": [], "metadata": None}), NO_METADATA),
        (column(definition=False), "has no `schema` with `properties`"),
        *(
            (column(definition), "has no JSON Schema for the column `name`")
            for definition in (
                {"type": 5},
                {"type": "string", "format": ["uuid"]},
                {"type": "array", "items": True},
                {"type": "array", "items": [{"type": "string"}]},
                {"type": "object", "properties": {"a": True}},
            )
        ),
        (
            setting(replication_key=["updated_at", "id"]),
            "must have a single column in `replication_key`",
        ),
        (
            root(**{"replication-key": {}}),
            "must have a single column in `replication-key`",
        ),
        (
            setting(replication_method="incremental"),
            f"must have one of {METHODS} in `replication_method`",
        ),
        (
            root(**{"replication-method": ["INCREMENTAL"]}),
            f"must have one of {METHODS} in `replication-method`",
        ),
    ],
)
def test_unreadable_entries_are_named(
    edit: Callable[[Entry], object], words: str
) -> None:
    assert fault(catalog_with(edit)) == file_messages.BAD_ENTRY(
        index=0, stream=" (campaigns)", fault=words
    )
