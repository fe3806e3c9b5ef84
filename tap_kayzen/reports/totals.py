"""Separates totals from the rows of a report.

Whether Kayzen returns totals is undocumented. A total that is mistaken for a row would
double the spend of its days.
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
"""Words that mark a total in text columns."""

ALL_WORDS = TOTAL_WORDS | {"all", "overall", "sum", "summary"}
"""Words that mark a total in columns for times or numbers."""

TOTAL_WORDS_BY_DIMENSION: Mapping[str, Collection[str]] = {
    name: ALL_WORDS
    if name in {DAY, "hour", "week", "month"} or "integer" in each["type"]
    else TOTAL_WORDS
    for name, each in DIMENSIONS.items()
    if name != "tag" and not name.endswith("_name")
}
"""Words that mark a total, by documented dimension without free text."""

ADDITIVE = ("impressions", "clicks", "installs", "wins", "advertiser_spend")
"""Metrics whose total is the sum over all rows."""

MAX_ROUNDING = Decimal("0.01")
"""Maximum rounding error per row when comparing a total with a sum."""


def is_total_word(value: object, words: Collection[str] = TOTAL_WORDS) -> bool:
    """Return whether a value is a word that marks a total."""
    if not isinstance(value, str):
        return False
    return value.strip(" *-:()").replace("_", " ").casefold() in words


def has_total_word(row: Mapping[str, Any]) -> bool:
    """Return whether a documented dimension marks a row as a total."""
    return any(
        is_total_word(row[name], TOTAL_WORDS_BY_DIMENSION[name])
        for name in TOTAL_WORDS_BY_DIMENSION.keys() & row.keys()
    )


def split_total(
    rows: list[Row],
    candidates: Collection[Row],
    combine: Callable[[Iterable[Any]], Any] = sum,
) -> tuple[list[Row], list[Row]]:
    """Find the total among candidates, and split it from the rows.

    Args:
        rows: Rows of a page, including the candidates.
        candidates: Rows without dimensions.
        combine: Computes the minimum of a total from the values of all other rows:
            `sum`, or `max` if rows always have a dimension. If Kayzen omits nulls, a
            candidate below this minimum can be a row whose dimensions are null.

    Returns:
        The rows, and a list with the total, if any.
    """
    if not candidates or len(candidates) == len(rows):
        return rows, []
    best = max(candidates, key=lambda row: [number_of(row, name) for name in ADDITIVE])
    others = [row for row in rows if row is not best]
    rounding = MAX_ROUNDING * len(others) if combine is sum else 0
    names = [name for name in ADDITIVE if name in best]
    # Without metrics to compare, assume a row with null dimensions, if possible.
    is_total = (names or combine is max) and all(
        number_of(best, name)
        >= combine(number_of(each, name) for each in others) - rounding
        for name in names
    )
    return (others, [best]) if is_total else (rows, [])


def number_of(row: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401
    """Return the number in a column; 0 without one."""
    try:
        return to_number(row.get(name))
    except LossyError:
        return 0


def split(
    rows: list[Row], is_dimension: Callable[[str, object], bool]
) -> tuple[list[Row], list[Row]]:
    """Split rows and totals of a report whose columns are not known in advance.

    Args:
        rows: The rows of a page.
        is_dimension: Returns whether a column, given its name and value, is a
            dimension.

    Returns:
        The rows, and the totals. Totals are marked as such, or lack all dimensions
        that other rows have.
    """
    totals = [*filter(has_total_word, rows)]
    kept = [row for row in rows if not has_total_word(row)] if totals else rows
    # Usually, all rows have the same columns.
    if len({frozenset(row) for row in kept}) < 2:  # noqa: PLR2004
        return kept, totals
    dimensions = {
        name for row in kept for name, value in row.items() if is_dimension(name, value)
    }
    kept, more = split_total(kept, [*filter(dimensions.isdisjoint, kept)])
    return kept, totals + more
