"""Validates and repairs the state that a sync starts from."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tap_kayzen.messages import file_messages

if TYPE_CHECKING:
    from collections.abc import Iterator

BOOKMARKS = "bookmarks"
PARTITIONS = "partitions"
CONTEXT = "context"

CURRENTLY_SYNCING = "currently_syncing"
"""Key that some other taps write next to the bookmarks."""

IDS = ("advertiser_id", "report_id")
"""Context keys with integer values."""

STRING_ID = re.compile(r"[1-9]\d{0,17}", re.ASCII)
"""Matches an ID that other software has converted to a string."""

TRANSIENT = ("progress_markers", "replication_key_signpost")
"""Keys that are meaningful only during a sync.

The SDK removes the first at the start of a sync and the second at its end. A merged
state can contain them from any earlier sync.
"""


def find_fault(state: dict[str, Any]) -> str:
    """Describe what is wrong with the structure of a state; empty if valid."""
    bookmarks = state.get(BOOKMARKS)
    if bookmarks is None:
        return _without_bookmarks(state)
    if not isinstance(bookmarks, dict):
        return file_messages.BOOKMARKS_NOT_AN_OBJECT()
    for name, bookmark in bookmarks.items():
        if not isinstance(bookmark, dict | None):
            return file_messages.BOOKMARK_NOT_AN_OBJECT(stream=name)
        partitions = (bookmark or {}).get(PARTITIONS)
        if not isinstance(partitions, list | None) or not all(
            map(_is_partition, partitions or ())
        ):
            return file_messages.BAD_PARTITIONS(stream=name)
    return ""


def _without_bookmarks(state: dict[str, Any]) -> str:
    """Describe what is wrong with a state without top-level bookmarks."""
    for name, inner in state.items():
        # A STATE message or the output of `meltano state get`, which the SDK ignores.
        if isinstance(inner, dict) and BOOKMARKS in inner:
            return file_messages.STATE_IN_ENVELOPE(name=name)
    names = [
        name for name, value in state.items() if value and name != CURRENTLY_SYNCING
    ]
    if not names:
        return ""
    return file_messages.STATE_OF_OTHERS(names=", ".join(f"`{name}`" for name in names))


def _is_partition(value: object) -> bool:
    """Return whether a value is a valid or empty partition."""
    if not isinstance(value, dict):
        return value is None
    context = value.get(CONTEXT)
    return isinstance(context, dict) if context else not value.keys() - {CONTEXT}


def repair(state: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return a copy of a state that the SDK can read, and warnings about losses.

    Nulls are removed. IDs that are strings become integers, as in the settings. If
    other software has written a partition twice, the earlier bookmark is kept, so that
    nothing between the two is skipped.
    """
    warnings: list[str] = []
    bookmarks = {
        name: _repair_bookmark(name, bookmark, warnings)
        for name, bookmark in (state.get(BOOKMARKS) or {}).items()
        if bookmark is not None
    }
    return {**state, BOOKMARKS: bookmarks}, warnings


def _repair_bookmark(
    stream: str, bookmark: dict[str, Any], warnings: list[str]
) -> dict[str, Any]:
    lasting = _without_transient(bookmark)
    partitions = lasting.pop(PARTITIONS, None)
    if partitions:
        lasting[PARTITIONS] = list(_repair_partitions(stream, partitions, warnings))
    return lasting


def _repair_partitions(
    stream: str, partitions: list[dict[str, Any] | None], warnings: list[str]
) -> Iterator[dict[str, Any]]:
    """Yield each partition once, in the order of first appearance."""
    grouped: dict[str, list[dict[str, Any]]] = {}
    for partition in partitions:
        context = (partition or {}).get(CONTEXT)
        if not partition or not context:
            warnings.append(file_messages.PARTITION_WITHOUT_CONTEXT(stream=stream))
            continue
        context = {name: _convert_id(name, value) for name, value in context.items()}
        mark = json.dumps(context, sort_keys=True, default=str)
        lasting = {**_without_transient(partition), CONTEXT: context}
        grouped.setdefault(mark, []).append(lasting)
    for mark, same in grouped.items():
        kept = min(same, key=_sort_key)
        if len(same) > 1:
            warnings.append(
                file_messages.PARTITION_REPEATED(
                    stream=stream,
                    partition=mark,
                    count=len(same),
                    bookmark=kept.get("replication_key_value"),
                )
            )
        yield kept


def _convert_id(name: str, value: object) -> object:
    """Convert a context value to an integer if it is an ID in a string."""
    is_text = name in IDS and isinstance(value, str) and STRING_ID.fullmatch(value)
    return int(str(value)) if is_text else value


def _without_transient(bookmark: dict[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in bookmark.items() if name not in TRANSIENT}


def _sort_key(partition: dict[str, Any]) -> tuple[bool, str]:
    """Return a sort key: by ISO 8601 value, partitions without a value last."""
    value = partition.get("replication_key_value")
    return value is None, str(value)
