"""Judges by two pages whether a list heeds ``page`` and ``per_page``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

HEEDED = "heeded"
IGNORED = "ignored"
UNKNOWN = "unknown"

FULL_PAGE = 100
"""Page size of the first request: Kayzen's maximum, where one is known."""

SMALL_PAGE = 10
"""Maximum page size of the second request."""


@dataclass(frozen=True)
class Question:
    """The two requests: the first page, then the second page of a small size.

    Attributes:
        asked: Page size of the first request; None if it had none.
        small: Page size of the second request; None if it had none.
    """

    asked: int | None
    small: int | None


def small_page(rows: int) -> int:
    """Return a page size that cuts the rows of a first page into several pages."""
    return max(1, min(SMALL_PAGE, rows // 2))


def judge(
    question: Question,
    first: Sequence[object],
    second: Sequence[object] | None,
    total_entries: int | None,
) -> dict[str, Any]:
    """Judge two pages, given as values that identify their rows.

    Args:
        question: The requests.
        first: The first page.
        second: The second page; None if there is none to compare.
        total_entries: Number of rows of the list, if the first page announces it.

    Returns:
        ``{"page": "heeded", "per_page": "heeded"}``, plus ``page_size`` if the server
        has its own.
    """
    page, per_page = UNKNOWN, UNKNOWN
    if second:
        is_first_again = list(second) == list(first[: len(second)])
        page = IGNORED if is_first_again else HEEDED
    if question.asked is not None and len(first) > question.asked:
        per_page = IGNORED
    elif question.small is not None and second is not None:
        is_next = list(second) == list(first[question.small :][: len(second)])
        if len(second) > question.small:
            per_page = IGNORED
        elif second and (is_next or page == IGNORED):
            per_page = HEEDED
        elif not second and len(first) > question.small:
            # The server's pages are larger, so its second page is beyond the end.
            page, per_page = HEEDED, IGNORED
    is_cut = total_entries is not None and len(first) < min(
        question.asked or total_entries, total_entries
    )
    judgement: dict[str, Any] = {"page": page, "per_page": per_page}
    has_own_size = bool(second) and page == HEEDED and per_page == IGNORED
    if first and (is_cut or has_own_size):
        judgement["page_size"] = len(first)
    return judgement
