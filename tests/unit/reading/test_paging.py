"""Lists are read to the end even if they announce wrong totals."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from tap_kayzen.api.workers import Workers
from tap_kayzen.reading.ahead import ReadAhead
from tap_kayzen.reading.pages import Page
from tap_kayzen.reading.paging import (
    AnnouncedPaging,
    GuessedPaging,
    ListPaging,
    ReportPaging,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


def rows(*numbers: int) -> list[dict[str, Any]]:
    return [{"id": number} for number in numbers]


def walk(pages: Sequence[Page], workers: int) -> tuple[list[int], list[int]]:
    """Read scripted pages, the last one again and again.

    Returns:
        The IDs of the rows, and the requested pages.
    """
    asked: list[int] = []

    def fetch(_: int, number: int) -> Page:
        asked.append(number)
        page = pages[min(number, len(pages)) - 1]
        return Page(page.rows, page.total_pages, page.total_entries)

    ahead = ReadAhead(fetch, ListPaging(), [0], Workers(workers))
    ids = [row["id"] for page in ahead.pages(0) for row in page.decode()]
    return ids, sorted(asked)


@pytest.mark.parametrize(
    ("pages", "ids", "asked"),
    [
        pytest.param([Page(rows(1, 2), 1)], [1, 2], 1, id="one page"),
        pytest.param(
            [Page(rows(1, 2, 3), 3), Page(rows(4), 3), Page(rows(5, 6), 3)],
            [1, 2, 3, 4, 5, 6],
            3,
            id="uneven pages",
        ),
        pytest.param(
            [Page(rows(1), 3), Page([], 3), Page(rows(2), 3)],
            [1, 2],
            3,
            id="empty page in the middle",
        ),
        pytest.param(
            [Page(rows(1), 2), Page(rows(2), 3), Page(rows(3), 3)],
            [1, 2, 3],
            3,
            id="list grows",
        ),
        pytest.param([Page(rows(1), 2), Page(rows(2))], [1, 2], 2, id="meta gets lost"),
        pytest.param([Page([], 1, 0)], [], 1, id="empty list"),
        pytest.param([Page([], None, 0)], [], 2, id="empty list of no pages"),
        pytest.param(
            [Page(rows(1)), Page(rows(2)), Page([])],
            [1, 2],
            4,
            id="no meta: until nothing comes",
        ),
        pytest.param(
            [Page(rows(1)), Page([]), Page(rows(2)), Page([])],
            [1, 2],
            5,
            id="no meta: one empty page is no end",
        ),
        pytest.param([Page(rows(1))], [1, 1, 1], 3, id="no meta, page ignored"),
        pytest.param(
            [Page(rows(1), 3), Page(rows(1), 3), Page(rows(2), 3)],
            [1, 1, 2],
            3,
            id="meta goes before a repeated page",
        ),
        pytest.param(
            [Page(rows(1), 2, 4), Page(rows(2), 2, 4), Page(rows(3, 4), 2, 4)],
            [1, 2, 3, 4],
            3,
            id="too few pages for the rows announced",
        ),
        pytest.param(
            [Page(rows(1), 2, 4), Page(rows(2), 2, 4), Page([], 2, 4)],
            [1, 2],
            3,
            id="too few rows announced for good",
        ),
        pytest.param(
            [Page(rows(1), 2, 4), Page(rows(2), 2, 4)],
            [1, 2, 2],
            3,
            id="the last page again and again",
        ),
        pytest.param(
            [Page(rows(1), 2, 9), Page(rows(2), 2, 9), Page(rows(1), 2, 9)],
            [1, 2, 1, 1],
            4,
            id="the first page beyond the end",
        ),
        pytest.param(
            [
                Page(rows(1), 5, 9),
                Page(rows(2), 2, 9),
                Page([], 2, 9),
                Page(rows(3), 2, 9),
                Page([], 2, 9),
            ],
            [1, 2, 3],
            6,
            id="an end that moved is looked beyond",
        ),
        pytest.param(
            [Page(rows(1)), Page(rows(2), 3), Page(rows(3), 3)],
            [1, 2, 3],
            3,
            id="meta comes late",
        ),
    ],
)
@pytest.mark.parametrize("workers", [1, 4])
def test_a_list_is_read_to_its_end(
    pages: list[Page], ids: list[int], asked: int, workers: int
) -> None:
    assert walk(pages, workers) == (ids, list(range(1, asked + 1)))


def test_a_shrinking_list_can_be_read_past_its_new_end() -> None:
    pages = [Page(rows(1), 3), Page(rows(2), 2), Page([], 2)]
    assert walk(pages, 1) == ([1, 2], [1, 2, 3])
    assert walk(pages, 4) == ([1, 2], [1, 2, 3])


@pytest.mark.parametrize("total", [10**17, sys.maxsize])
def test_a_huge_total_is_not_requested_at_once(total: int) -> None:
    asked: list[int] = []

    def fetch(_: int, number: int) -> Page:
        asked.append(number)
        return Page(rows(number), total)

    ahead = ReadAhead(fetch, ListPaging(), [0], Workers(4))
    pages = ahead.pages(0)
    for _ in range(10):
        next(pages)
    pages.close()
    assert len(asked) <= 10 + 2 * 4 + 1


def window(
    paging: ReportPaging, lengths: Sequence[int], total: int | None
) -> list[int]:
    """Read a window with pages of these lengths, and empty ones after them.

    Returns:
        The pages that were requested.
    """
    asked: list[int] = []

    def fetch(_: int, number: int) -> Page:
        asked.append(number)
        length = lengths[number - 1] if number <= len(lengths) else 0
        announced = number + 1 if total is None else total
        return Page([{"id": f"{number} {row}"} for row in range(length)], announced)

    ahead = ReadAhead(fetch, paging, [0], Workers(1))
    came = [len(page.rows) for page in ahead.pages(0)]
    assert sum(came) == sum(lengths)
    return sorted(asked)


def is_total(row: dict[str, Any]) -> bool:
    return "Total" in row.values()


@pytest.mark.parametrize(
    "totals",
    [[1, 0, 0], [0, 1, 0, 0], [1, 1, 0, 0], [3, 0, 0], [0, 2, 1, 0, 2, 0]],
)
@pytest.mark.parametrize("last", [1, 3])
def test_totals_do_not_make_other_pages_look_short(
    totals: list[int], last: int
) -> None:
    """A server whose pages have 4 rows at most, besides totals, and no `meta`."""
    asked: list[int] = []
    lengths = [4] * (len(totals) - 1) + [last]

    def fetch(_: int, number: int) -> Page:
        asked.append(number)
        if number > len(lengths):
            return Page([])
        rows = [{"day": f"{number} {row}"} for row in range(lengths[number - 1])]
        return Page(
            [*rows, *({"day": "Total", "n": n} for n in range(totals[number - 1]))]
        )

    paging = GuessedPaging(1000, is_total)
    ahead = ReadAhead(fetch, paging, [0], Workers(1))
    came = [row for page in ahead.pages(0) for row in page.decode()]
    assert sum(not is_total(row) for row in came) == sum(lengths)
    assert max(asked) <= len(lengths) + 1


@pytest.mark.parametrize("paging", [GuessedPaging(10), AnnouncedPaging()])
def test_empty_pages_before_the_announced_end_are_not_the_end(
    paging: ReportPaging,
) -> None:
    assert window(paging, [10, 0, 0, 10], 4) == [1, 2, 3, 4]


@pytest.mark.parametrize("paging", [GuessedPaging(10), AnnouncedPaging()])
def test_a_report_that_always_announces_one_page_more_has_an_end(
    paging: ReportPaging,
) -> None:
    assert window(paging, [10, 10], None) == [1, 2, 3, 4, 5]
