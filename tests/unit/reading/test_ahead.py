"""Reading ahead, to the end of slices whose length is not announced."""

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

from tap_kayzen.api.errors import CutShortError
from tap_kayzen.api.workers import Workers
from tap_kayzen.reading.ahead import PageBudget, ReadAhead
from tap_kayzen.reading.pages import Page, parse_page
from tap_kayzen.reading.paging import (
    AnnouncedPaging,
    GuessedPaging,
    ListPaging,
    PageTally,
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

    def fetch(self, part: int, number: int) -> Page:
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
        raw = parse_page(json.dumps(answer).encode())
        with self.lock:
            self.flying -= 1
        return raw

    def read(self, workers: int = 3) -> list[list[int]]:
        ahead = ReadAhead(
            self.fetch,
            GuessedPaging(self.per_page),
            range(len(self.rows)),
            Workers(workers),
        )
        return [
            [
                row["row"]
                for page in ahead.pages(part)
                for row in page.decode()
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
def test_nothing_is_lost_with_any_paging_of_the_server(  # noqa: PLR0913
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
        # Indistinguishable from a server that has only one page.
        with pytest.raises(CutShortError):
            server.read(workers)
    else:
        assert server.read(workers) == whole(rows)
    assert server.most_flying <= workers


@pytest.mark.parametrize("announces", [False, True])
def test_a_server_without_pages_is_read_completely(announces: bool) -> None:  # noqa: FBT001
    fits = Server([7, 9, 0, 3], per_page=10, honours_page=False, announces=announces)
    assert fits.read() == whole([7, 9, 0, 3])
    with pytest.raises(CutShortError, match="page 2 repeats the 10 rows"):
        Server([25], per_page=10, honours_page=False, announces=announces).read()


def test_a_server_that_ignores_the_size_too_is_read_completely() -> None:
    server = Server([25, 3, 25], per_page=100, honours_page=False)
    ahead = ReadAhead(server.fetch, GuessedPaging(10), range(3), Workers(2))
    lengths = [sum(len(page.rows) for page in ahead.pages(part)) for part in range(3)]
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
def test_the_number_of_calls(rows: list[int], calls: int) -> None:
    server = Server(rows, per_page=10)
    assert server.read(workers=1) == whole(rows)
    assert len(server.calls) == calls


def test_an_announced_total_saves_calls_and_allows_parallel_reads() -> None:
    server = Server([95, 95], per_page=10, announces=True)
    assert server.read(workers=4) == whole([95, 95])
    assert len(server.calls) == 20
    assert server.calls[:1] == [(0, 1)]


def test_announced_rows_are_looked_for_beyond_the_last_page() -> None:
    def fetch(_: int, number: int) -> Page:
        rows = [{"row": number}] if number <= 3 else []
        meta = {"total_pages": 1, "total_entries": 3}
        return parse_page(json.dumps({"data": rows, "meta": meta}).encode())

    ahead = ReadAhead(fetch, GuessedPaging(10), [0], Workers(1))
    assert sum(len(page.rows) for page in ahead.pages(0)) == 3


def test_the_usual_pages_are_requested_at_once() -> None:
    waiting = threading.Barrier(3, timeout=20)
    server = Server([45, 45], per_page=10)

    def fetch(part: int, number: int) -> Page:
        if part == 1 and number <= 3:
            waiting.wait()  # all three are requested before the first one arrives
        return server.fetch(part, number)

    ahead = ReadAhead(fetch, GuessedPaging(10), [0], Workers(1))
    assert sum(len(page.rows) for page in ahead.pages(0)) == 45
    ahead = ReadAhead(fetch, GuessedPaging(10), range(2), Workers(4))
    for part in range(2):
        assert sum(len(page.rows) for page in ahead.pages(part)) == 45
    assert len(server.calls) == 15


def test_buffers_are_bounded_and_the_first_slice_always_advances() -> None:
    fetched: list[tuple[int, int]] = []
    taken: list[tuple[int, int]] = []
    most = 0

    def fetch(part: int, number: int) -> Page:
        nonlocal most
        fetched.append((part, number))
        most = max(most, len(fetched) - len(taken))
        rows = 10 if number < 30 else 1
        data = [{"part": part, "page": number, "row": row} for row in range(rows)]
        return parse_page(json.dumps({"data": data}).encode())

    ahead = ReadAhead(fetch, GuessedPaging(10), range(4), Workers(3))
    for part in range(4):
        for number, _ in enumerate(ahead.pages(part), start=1):
            taken.append((part, number))
    assert taken == [(part, number) for part in range(4) for number in range(1, 31)]
    assert len(fetched) == len(taken)
    assert most <= 2 * 3 + 2


def test_an_error_is_raised_in_turn() -> None:
    server = Server([25, 25, 25], per_page=10)

    def fetch(part: int, number: int) -> Page:
        if (part, number) == (1, 2):
            message = "refused"
            raise FatalAPIError(message)
        return server.fetch(part, number)

    ahead = ReadAhead(fetch, GuessedPaging(10), range(3), Workers(3))
    assert sum(len(page.rows) for page in ahead.pages(0)) == 25
    pages = ahead.pages(1)
    assert len(next(pages).rows) == 10
    with pytest.raises(FatalAPIError, match="refused"):
        next(pages)


def test_parts_are_taken_in_order() -> None:
    ahead = ReadAhead(Server([1, 1], 10).fetch, GuessedPaging(10), [0, 1], Workers(1))
    with pytest.raises(ValueError, match="1 is not the next slice, 0 is"):
        next(ahead.pages(1))


def test_paging_that_only_responses_mention() -> None:
    paging = AnnouncedPaging()
    page = parse_page(b'{"data": [{}]}')
    assert paging.find_last(page, PageTally()) == 1
    page = parse_page(b'{"data": [{}], "meta": {"total_pages": "3"}}')
    verdicts = [paging.find_last(page, PageTally(pages)) for pages in range(3)]
    assert verdicts == [None, None, 3]


@pytest.mark.parametrize(
    "order",
    [
        # Ignores `page`, and has no order either.
        lambda _, rows: random.sample(rows, k=len(rows)),
        # Starts again from the first page.
        lambda number, rows: rows[:10] if number % 2 else rows[10:20],
    ],
)
def test_a_server_that_repeats_its_pages_is_not_read_forever(
    order: Callable[[int, list[int]], list[int]],
) -> None:
    calls = 0

    def fetch(_: int, number: int) -> Page:
        nonlocal calls
        calls += 1
        rows = [{"row": row} for row in order(number, list(range(20)))]
        return parse_page(json.dumps({"data": rows}).encode())

    ahead = ReadAhead(fetch, GuessedPaging(15), [0], Workers(1))
    rows = [row["row"] for page in ahead.pages(0) for row in page.decode()]
    assert sorted(rows) == [*range(20)]
    assert calls <= 3


def test_a_limit_of_the_server_is_recognized_by_round_numbers() -> None:
    server = Server([7, 300], per_page=1000, cap=200, honours_page=False)
    with pytest.raises(CutShortError, match="repeats the 200 rows"):
        server.read(workers=1)
    saved = ReadAhead(
        lambda _, __: parse_page(b'{"data": [{"a": 1}], "meta": {"total_pages": 3}}'),
        AnnouncedPaging(),
        [0],
        Workers(1),
    )
    with pytest.raises(CutShortError, match="page 2 repeats the 1 rows"):
        list(saved.pages(0))


@pytest.mark.parametrize("paging", [GuessedPaging(10), AnnouncedPaging()])
def test_announced_pages_that_repeat_are_not_the_end(
    paging: GuessedPaging | AnnouncedPaging,
) -> None:
    def fetch(_: int, number: int) -> Page:
        rows = [{"row": min(number, 2)}]
        return parse_page(
            json.dumps({"data": rows, "meta": {"total_pages": 5}}).encode()
        )

    ahead = ReadAhead(fetch, paging, [0], Workers(1))
    with pytest.raises(CutShortError, match="page 3 repeats the 1 rows"):
        list(ahead.pages(0))


def test_a_duplicate_row_does_not_raise_the_page_size() -> None:
    def fetch(_: int, number: int) -> Page:
        rows = [{"row": row} for row in range(25)][5 * (number - 1) : 5 * number]
        rows += rows[:1] if number == 1 else []
        return parse_page(json.dumps({"data": rows}).encode())

    ahead = ReadAhead(fetch, GuessedPaging(1000), [0], Workers(1))
    assert sum(len(page.rows) for page in ahead.pages(0)) == 26


class Gate:
    """Pages that come when a test lets them."""

    def __init__(self, total: int, slices: int = 1) -> None:
        self.total = total
        self.gates = {
            (each, number): threading.Event()
            for each in range(slices)
            for number in range(1, total + 1)
        }
        self.requested: list[tuple[int, int]] = []
        self.news = threading.Condition()

    def fetch(self, slice_: int, number: int) -> Page:
        with self.news:
            self.requested.append((slice_, number))
            self.news.notify_all()
        assert self.gates[slice_, number].wait(20)
        return Page([{"id": number}], self.total, self.total)

    def until_requested(self, count: int) -> None:
        with self.news:
            assert self.news.wait_for(lambda: len(self.requested) >= count, 20)


def test_pages_are_delivered_in_order_however_they_arrive() -> None:
    gate = Gate(5)
    ahead = ReadAhead(gate.fetch, ListPaging(), [0], Workers(5))
    pages = ahead.pages(0)
    gate.gates[0, 1].set()
    assert next(pages).rows == [{"id": 1}]
    gate.until_requested(5)
    for number in (5, 4, 3, 2):
        gate.gates[0, number].set()
    assert [page.rows[0] for page in pages] == [{"id": n} for n in (2, 3, 4, 5)]


def test_a_slow_page_does_not_stop_the_others() -> None:
    gate = Gate(9)
    ahead = ReadAhead(gate.fetch, ListPaging(), [0], Workers(4))
    pages = ahead.pages(0)
    gate.gates[0, 1].set()
    next(pages)
    # Four may wait or be on their way: all of them are requested while one hangs.
    gate.until_requested(5)
    for number in (3, 4, 5, 6, 7, 8, 9):
        gate.gates[0, number].set()
    gate.gates[0, 2].set()
    assert len(list(pages)) == 8


def test_a_slice_that_is_abandoned_makes_room_for_the_next() -> None:
    gate = Gate(6, slices=3)
    for event in gate.gates.values():
        event.set()
    ahead = ReadAhead(gate.fetch, ListPaging(), range(3), Workers(2))
    for slice_ in range(3):
        pages = ahead.pages(slice_)
        assert next(pages).rows == [{"id": 1}]
        pages.close()
    ahead.close()


def test_nothing_is_requested_after_closing() -> None:
    gate = Gate(20)
    ahead = ReadAhead(gate.fetch, ListPaging(), [0], Workers(2))
    pages = ahead.pages(0)
    gate.gates[0, 1].set()
    next(pages)
    gate.until_requested(3)
    ahead.close()
    pages.close()
    for event in gate.gates.values():
        event.set()
    done = threading.Barrier(3, timeout=20)
    workers = ahead._workers  # noqa: SLF001
    for _ in range(2):
        workers.submit(done.wait)
    done.wait()
    assert len(gate.requested) == 3


def test_lists_are_not_assumed_as_long_as_the_previous_one() -> None:
    asked: list[tuple[int, int]] = []

    def fetch(slice_: int, number: int) -> Page:
        asked.append((slice_, number))
        total = 9 if slice_ == 0 else 1
        return Page([{"id": 10 * slice_ + number}], total, total)

    ahead = ReadAhead(fetch, ListPaging(), range(3), Workers(4))
    for slice_ in range(3):
        list(ahead.pages(slice_))
    assert sorted(asked) == [*((0, n) for n in range(1, 10)), (1, 1), (2, 1)]


def test_upcoming_streams_share_an_allowance() -> None:
    budget = PageBudget(3)
    servers = [Server([25, 25, 25], per_page=10) for _ in range(3)]
    workers = Workers(8)
    streams = [
        ReadAhead(each.fetch, GuessedPaging(10), range(3), workers) for each in servers
    ]
    for each in streams:
        each.prefetch(budget)
    first = [page for part in range(3) for page in streams[0].pages(part)]
    assert sum(len(page.rows) for page in first) == 75
    assert not servers[1].calls, "the first stream took all three pages"
    for each in streams[1:]:
        each.prefetch(budget)
    streams[1].close()
    streams[2].prefetch(budget)
    rows = [
        row["row"]
        for part in range(3)
        for page in streams[2].pages(part)
        for row in page.decode()
    ]
    assert rows == [*range(25)] * 3
    assert len(servers[1].calls) <= 3
    assert budget.acquire()


def test_nothing_is_fetched_ahead_without_an_allowance() -> None:
    server = Server([5], per_page=10)
    ahead = ReadAhead(server.fetch, GuessedPaging(10), range(1), Workers(2))
    ahead.prefetch(PageBudget(0))
    assert server.calls == []
    assert sum(len(page.rows) for page in ahead.pages(0)) == 5
