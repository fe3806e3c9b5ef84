"""Lasting faults: well-formed responses that differ from the documentation.

A repeated request gets the same fault.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from tap_kayzen.sandbox import fault_rows
from tap_kayzen.sandbox.list_calls import MAX_PER_PAGE

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable, Mapping

    from tap_kayzen.sandbox.basics import Record
    from tap_kayzen.sandbox.exchange import Answer, Exchange

    Change: TypeAlias = Callable[[Record, random.Random], None]
    ListChange: TypeAlias = Callable[[Exchange, Record], Awaitable[None]]

MAX_EXTRA_PAGES = 5
"""Maximum number of pages that a growing list announces but does not have."""

UNKNOWN_VALUE = {"nested": [1, "two", None]}
"""Value of an undocumented field."""

_DECODER = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def content_of(answer: Answer) -> Record | None:
    """Return the JSON of a response; None if the response has no rows."""
    if answer.status != 200:  # noqa: PLR2004
        return None
    try:
        content = _DECODER.decode(answer.body)
    except msgspec.DecodeError:
        # With `--like`, the body may have any format.
        return None
    return content if isinstance(content.get("data"), list) else None


def with_content(answer: Answer, content: Record) -> Answer:
    """Return a response with other JSON."""
    body = _ENCODER.encode(content)
    headers = {**answer.headers, "content-length": str(len(body))}
    return replace(answer, body=body, headers=headers)


def meta_missing(content: Record, _: random.Random) -> None:
    """Leave out `meta`."""
    content.pop("meta", None)


def meta_strings(content: Record, _: random.Random) -> None:
    """Format the numbers in `meta` as text."""
    if meta := content.get("meta"):
        content["meta"] = {name: str(value) for name, value in meta.items()}


def meta_shrinking(content: Record, _: random.Random) -> None:
    """Announce fewer pages and rows with each page."""
    if meta := content.get("meta"):
        later = meta["current_page"] - 1
        meta["total_pages"] = max(1, meta["total_pages"] - later)
        meta["total_entries"] = max(0, meta["total_entries"] - 10 * later)


def meta_growing(content: Record, _: random.Random) -> None:
    """Announce more pages than exist; the extra pages are empty."""
    if meta := content.get("meta"):
        meta["total_pages"] += min(meta["current_page"], MAX_EXTRA_PAGES)


def duplicate_rows(content: Record, rng: random.Random) -> None:
    """Repeat a row of the page."""
    if rows := content["data"]:
        place = rng.randrange(len(rows))
        rows.insert(place, rows[place])


def unknown_field(content: Record, _: random.Random) -> None:
    """Add an undocumented field to each row."""
    for row in content["data"]:
        row["unheard_of"] = UNKNOWN_VALUE


def wrong_type_field(content: Record, rng: random.Random) -> None:
    """Replace a number in a row with text; IDs stay unchanged."""
    places = [
        (row, name)
        for row in content["data"]
        for name, value in row.items()
        if isinstance(value, int | Decimal)
        and name != "id"
        and not name.endswith("_id")
    ]
    if places:
        row, name = rng.choice(places)
        row[name] = "abc"


async def endless_page(exchange: Exchange, content: Record) -> None:
    """Always announce one more page, which repeats the last one."""
    if meta := content.get("meta"):
        page, last = meta["current_page"], meta["total_pages"]
        if page > last:
            again = content_of(await exchange.call_app(page=last))
            content["data"] = again["data"] if again else []
        meta["total_pages"] = max(page, last) + 1


async def huge_page(exchange: Exchange, content: Record) -> None:
    """Return all rows of a list on page 1, ignoring `per_page`."""
    if meta := content.get("meta"):
        first = meta["current_page"] == 1
        rows: list[Record] = []
        for page in range(1, -(-meta["total_entries"] // MAX_PER_PAGE) + 1):
            part = content_of(await exchange.call_app(page=page, per_page=MAX_PER_PAGE))
            rows += part["data"] if part and first else []
        content["data"] = rows
        meta["total_pages"] = 1


CHANGES: Mapping[str, Change] = {
    "meta-missing": meta_missing,
    "meta-shrinking": meta_shrinking,
    "meta-growing": meta_growing,
    # After the faults that calculate with the numbers.
    "meta-strings": meta_strings,
    "duplicate-rows": duplicate_rows,
    "unknown-field": unknown_field,
    "wrong-type-field": wrong_type_field,
    "secret-field": fault_rows.secret_field,
    "total-row": fault_rows.total_row,
    "day-renamed": fault_rows.day_renamed,
    "amount-text": fault_rows.amount_text,
}

LIST_CHANGES: Mapping[str, ListChange] = {
    "endless-page": endless_page,
    "huge-page": huge_page,
}
"""Changes that need further responses of the app."""
