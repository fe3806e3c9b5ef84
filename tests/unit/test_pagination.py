from __future__ import annotations

import sys
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tap_kayzen.api.transport import EnvelopeError
from tap_kayzen.api.workers import Workers
from tap_kayzen.reading.pages import (
    PATIENCE,
    Page,
    Tally,
    parse_page,
    read_pages,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_kayzen.reading.pages import UnreadPage


def rows(*numbers: int) -> list[dict[str, int]]:
    return [{"id": number} for number in numbers]


@pytest.mark.parametrize(
    ("body", "page"),
    [
        (
            (
                b'{"data": [{"id": 1}], "meta":'
                b' {"current_page": 1, "total_pages": 29, "total_entries": 58}}'
            ),
            Page(rows(1), 29, 58),
        ),
        (
            (
                b'{"data": [{"id": 1}], "meta":'
                b' {"current_page": "1", "total_pages": "29", "total_entries": "58"}}'
            ),
            Page(rows(1), 29, 58),
        ),
        (
            b'{"data": [], "meta": {"total_pages": 0, "total_entries": 0}}',
            Page([], None, 0),
        ),
        (b'{"data": [{"id": 1}]}', Page(rows(1))),
        (b'{"data": [{"id": 1}], "meta": null}', Page(rows(1))),
        (b'{"data": [{"id": 1}], "meta": {"total_pages": "many"}}', Page(rows(1))),
        (b'{"data": {"id": 1}}', Page(rows(1))),
        (b'{"data": [], "meta": {"total_pages": -1}}', Page([])),
        (b'[{"id": 1}]', Page(rows(1))),
        (b'{"id": 1}', Page(rows(1))),
        (b'{"data": [{"bid": 250.10}]}', Page([{"bid": Decimal("250.10")}])),
        (b'{"data": [{"bid": NaN}]}', Page([{"bid": "NaN"}])),
    ],
)
def test_all_known_envelopes_are_read(body: bytes, page: Page) -> None:
    assert parse_page(body) == page


@pytest.mark.parametrize("total", ["1e1000000", '"1e99"', "-1", '"NaN"', "[]"])
def test_a_total_that_makes_no_sense_is_none(total: str) -> None:
    page = parse_page(f'{{"data": [], "meta": {{"total_entries": {total}}}}}'.encode())
    assert page.total_entries is None


def test_a_total_has_18_digits_at_most() -> None:
    for total, read in ((10**18 - 1, 10**18 - 1), (10**18, None)):
        page = parse_page(b'{"data": [], "meta": {"total_entries": %d}}' % total)
        assert page.total_entries == read


def test_decimals_keep_their_digits() -> None:
    page = parse_page(b'[{"bid": 0.10, "cap": 12345678901234567890.123456789}]')
    assert str(page.records[0]["bid"]) == "0.10"
    assert str(page.records[0]["cap"]) == "12345678901234567890.123456789"


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"5",
        b'"text"',
        b"{}",
        b'{"error": "x"}',
        b'{"data": null, "error": "x"}',
        b'{"data": {"error": "x"}}',
        b'{"data": {}}',
        b'{"data": [1]}',
        b'{"data": "x"}',
    ],
)
def test_other_json_is_no_list(body: bytes) -> None:
    with pytest.raises(EnvelopeError):
        parse_page(body)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"data": [', b"\xff", b"[1e9999999999999999999]"]
)
def test_what_is_not_json_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_page(body)
    assert not isinstance(caught.value, EnvelopeError)


def walk(pages: Sequence[Page], workers: int) -> tuple[list[int], list[int]]:
    """Read scripted pages, the last again and again; return ids and pages asked for."""
    asked: list[int] = []
    ids: list[int] = []
    tally = Tally()

    def fetch(number: int) -> UnreadPage:
        asked.append(number)
        return lambda: pages[min(number, len(pages)) - 1]

    for page in read_pages(fetch, Workers(workers), tally):
        ids += [row["id"] for row in page.records]
        tally.rows, tally.keys = len(ids), len(set(ids))
        tally.announced = page.total_entries or tally.announced
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
    ],
)
@pytest.mark.parametrize("workers", [1, 4])
def test_a_list_is_read_to_its_end(
    pages: list[Page], ids: list[int], asked: int, workers: int
) -> None:
    assert walk(pages, workers) == (ids, list(range(1, asked + 1)))


def test_a_list_that_shrinks_may_be_asked_for_pages_that_it_had() -> None:
    pages = [Page(rows(1), 3), Page(rows(2), 2), Page([], 2)]
    assert walk(pages, 1) == ([1, 2], [1, 2, 3])
    assert walk(pages, 4) == ([1, 2], [1, 2, 3])


def test_a_list_is_over_after_so_many_pages_without_a_new_key() -> None:
    _, asked = walk([Page(rows(1), 10**6), Page([], 10**6)], 1)
    # The first page brings a key; with one worker, one page more is on its way.
    assert PATIENCE + 1 <= len(asked) <= PATIENCE + 2


@pytest.mark.parametrize("total", [10**30, sys.maxsize])
def test_an_endless_list_has_an_end(total: int) -> None:
    ids, asked = walk([Page(rows(1), total), Page(rows(2), total)], 4)
    assert set(ids) == {1, 2}
    assert len(asked) <= PATIENCE + 6
