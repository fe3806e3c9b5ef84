"""Finding the end of reports of which Kayzen does not say how long they are."""

from __future__ import annotations

import json
import random
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from singer_sdk.exceptions import FatalAPIError

from tap_kayzen.api.transport import EnvelopeError
from tap_kayzen.api.workers import Workers
from tap_kayzen.reading.ahead import PagesAhead
from tap_kayzen.reading.paging import (
    AnnouncedPaging,
    CutShortError,
    GuessedPaging,
    Progress,
    RawPage,
    parse_raw,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Server:
    """Plays any way in which Kayzen may page a report."""

    rows: list[int]
    per_page: int
    cap: int | None = None
    honours_page: bool = True
    announces: bool = False
    clamps: bool = False
    calls: list[tuple[int, int]] = field(default_factory=list)
    flying: int = 0
    most_flying: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def size(self) -> int:
        return self.per_page if self.cap is None else min(self.per_page, self.cap)

    def fetch(self, part: int, number: int) -> RawPage:
        with self.lock:
            self.calls.append((part, number))
            self.flying += 1
            self.most_flying = max(self.most_flying, self.flying)
        size = self.size()
        rows = [{"part": part, "row": row} for row in range(self.rows[part])]
        last = max(1, -(-len(rows) // size))
        page = 1 if not self.honours_page else number
        page = min(page, last) if self.clamps else page
        meta = {"meta": {"total_pages": str(last)}} if self.announces else {}
        answer = {"headers": [], "data": rows[(page - 1) * size : page * size], **meta}
        raw = parse_raw(json.dumps(answer).encode())
        with self.lock:
            self.flying -= 1
        return raw

    def read(self, workers: int = 3) -> list[list[int]]:
        ahead = PagesAhead(
            self.fetch,
            GuessedPaging(self.per_page),
            range(len(self.rows)),
            Workers(workers),
        )
        return [
            [
                row["row"]
                for page in ahead.pages(part)
                for row in page.read().records
                if row["part"] == part
            ]
            for part in range(len(self.rows))
        ]


def whole(rows: list[int]) -> list[list[int]]:
    return [list(range(each)) for each in rows]


ROWS = st.lists(st.integers(0, 25), max_size=12)


@settings(deadline=None)
@given(
    rows=ROWS,
    per_page=st.integers(1, 10),
    cap=st.none() | st.integers(1, 10),
    announces=st.booleans(),
    clamps=st.booleans(),
    workers=st.integers(1, 4),
)
def test_nothing_is_lost_however_the_server_pages(  # noqa: PLR0913
    *,
    rows: list[int],
    per_page: int,
    cap: int | None,
    announces: bool,
    clamps: bool,
    workers: int,
) -> None:
    server = Server(rows, per_page, cap, announces=announces, clamps=clamps)
    size = server.size()
    if clamps and not announces and any(each == size == per_page for each in rows):
        # Not to be told from a server that gives no more than one page.
        with pytest.raises(CutShortError):
            server.read(workers)
    else:
        assert server.read(workers) == whole(rows)
    assert server.most_flying <= workers


@pytest.mark.parametrize("announces", [False, True])
def test_a_server_without_pages_is_no_excuse_to_cut(announces: bool) -> None:  # noqa: FBT001
    fits = Server([7, 9, 0, 3], per_page=10, honours_page=False, announces=announces)
    assert fits.read() == whole([7, 9, 0, 3])
    with pytest.raises(
        CutShortError, match="page 2 has the same 10 rows as an earlier one"
    ):
        Server([25], per_page=10, honours_page=False, announces=announces).read()


def test_a_server_that_ignores_the_size_too_gives_all_at_once() -> None:
    server = Server([25, 3, 25], per_page=100, honours_page=False)
    ahead = PagesAhead(server.fetch, GuessedPaging(10), range(3), Workers(2))
    lengths = [sum(page.rows for page in ahead.pages(part)) for part in range(3)]
    assert lengths == [25, 3, 25]


@pytest.mark.parametrize(
    ("rows", "calls"),
    [
        # A page that is as long as any may be as long as the server makes them.
        ([7, 7, 7], 6),
        ([7, 5, 6, 0], 5),
        # Full pages go on, a short one after them ends it: no call is for nothing.
        ([25, 24, 21], 9),
        ([10, 20], 5),
        ([0, 0, 0], 3),
    ],
)
def test_how_many_calls_it_takes(rows: list[int], calls: int) -> None:
    server = Server(rows, per_page=10)
    assert server.read(workers=1) == whole(rows)
    assert len(server.calls) == calls


def test_a_total_that_is_announced_saves_calls_and_is_read_in_parallel() -> None:
    server = Server([95, 95], per_page=10, announces=True)
    assert server.read(workers=4) == whole([95, 95])
    assert len(server.calls) == 20
    assert server.calls[:1] == [(0, 1)]


def test_rows_that_are_announced_are_looked_for_beyond_the_last_page() -> None:
    def fetch(_: int, number: int) -> RawPage:
        rows = [{"row": number}] if number <= 3 else []
        meta = {"total_pages": 1, "total_entries": 3}
        return parse_raw(json.dumps({"data": rows, "meta": meta}).encode())

    ahead = PagesAhead(fetch, GuessedPaging(10), [0], Workers(1))
    assert sum(page.rows for page in ahead.pages(0)) == 3


def test_pages_that_are_usual_are_asked_for_at_once() -> None:
    waiting = threading.Barrier(3, timeout=20)
    server = Server([45, 45], per_page=10)

    def fetch(part: int, number: int) -> RawPage:
        if part == 1 and number <= 3:
            waiting.wait()  # all three are asked for before one has come
        return server.fetch(part, number)

    ahead = PagesAhead(fetch, GuessedPaging(10), [0], Workers(1))
    assert sum(page.rows for page in ahead.pages(0)) == 45
    ahead = PagesAhead(fetch, GuessedPaging(10), range(2), Workers(4))
    for part in range(2):
        assert sum(page.rows for page in ahead.pages(part)) == 45
    assert len(server.calls) == 15


def test_what_waits_is_bounded_and_the_first_part_always_goes_on() -> None:
    fetched: list[tuple[int, int]] = []
    taken: list[tuple[int, int]] = []
    most = 0

    def fetch(part: int, number: int) -> RawPage:
        nonlocal most
        fetched.append((part, number))
        most = max(most, len(fetched) - len(taken))
        rows = 10 if number < 30 else 1
        data = [{"part": part, "page": number, "row": row} for row in range(rows)]
        return parse_raw(json.dumps({"data": data}).encode())

    ahead = PagesAhead(fetch, GuessedPaging(10), range(4), Workers(3))
    for part in range(4):
        for number, _ in enumerate(ahead.pages(part), start=1):
            taken.append((part, number))
    assert taken == [(part, number) for part in range(4) for number in range(1, 31)]
    assert len(fetched) == len(taken)
    assert most <= 2 * 3 + 2


def test_an_error_comes_when_it_is_its_turn() -> None:
    server = Server([25, 25, 25], per_page=10)

    def fetch(part: int, number: int) -> RawPage:
        if (part, number) == (1, 2):
            message = "refused"
            raise FatalAPIError(message)
        return server.fetch(part, number)

    ahead = PagesAhead(fetch, GuessedPaging(10), range(3), Workers(3))
    assert sum(page.rows for page in ahead.pages(0)) == 25
    pages = ahead.pages(1)
    assert next(pages).rows == 10
    with pytest.raises(FatalAPIError, match="refused"):
        next(pages)


def test_parts_are_taken_in_order() -> None:
    ahead = PagesAhead(Server([1, 1], 10).fetch, GuessedPaging(10), [0, 1], Workers(1))
    with pytest.raises(ValueError, match="1 is not the next part, 0 is"):
        next(ahead.pages(1))


def test_paging_that_only_answers_speak_of() -> None:
    paging = AnnouncedPaging()
    page = parse_raw(b'{"data": [{}]}')
    assert paging.is_last(page, Progress())
    page = parse_raw(b'{"data": [{}], "meta": {"total_pages": "3"}}')
    assert [paging.is_last(page, Progress(pages)) for pages in range(3)] == [0, 0, 1]


@pytest.mark.parametrize(
    ("body", "rows", "total"),
    [
        ('{"headers": [], "data": []}', 0, None),
        ('{"data": [{"a": 1}, {"a": NaN}]}', 2, None),
        ('{"data": [{"a": 1}], "meta": {"total_pages": 7}}', 1, 7),
        ('{"data": [{"a": 1}], "meta": []}', 1, None),
        ('[{"a": "\\ud800"}]', 1, None),
    ],
)
def test_a_body_is_looked_at(body: str, rows: int, total: int | None) -> None:
    raw = parse_raw(body.encode())
    assert (raw.rows, raw.total_pages) == (rows, total)
    assert len(raw.read().records) == rows


@pytest.mark.parametrize("body", ['{"data": [1]}', '{"data": null}', '{"error": 1}'])
def test_a_body_that_is_something_else_is_refused(body: str) -> None:
    with pytest.raises(EnvelopeError):
        parse_raw(body.encode())


def test_the_same_rows_are_known_whatever_is_around_them() -> None:
    def digest(payload: object) -> int:
        return parse_raw(json.dumps(payload).encode()).digest

    rows = [{"a": 1}, {"a": 2}]
    first = digest({"data": rows, "meta": {"current_page": 1}})
    assert first == digest({"data": rows, "meta": {"current_page": 2}})
    assert first != digest({"data": rows[:1], "meta": {"current_page": 1}})


@pytest.mark.parametrize(
    "order",
    [
        # Ignores `page`, and has no order either.
        lambda _, rows: random.sample(rows, k=len(rows)),
        # Starts again from the first page.
        lambda number, rows: rows[:10] if number % 2 else rows[10:20],
    ],
)
def test_a_server_that_goes_round_is_not_asked_for_ever(
    order: Callable[[int, list[int]], list[int]],
) -> None:
    calls = 0

    def fetch(_: int, number: int) -> RawPage:
        nonlocal calls
        calls += 1
        rows = [{"row": row} for row in order(number, list(range(20)))]
        return parse_raw(json.dumps({"data": rows}).encode())

    ahead = PagesAhead(fetch, GuessedPaging(15), [0], Workers(1))
    rows = [row["row"] for page in ahead.pages(0) for row in page.read().records]
    assert sorted(rows) == [*range(20)]
    assert calls <= 3


def test_a_limit_of_the_servers_own_shows_by_round_numbers() -> None:
    server = Server([7, 300], per_page=1000, cap=200, honours_page=False)
    with pytest.raises(CutShortError, match="the same 200 rows"):
        server.read(workers=1)
    saved = PagesAhead(
        lambda _, __: parse_raw(b'{"data": [{"a": 1}], "meta": {"total_pages": 3}}'),
        AnnouncedPaging(),
        [0],
        Workers(1),
    )
    with pytest.raises(CutShortError, match="page 2 has the same 1 rows"):
        list(saved.pages(0))


@pytest.mark.parametrize("paging", [GuessedPaging(10), AnnouncedPaging()])
def test_pages_that_are_announced_and_repeat_are_no_end(
    paging: GuessedPaging | AnnouncedPaging,
) -> None:
    def fetch(_: int, number: int) -> RawPage:
        rows = [{"row": min(number, 2)}]
        return parse_raw(
            json.dumps({"data": rows, "meta": {"total_pages": 5}}).encode()
        )

    ahead = PagesAhead(fetch, paging, [0], Workers(1))
    with pytest.raises(CutShortError, match="page 3 has the same 1 rows"):
        list(ahead.pages(0))


def test_a_row_that_stands_there_twice_makes_no_page_longer() -> None:
    def fetch(_: int, number: int) -> RawPage:
        rows = [{"row": row} for row in range(25)][5 * (number - 1) : 5 * number]
        rows += rows[:1] if number == 1 else []
        return parse_raw(json.dumps({"data": rows}).encode())

    ahead = PagesAhead(fetch, GuessedPaging(1000), [0], Workers(1))
    assert sum(page.rows for page in ahead.pages(0)) == 26


def test_a_public_client_calls_it_metadata() -> None:
    body = b'{"data": [{"a": 1}], "metadata": {"total_pages": 3, "total_entries": 9}}'
    raw = parse_raw(body)
    assert (raw.total_pages, raw.total_entries) == (3, 9)


def test_a_page_that_is_no_strict_json_is_one_too() -> None:
    def page(value: str) -> RawPage:
        meta = '"meta": {"total_pages": 3, "total_entries": 7}'
        return parse_raw(f'{{"data": [{{"a": [NaN, {value}]}}], {meta}}}'.encode())

    one, same, other, lone = map(page, ("1", "1", "2", '"\\ud800"'))
    assert (one.rows, one.total_pages, one.total_entries) == (1, 3, 7)
    assert one.digest == same.digest
    assert len({one.digest, other.digest, lone.digest}) == 3


def test_a_row_that_is_no_object_is_named() -> None:
    with pytest.raises(EnvelopeError, match=r"^not a list of records$"):
        parse_raw(b'{"data": [{}, 5]}')
