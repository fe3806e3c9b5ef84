"""Infers from two pages whether an endpoint honors ``page`` and ``per_page``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

HEEDED = "heeded"
IGNORED = "ignored"
UNKNOWN = "unknown"

FULL_PAGE_ROWS = 100
"""Page size of the first request: Kayzen's maximum where documented."""

SMALL_PAGE_ROWS = 10
"""Maximum page size of the second request."""


@dataclass(frozen=True)
class PagingRequests:
    """Page sizes of the two requests: the first page, then a smaller second page.

    Attributes:
        first_page_size: Page size of the first request; None without one.
        second_page_size: Page size of the second request; None without one.
    """

    first_page_size: int | None
    second_page_size: int | None


def small_page_size(rows: int) -> int:
    """Return a page size that splits the rows of the first page."""
    return max(1, min(SMALL_PAGE_ROWS, rows // 2))


def assess_paging(
    requests: PagingRequests,
    first: Sequence[object],
    second: Sequence[object] | None,
    total_entries: int | None,
) -> dict[str, Any]:
    """Compare two pages to infer how the endpoint handles paging.

    Args:
        requests: Page sizes of the two requests.
        first: The rows of the first page, as comparable values.
        second: The rows of the second page; None if it could not be requested.
        total_entries: Number of rows of the list, if known.

    Returns:
        For example, ``{"page": "heeded", "per_page": "heeded"}``, plus ``page_size`` if
        the server limits or ignores the page size.
    """
    page, per_page = UNKNOWN, UNKNOWN
    if second:
        is_first_again = list(second) == list(first[: len(second)])
        page = IGNORED if is_first_again else HEEDED
    if requests.first_page_size is not None and len(first) > requests.first_page_size:
        per_page = IGNORED
    elif requests.second_page_size is not None and second is not None:
        is_next = list(second) == list(
            first[requests.second_page_size :][: len(second)]
        )
        if len(second) > requests.second_page_size:
            per_page = IGNORED
        elif second and (is_next or page == IGNORED):
            per_page = HEEDED
        elif not second and len(first) > requests.second_page_size:
            # The server's pages are larger, so the second page is beyond the end.
            page, per_page = HEEDED, IGNORED
    is_cut = total_entries is not None and len(first) < min(
        requests.first_page_size or total_entries, total_entries
    )
    judgement: dict[str, Any] = {"page": page, "per_page": per_page}
    has_own_size = bool(second) and page == HEEDED and per_page == IGNORED
    if first and (is_cut or has_own_size):
        judgement["page_size"] = len(first)
    return judgement
