"""The state that a run starts from: faults are named, or mended with a warning."""

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

CURRENT = "currently_syncing"
"""A key that taps of other frameworks write beside the bookmarks."""

IDS = ("advertiser_id", "report_id")
"""Keys of contexts that are integers."""

ID = re.compile(r"[1-9]\d{0,17}", re.ASCII)
"""An ID as text, which other software may make of it."""

TRANSIENT = ("progress_markers", "replication_key_signpost")
"""Keys with a meaning during a run only.

The SDK drops the first at the start of a run, the second at its end. A state that
was merged may have them from any run before.
"""


def fault(state: dict[str, Any]) -> str:
    """Return what is wrong with the shape of a state; empty if nothing is."""
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
    """Return what is wrong with a state that has no bookmarks where they belong."""
    for name, inner in state.items():
        # A whole STATE message, or what `meltano state get` prints: of no effect.
        if isinstance(inner, dict) and BOOKMARKS in inner:
            return file_messages.STATE_IN_ENVELOPE(name=name)
    names = [name for name, value in state.items() if value and name != CURRENT]
    if not names:
        return ""
    return file_messages.STATE_OF_OTHERS(names=", ".join(f"`{name}`" for name in names))


def _is_partition(value: object) -> bool:
    """Return whether a value can be read as a partition, or has nothing in it."""
    if not isinstance(value, dict):
        return value is None
    context = value.get(CONTEXT)
    return isinstance(context, dict) if context else not value.keys() - {CONTEXT}


def mended(state: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return a copy of a state that the SDK can read, and a warning for each loss.

    What is null counts as absent. IDs that are text become the numbers that they are in
    the settings. Other software may write the same partition twice: the earlier
    bookmark stays, so that no day or change between them is skipped.
    """
    warnings: list[str] = []
    bookmarks = {
        name: _mended_bookmark(name, bookmark, warnings)
        for name, bookmark in (state.get(BOOKMARKS) or {}).items()
        if bookmark is not None
    }
    return {**state, BOOKMARKS: bookmarks}, warnings


def _mended_bookmark(
    stream: str, bookmark: dict[str, Any], warnings: list[str]
) -> dict[str, Any]:
    lasting = _lasting(bookmark)
    partitions = lasting.pop(PARTITIONS, None)
    if partitions:
        lasting[PARTITIONS] = list(_mended_partitions(stream, partitions, warnings))
    return lasting


def _mended_partitions(
    stream: str, partitions: list[dict[str, Any] | None], warnings: list[str]
) -> Iterator[dict[str, Any]]:
    """Yield each partition once, in the order in which they come first."""
    grouped: dict[str, list[dict[str, Any]]] = {}
    for partition in partitions:
        context = (partition or {}).get(CONTEXT)
        if not partition or not context:
            warnings.append(file_messages.PARTITION_WITHOUT_CONTEXT(stream=stream))
            continue
        context = {name: _typed(name, value) for name, value in context.items()}
        mark = json.dumps(context, sort_keys=True, default=str)
        lasting = {**_lasting(partition), CONTEXT: context}
        grouped.setdefault(mark, []).append(lasting)
    for mark, same in grouped.items():
        kept = min(same, key=_bookmark_of)
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


def _typed(name: str, value: object) -> object:
    """Return the value of a context, as an integer if it is an ID that is text."""
    is_text = name in IDS and isinstance(value, str) and ID.fullmatch(value)
    return int(str(value)) if is_text else value


def _lasting(bookmark: dict[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in bookmark.items() if name not in TRANSIENT}


def _bookmark_of(partition: dict[str, Any]) -> tuple[bool, str]:
    """Return a sort key: bookmarks are ISO 8601; those without a value come last."""
    value = partition.get("replication_key_value")
    return value is None, str(value)
