"""Validates and repairs catalogs."""

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

METHOD_KEY = "replication-method"
"""Metadata key of the replication method in the Singer specification.

The SDK reads only the `replication_method` of the entry.
"""


def fault(value: Mapping[str, Any]) -> str:
    """Describe what is wrong with a catalog; empty if it is valid."""
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
            # The SDK would fail without naming the entry.
            stream = f" ({name})" if name else ""
            return file_messages.BAD_ENTRY(index=index, stream=stream, fault=reason)
    return ""


def _entry_fault(entry: dict[str, Any]) -> str:
    """Describe what is wrong with a named entry; empty if it is valid."""
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
    # Only selected streams need columns.
    if is_selected and not columns:
        return "has no column in its `schema`"
    for name, definition in columns.items():
        if not _is_schema(_expand_true(definition)):
            return f"has no JSON Schema for the column `{name}`"
    return _replication_fault(entry)


def _is_selected(entry: Mapping[str, Any]) -> bool | None:
    """Return whether an entry is selected; None if its metadata is invalid."""
    try:
        metadata = MetadataMapping.from_iterable(entry.get("metadata", []))
        selection = metadata.resolve_selection()
        # A string would count as a list of characters.
        are_lists = not any(
            isinstance(each["breadcrumb"], str) for each in entry.get("metadata", [])
        )
    except (AttributeError, KeyError, TypeError):
        return None
    return selection[()] if are_lists else None


def _is_schema(definition: dict[str, Any]) -> bool:
    """Return whether the schema of a column is valid."""
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
        if not isinstance(_only_item(where.get(name)), str | None):
            return f"must have a single column in `{name}`"
    for name, where in (("replication_method", entry), (METHOD_KEY, root)):
        if (method := where.get(name)) and method not in METHODS:
            return f"must have one of {', '.join(METHODS)} in `{name}`"
    return ""


def repair(catalog: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a valid catalog in the form that the SDK expects.

    - A replication method in the metadata replaces that of the entry, which
      ``--discover`` prints.
    - A list with one replication key becomes that key.
    - A column schema of ``true``, which allows any value, becomes ``{}``.
    """
    return {**catalog, "streams": [*map(_repair_entry, catalog.get("streams", []))]}


def _repair_entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    result = {**entry}
    if method := _root(entry).get(METHOD_KEY):
        result["replication_method"] = method
    if "replication_key" in entry:
        result["replication_key"] = _only_item(entry["replication_key"])
    if "metadata" in entry:
        result["metadata"] = [*map(_repair_metadata, entry["metadata"])]
    schema = entry.get("schema", {})
    if columns := schema.get("properties"):
        columns = {name: _expand_true(each) for name, each in columns.items()}
        result["schema"] = {**schema, "properties": columns}
    return result


def _repair_metadata(each: Mapping[str, Any]) -> dict[str, Any]:
    metadata = each["metadata"]
    if "replication-key" in metadata:
        metadata = {
            **metadata,
            "replication-key": _only_item(metadata["replication-key"]),
        }
    return {**each, "metadata": metadata}


def _root(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the metadata of the stream itself."""
    roots = [
        each["metadata"] for each in entry.get("metadata", []) if not each["breadcrumb"]
    ]
    # The SDK also uses the last one.
    return roots[-1] if roots else {}


def _only_item(value: object) -> object:
    """Return the only item of a list, or None if it is empty.

    Other values are returned unchanged.
    """
    if isinstance(value, list) and len(value) <= 1:
        return value[0] if value else None
    return value


def _expand_true(definition: Any) -> Any:  # noqa: ANN401
    return {} if definition is True else definition
