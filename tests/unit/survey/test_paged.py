"""Paging, judged by two pages of a list."""

from __future__ import annotations

from typing import Any

import pytest

from tap_kayzen.survey.paged import PagingRequests, assess_paging, small_page_size

ROWS = range(1, 1001)


def pages(
    total: int,
    *,
    page: bool = True,
    per_page: bool = True,
    size: int = 10**6,
    has_total: bool = True,
) -> dict[str, Any]:
    """Judge a server that heeds `page` and `per_page`, or not."""

    def rows(number: int, wanted: int) -> list[int]:
        each = min(wanted if per_page else size, size)
        start = (number - 1) * each if page else 0
        return list(ROWS[:total][start : start + each])

    first = rows(1, 100)
    small = small_page_size(len(first))
    second = rows(2, small) if len(first) > 1 else None
    return assess_paging(
        PagingRequests(100, small), first, second, total if has_total else None
    )


@pytest.mark.parametrize("total", [2, 3, 15, 100, 250])
@pytest.mark.parametrize("has_total", [False, True])
def test_a_server_that_respects_page_and_size(total: int, *, has_total: bool) -> None:
    judgement = pages(total, has_total=has_total)
    assert judgement == {"page": "heeded", "per_page": "heeded"}


@pytest.mark.parametrize("total", [2, 15, 250])
def test_a_server_that_ignores_the_page(total: int) -> None:
    assert pages(total, page=False) == {"page": "ignored", "per_page": "heeded"}


def test_a_server_with_pages_of_its_own_size() -> None:
    judgement = pages(250, per_page=False, size=30)
    assert judgement == {"page": "heeded", "per_page": "ignored", "page_size": 30}
    # The second page is empty, so the size is not known.
    judgement = pages(20, per_page=False, size=30)
    assert judgement == {"page": "heeded", "per_page": "ignored"}


def test_a_server_that_always_returns_everything() -> None:
    judgement = pages(250, page=False, per_page=False)
    assert judgement == {"page": "ignored", "per_page": "ignored"}


def test_a_server_with_a_maximum_page_size() -> None:
    judgement = pages(250, size=50)
    assert judgement == {"page": "heeded", "per_page": "heeded", "page_size": 50}
    judgement = pages(250, size=50, has_total=False)
    assert judgement == {"page": "heeded", "per_page": "heeded"}


def test_too_little_to_judge() -> None:
    unknown = {"page": "unknown", "per_page": "unknown"}
    assert pages(0) == pages(1) == unknown
    assert assess_paging(PagingRequests(100, 5), list(ROWS[:10]), None, None) == unknown


def test_a_request_that_names_no_size() -> None:
    requests = PagingRequests(None, None)
    judgement = assess_paging(requests, [1, 2], [3], 3)
    assert judgement == {"page": "heeded", "per_page": "unknown", "page_size": 2}
    judgement = assess_paging(requests, [1, 2], [1, 2], None)
    assert judgement == {"page": "ignored", "per_page": "unknown"}
    judgement = assess_paging(requests, [1, 2], [], None)
    assert judgement == {"page": "unknown", "per_page": "unknown"}
