"""Catalogs: what is wrong with one, and the small things that are mended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib import Schema
from singer_sdk.singerlib.catalog import (
    REPLICATION_FULL_TABLE,
    REPLICATION_INCREMENTAL,
    REPLICATION_LOG_BASED,
    MetadataMapping,
)

from tap_kayzen.messages import file_messages
from tap_kayzen.records.fast import exact_type
from tap_kayzen.records.values import may_hold_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

METHODS = (REPLICATION_FULL_TABLE, REPLICATION_INCREMENTAL, REPLICATION_LOG_BASED)

METHOD_IN_METADATA = "replication-method"
"""Where Singer's specification has the method; the SDK reads the entry's alone."""


def fault(value: Mapping[str, Any]) -> str:
    """Return what is wrong with a catalog; empty if nothing is."""
    entries = value.get("streams")
    if not isinstance(entries, list):
        # The SDK would select nothing.
        return file_messages.NO_STREAMS()
    names: set[object] = set()
    for index, entry in enumerate(entries):
        name = entry.get("tap_stream_id") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name:
            reason = "has no `tap_stream_id`"
        elif name in names:
            reason = "occurs twice"
        else:
            reason = _entry_fault(entry)
        names.add(name)
        if reason:
            # The SDK would fail without saying where.
            stream = f" ({name})" if name else ""
            return file_messages.BAD_ENTRY(index=index, stream=stream, fault=reason)
    return ""


def _entry_fault(entry: dict[str, Any]) -> str:
    """Return what is wrong with an entry of a catalog that has a name."""
    is_selected = _is_selected(entry)
    if is_selected is None:
        return "has no list `metadata` with `breadcrumb` and `metadata`"
    keys = entry.get("key_properties") or []
    if not isinstance(keys, list) or not all(isinstance(each, str) for each in keys):
        return "has no list of columns in `key_properties`"
    schema = entry.get("schema", {})
    columns = schema.get("properties", {}) if isinstance(schema, dict) else None
    if not isinstance(columns, dict) or not all(
        isinstance(each, dict) or each is True for each in columns.values()
    ):
        return "has no `schema` with `properties`"
    # What is not read needs none.
    if is_selected and not columns:
        return "has no column in its `schema`"
    for name, definition in columns.items():
        if not _is_schema(_plain(definition)):
            return f"has no JSON Schema for the column `{name}`"
    return _replication_fault(entry)


def _is_selected(entry: Mapping[str, Any]) -> bool | None:
    """Return whether an entry is selected; None if its metadata cannot be read."""
    try:
        metadata = MetadataMapping.from_iterable(entry.get("metadata", []))
        selection = metadata.resolve_selection()
        # Text would pass for a list of letters.
        are_lists = not any(
            isinstance(each["breadcrumb"], str) for each in entry.get("metadata", [])
        )
    except (AttributeError, KeyError, TypeError):
        return None
    return selection[()] if are_lists else None


def _is_schema(definition: dict[str, Any]) -> bool:
    """Return whether the schema of a column can be read."""
    try:
        column = Schema.from_dict(definition).to_dict()
        exact_type(column)
        may_hold_fields(column)
    except (AttributeError, KeyError, TypeError):
        return False
    return True


def _replication_fault(entry: Mapping[str, Any]) -> str:
    root = _root(entry)
    for name, where in (("replication_key", entry), ("replication-key", root)):
        if not isinstance(_only(where.get(name)), str | None):
            return f"must have a single column in `{name}`"
    for name, where in (("replication_method", entry), (METHOD_IN_METADATA, root)):
        if (method := where.get(name)) and method not in METHODS:
            return f"must have one of {', '.join(METHODS)} in `{name}`"
    return ""


def mended(catalog: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a catalog, in which there is no `fault`, for the SDK.

    The method of replication may stand in the metadata, where it goes before that of
    the entry, which --discover prints. A list of one replication key is that key. A
    column whose schema is ``true`` may hold anything, as JSON Schema has it.
    """
    return {**catalog, "streams": [*map(_mended_entry, catalog.get("streams", []))]}


def _mended_entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    result = {**entry}
    if method := _root(entry).get(METHOD_IN_METADATA):
        result["replication_method"] = method
    if "replication_key" in entry:
        result["replication_key"] = _only(entry["replication_key"])
    if "metadata" in entry:
        result["metadata"] = [*map(_mended_metadata, entry["metadata"])]
    schema = entry.get("schema", {})
    if columns := schema.get("properties"):
        columns = {name: _plain(each) for name, each in columns.items()}
        result["schema"] = {**schema, "properties": columns}
    return result


def _mended_metadata(each: Mapping[str, Any]) -> dict[str, Any]:
    metadata = each["metadata"]
    if "replication-key" in metadata:
        metadata = {**metadata, "replication-key": _only(metadata["replication-key"])}
    return {**each, "metadata": metadata}


def _root(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the metadata of the stream itself."""
    roots = [
        each["metadata"] for each in entry.get("metadata", []) if not each["breadcrumb"]
    ]
    # The SDK takes the last one, too.
    return roots[-1] if roots else {}


def _only(value: object) -> object:
    """Return the only item of a list, None for an empty one, and other values."""
    if isinstance(value, list) and len(value) <= 1:
        return value[0] if value else None
    return value


def _plain(definition: Any) -> Any:  # noqa: ANN401
    return {} if definition is True else definition
