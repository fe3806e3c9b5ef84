"""Faults that last: answers that are well-formed but not what was documented.

The same request gets the same each time.
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
    Asking: TypeAlias = Callable[[Exchange, Record], Awaitable[None]]

GROWTH = 5
"""Pages that a growing list promises at most and never has."""

UNKNOWN = {"nested": [1, "two", None]}
"""The value of a field that nobody knows."""

_DECODER = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def content_of(answer: Answer) -> Record | None:
    """Read the JSON of an answer that has rows; None if it has none."""
    if answer.status != 200:  # noqa: PLR2004
        return None
    try:
        content = _DECODER.decode(answer.body)
    except msgspec.DecodeError:
        # A body like that of another account, with `--like`.
        return None
    return content if isinstance(content.get("data"), list) else None


def with_content(answer: Answer, content: Record) -> Answer:
    """Put other JSON into an answer."""
    body = _ENCODER.encode(content)
    headers = {**answer.headers, "content-length": str(len(body))}
    return replace(answer, body=body, headers=headers)


def meta_missing(content: Record, _: random.Random) -> None:
    """Leave `meta` out."""
    content.pop("meta", None)


def meta_strings(content: Record, _: random.Random) -> None:
    """Write the numbers of `meta` as text."""
    if meta := content.get("meta"):
        content["meta"] = {name: str(value) for name, value in meta.items()}


def meta_shrinking(content: Record, _: random.Random) -> None:
    """Say that there are fewer pages and rows, the later the page the fewer."""
    if meta := content.get("meta"):
        later = meta["current_page"] - 1
        meta["total_pages"] = max(1, meta["total_pages"] - later)
        meta["total_entries"] = max(0, meta["total_entries"] - 10 * later)


def meta_growing(content: Record, _: random.Random) -> None:
    """Say that there are more pages than there are; those are empty."""
    if meta := content.get("meta"):
        meta["total_pages"] += min(meta["current_page"], GROWTH)


def duplicate_rows(content: Record, dice: random.Random) -> None:
    """Give a row of the page twice."""
    if rows := content["data"]:
        place = dice.randrange(len(rows))
        rows.insert(place, rows[place])


def unknown_field(content: Record, _: random.Random) -> None:
    """Give each row a field that is documented nowhere."""
    for row in content["data"]:
        row["unheard_of"] = UNKNOWN


def wrong_type_field(content: Record, dice: random.Random) -> None:
    """Write a word where a row has a number; keys are spared."""
    places = [
        (row, name)
        for row in content["data"]
        for name, value in row.items()
        if isinstance(value, int | Decimal)
        and name != "id"
        and not name.endswith("_id")
    ]
    if places:
        row, name = dice.choice(places)
        row[name] = "abc"


async def endless_page(exchange: Exchange, content: Record) -> None:
    """Say that there is always one more page, which is the last one again."""
    if meta := content.get("meta"):
        page, last = meta["current_page"], meta["total_pages"]
        if page > last:
            again = content_of(await exchange.ask(page=last))
            content["data"] = again["data"] if again else []
        meta["total_pages"] = max(page, last) + 1


async def huge_page(exchange: Exchange, content: Record) -> None:
    """Give all rows of a list at once, however few were asked for."""
    if meta := content.get("meta"):
        first = meta["current_page"] == 1
        rows: list[Record] = []
        for page in range(1, -(-meta["total_entries"] // MAX_PER_PAGE) + 1):
            part = content_of(await exchange.ask(page=page, per_page=MAX_PER_PAGE))
            rows += part["data"] if part and first else []
        content["data"] = rows
        meta["total_pages"] = 1


CHANGES: Mapping[str, Change] = {
    "meta-missing": meta_missing,
    "meta-shrinking": meta_shrinking,
    "meta-growing": meta_growing,
    # After those that reckon with numbers.
    "meta-strings": meta_strings,
    "duplicate-rows": duplicate_rows,
    "unknown-field": unknown_field,
    "wrong-type-field": wrong_type_field,
    "secret-field": fault_rows.secret_field,
    "total-row": fault_rows.total_row,
    "day-renamed": fault_rows.day_renamed,
    "amount-text": fault_rows.amount_text,
}

ASKING: Mapping[str, Asking] = {"endless-page": endless_page, "huge-page": huge_page}
"""Those that need further answers for it."""
