"""Separates totals from the rows of a report.

Whether Kayzen sends totals is unknown. A total mistaken for a row doubles the spend of
its days.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tap_kayzen.records.values import LossyError, to_number
from tap_kayzen.reports.columns import DAY, DIMENSIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    Row = dict[str, Any]

TOTAL_WORDS = frozenset({"grand total", "subtotal", "total", "totals"})
"""Words for a total in a column that may hold other text."""

ALL_WORDS = TOTAL_WORDS | {"all", "overall", "sum", "summary"}
"""Words for a total in a column of times or numbers."""

TOTAL_WORDS_BY_DIMENSION: Mapping[str, Collection[str]] = {
    name: ALL_WORDS
    if name in {DAY, "hour", "week", "month"} or "integer" in each["type"]
    else TOTAL_WORDS
    for name, each in DIMENSIONS.items()
    if name != "tag" and not name.endswith("_name")
}
"""Documented dimensions without free text, with the words for a total in each."""

ADDITIVE = ("impressions", "clicks", "installs", "wins", "advertiser_spend")
"""Metrics whose total is the sum of its rows."""

MAX_ROUNDING = Decimal("0.01")
"""Rounding allowed for each row when a total is compared with a sum."""


def is_total_word(value: object, words: Collection[str] = TOTAL_WORDS) -> bool:
    """Return whether a value is a word for a total."""
    if not isinstance(value, str):
        return False
    return value.strip(" *-:()").replace("_", " ").casefold() in words


def has_total_word(row: Mapping[str, Any]) -> bool:
    """Return whether a documented dimension says that a row is a total."""
    return any(
        is_total_word(row[name], TOTAL_WORDS_BY_DIMENSION[name])
        for name in TOTAL_WORDS_BY_DIMENSION.keys() & row.keys()
    )


def split_total(
    rows: list[Row],
    candidates: Collection[Row],
    combine: Callable[[Iterable[Any]], Any] = sum,
) -> tuple[list[Row], list[Row]]:
    """Split rows into rows and the total among some candidates, if there is one.

    Args:
        rows: All rows of a page, or most of them.
        candidates: Those that lack what the others are about.
        combine: What a total has at least, made of the numbers of all other rows. What
            has less than their sum may be the row of a dimension that is null, if
            Kayzen leaves nulls out.
    """
    if not candidates or len(candidates) == len(rows):
        return rows, []
    best = max(candidates, key=lambda row: [number_of(row, name) for name in ADDITIVE])
    others = [row for row in rows if row is not best]
    rounding = MAX_ROUNDING * len(others) if combine is sum else 0
    names = [name for name in ADDITIVE if name in best]
    # Without a number to compare, a row of nulls is likelier, if there can be any.
    is_total = (names or combine is max) and all(
        number_of(best, name)
        >= combine(number_of(each, name) for each in others) - rounding
        for name in names
    )
    return (others, [best]) if is_total else (rows, [])


def number_of(row: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401
    """Return the number in a column; 0 if there is none."""
    try:
        return to_number(row.get(name))
    except LossyError:
        return 0


def split(
    rows: list[Row], is_dimension: Callable[[str, object], bool]
) -> tuple[list[Row], list[Row]]:
    """Split the rows of a report whose columns are not known in advance.

    Args:
        rows: The rows of a page.
        is_dimension: Whether a column's value says what a row is about.

    Returns:
        The rows, and the totals. A total says so, or lacks every column that says
        what the others are about.
    """
    totals = [*filter(has_total_word, rows)]
    kept = [row for row in rows if not has_total_word(row)] if totals else rows
    # Usually, all rows of a report have the same columns.
    if len({frozenset(row) for row in kept}) < 2:  # noqa: PLR2004
        return kept, totals
    subjects = {
        name for row in kept for name, value in row.items() if is_dimension(name, value)
    }
    kept, more = split_total(kept, [*filter(subjects.isdisjoint, kept)])
    return kept, totals + more
