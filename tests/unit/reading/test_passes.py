"""Whole lists out of pages that shift while they are read."""

from __future__ import annotations

import gc
import logging
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_kayzen.api.errors import CutShortError
from tap_kayzen.api.workers import Workers
from tap_kayzen.messages import report_messages, stream_messages
from tap_kayzen.output.progress import Progress
from tap_kayzen.reading.keys import ColumnKeys, KeySet
from tap_kayzen.reading.pages import Page
from tap_kayzen.reading.paging import GuessedPaging, ListPaging
from tap_kayzen.reading.passes import MAX_PASSES, Pass, Reader, Source

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable


PER_PAGE = 3
LOGGER = logging.getLogger("test-reading")


@pytest.fixture(autouse=True)
def _nothing_else_to_collect() -> Generator[None]:
    """Exclude imported objects from the garbage collections of these tests."""
    gc.freeze()
    yield
    gc.unfreeze()


class Shifting:
    """A list that changes by script: what happens after so many pages served."""

    def __init__(
        self, size: int, changes: dict[int, Callable[[list[int]], object]]
    ) -> None:
        self.ids = list(range(1, size + 1))
        self.changes = changes
        self.served = 0
        self.asked: list[int] = []
        self.always = set(self.ids)

    def fetch(self, _: int, number: int) -> Page:
        self.asked.append(number)
        start = (number - 1) * PER_PAGE
        ids = self.ids[start : start + PER_PAGE]
        total = len(self.ids)
        page = Page(
            [{"id": each} for each in ids], max(1, -(-total // PER_PAGE)), total
        )
        self.served += 1
        if change := self.changes.get(self.served):
            change(self.ids)
            self.always &= set(self.ids)
        return page


Fetch = Callable[[int, int], Page]


def source_of(fetch: Fetch) -> Source[int]:
    """Return a source of lists that emits each key once per run."""
    sent = KeySet()
    return Source(
        fetch=fetch,
        convert=lambda page, _: page.decode(),
        keys=lambda _: ColumnKeys(("id",), sent),
        paging=ListPaging(),
        label=lambda slice_: f"list {slice_}",
    )


def reader(
    source: Source[int] | Fetch, workers: int = 1, slices: Iterable[int] = (0,)
) -> Reader[int]:
    source = source if isinstance(source, Source) else source_of(source)
    return Reader(source, slices, workers=Workers(workers), logger=LOGGER)


def ids_of(list_reader: Reader[int], slices: Iterable[int] = (0,)) -> list[int]:
    return [record["id"] for each in slices for record in list_reader.read(each)]


def test_an_unchanged_list_is_read_once() -> None:
    source = Shifting(10, {})
    list_reader = reader(source.fetch)
    assert ids_of(list_reader) == list(range(1, 11))
    assert source.asked == [1, 2, 3, 4]
    assert list_reader.last_pass.is_complete


def test_a_row_that_slips_to_an_earlier_page_is_found() -> None:
    source = Shifting(10, {1: lambda ids: ids.remove(2)})
    list_reader = reader(source.fetch)
    assert set(ids_of(list_reader)) == set(range(1, 11))
    assert list_reader.last_pass.is_complete


def test_a_row_that_slips_to_a_later_page_is_sent_once() -> None:
    source = Shifting(10, {1: lambda ids: ids.insert(0, 99)})
    list_reader = reader(source.fetch)
    came = ids_of(list_reader)
    assert sorted(came) == [*range(1, 11), 99]
    assert list_reader.last_pass.is_complete


@settings(max_examples=300, deadline=None)
@given(
    st.integers(1, 20),
    st.dictionaries(
        st.integers(1, 12), st.tuples(st.booleans(), st.integers(0, 20)), max_size=2
    ),
)
def test_no_row_that_existed_throughout_is_missing(
    size: int, script: dict[int, tuple[bool, int]]
) -> None:
    """Of any insertions, or any deletions, between any two pages."""
    fresh = iter(range(1000, 2000))
    grows = next(iter(script.values()), (True, 0))[0]

    def change(place: int) -> Callable[[list[int]], object]:
        if grows:
            return lambda ids: ids.insert(min(place, len(ids)), next(fresh))
        return lambda ids: ids and ids.pop(place % len(ids))

    source = Shifting(
        size, {page: change(place) for page, (_, place) in script.items()}
    )
    came = ids_of(reader(source.fetch))
    assert len(came) == len(set(came))
    assert source.always <= set(came)


@settings(max_examples=300, deadline=None)
@given(
    st.integers(1, 40),
    st.dictionaries(st.integers(1, 15), st.integers(-15, 15), max_size=4),
    st.integers(1, 4),
)
def test_no_change_causes_duplicates(
    size: int, script: dict[int, int], workers: int
) -> None:
    fresh = iter(range(1000, 2000))

    def change(rows: int) -> Callable[[list[int]], object]:
        if rows > 0:
            return lambda ids: ids.extend(next(fresh) for _ in range(rows))
        return lambda ids: ids.__delitem__(slice(rows, None)) if rows else None

    changes = {page: change(rows) for page, rows in script.items()}
    came = ids_of(reader(Shifting(size, changes).fetch, workers))
    assert len(came) == len(set(came))


def test_a_list_that_shrinks_and_grows_again_is_read_to_its_end() -> None:
    source = Shifting(
        8,
        {1: lambda ids: ids.__delitem__(slice(4, None)), 2: lambda ids: ids.append(9)},
    )
    came = ids_of(reader(source.fetch))
    assert set(came) >= {1, 2, 3, 4, 9}


def test_two_passes_that_both_saw_a_change_prove_nothing() -> None:
    fresh = iter(range(1000, 2000))

    def shift(ids: list[int]) -> None:
        ids.pop(0)
        ids.append(next(fresh))
        ids.append(next(fresh))

    def settle(ids: list[int]) -> None:
        ids.pop()

    changes: dict[int, Callable[[list[int]], object]] = {}
    for first in (1, 6):
        changes |= {first: shift, first + 1: settle}
    source = Shifting(14, changes)
    list_reader = reader(source.fetch)
    assert source.always <= set(ids_of(list_reader))


def test_missing_rows_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    pages = {1: [{"id": 1}], 2: [{"id": 2}], 3: []}
    ids_of(reader(lambda _, number: Page(pages[number], 2, 5)))
    assert caplog.messages[-1] == stream_messages.MAY_BE_MORE(
        list="list 0", received="2 of 5 records"
    )


def test_the_tap_gives_up_on_a_list_that_keeps_changing() -> None:
    fresh = iter(range(1000, 9000))
    source = Shifting(
        10, {n: lambda ids: ids.insert(0, next(fresh)) for n in range(999)}
    )
    list_reader = reader(source.fetch)
    came = ids_of(list_reader)
    assert source.always <= set(came)
    assert source.asked.count(1) == MAX_PASSES
    assert not list_reader.last_pass.is_complete


@pytest.mark.parametrize("announced", [58, 4])
def test_a_wrong_total_costs_one_more_pass_at_most(announced: int) -> None:
    asked: list[int] = []

    def fetch(_: int, number: int) -> Page:
        asked.append(number)
        return Page([{"id": number}] if number <= 5 else [], 5, announced)

    list_reader = reader(fetch)
    assert ids_of(list_reader) == [1, 2, 3, 4, 5]
    assert len(asked) == (12 if announced == 58 else 5)
    assert list_reader.last_pass.is_complete == (announced == 4)
    assert str(list_reader.last_pass) == f"5 of {announced} records"


def test_a_list_with_a_duplicate_row_is_complete() -> None:
    pages = {1: [{"id": 1}, {"id": 2}], 2: [{"id": 2}]}
    list_reader = reader(lambda _, number: Page(pages[number], 2, 3))
    assert ids_of(list_reader) == [1, 2]
    assert list_reader.last_pass.is_complete


class Counted(Page):
    """A page that a test can count."""


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("lists", [1, 6])
def test_the_pages_in_memory_are_bounded(workers: int, lists: int) -> None:
    pages: list[weakref.ref[Counted]] = []
    most = most_decoded = 0
    decoded: list[weakref.ref[Any]] = []

    class Row(dict[str, Any]):
        __slots__ = ("__weakref__",)

    def fetch(slice_: int, number: int) -> Page:
        page = Counted([{"id": 1000 * slice_ + number}], 20, 20)
        pages.append(weakref.ref(page))
        return page

    def convert(page: Page, _: int) -> list[Any]:
        rows = [Row(row) for row in page.decode()]
        decoded.append(weakref.ref(rows[0]))
        return rows

    source = replace(source_of(fetch), convert=convert)
    list_reader = reader(source, workers, range(lists))
    came = 0
    for each in range(lists):
        for _ in list_reader.read(each):
            came += 1
            gc.collect()
            most = max(most, sum(ref() is not None for ref in pages))
            most_decoded = max(most_decoded, sum(ref() is not None for ref in decoded))
    assert came == 20 * lists
    # Those that wait, one more if the consumer waits for it, and the one in hand.
    assert most <= 2 * workers + 2
    assert most_decoded == 1


def test_first_pages_of_further_lists_are_fetched_ahead() -> None:
    asked: list[int] = []

    def fetch(slice_: int, _: int) -> Page:
        asked.append(slice_)
        return Page([{"id": slice_}], 1, 1)

    list_reader = reader(fetch, 3, range(6))
    assert ids_of(list_reader, range(6)) == list(range(6))
    assert sorted(asked) == list(range(6))


def test_a_list_that_is_read_again_takes_no_page_of_another() -> None:
    asked: list[tuple[int, int]] = []

    def fetch(slice_: int, number: int) -> Page:
        asked.append((slice_, number))
        # The first list has one row twice.
        ids = [10, 10] if not slice_ else [10 + slice_]
        return Page([{"id": each} for each in ids], 1, len(ids))

    list_reader = reader(fetch, 2, range(3))
    assert ids_of(list_reader, range(3)) == [10, 11, 12]
    assert sorted(asked) == [(0, 1), (0, 1), (1, 1), (2, 1)]


def test_a_huge_total_does_not_take_huge_memory() -> None:
    pages = {1: [{"id": 1}], 2: []}
    list_reader = reader(lambda _, number: Page(pages[number], 1, 10**30))
    assert ids_of(list_reader) == [1]
    assert not list_reader.last_pass.is_complete


def test_a_list_that_goes_on_without_new_keys_has_an_end() -> None:
    asked: list[int] = []

    def fetch(_: int, number: int) -> Page:
        asked.append(number)
        # The same campaign, restated in each page.
        return Page([{"id": 1, "spend": number}], 10**6)

    assert ids_of(reader(fetch)) == [1]
    assert ListPaging.max_idle_pages < max(asked) < ListPaging.max_idle_pages + 5


def test_a_report_that_goes_on_without_new_keys_may_have_more_rows() -> None:
    source = replace(
        # The same rows, restated on each page.
        source_of(lambda _, page: Page([{"id": 1, "spend": page}] * 10)),
        paging=GuessedPaging(10),
        hint="read less",
    )
    with pytest.raises(CutShortError) as caught:
        ids_of(reader(source))
    cause = report_messages.REPEATED_ROWS(pages=3)
    assert str(caught.value) == f"list 0: {cause}; read less"


def test_one_idle_page_without_meta_does_not_end_an_announced_list() -> None:
    def fetch(_: int, number: int) -> Page:
        # The second page repeats the first, the third is empty and announces nothing.
        ids = {1: [1, 2], 2: [1, 2], 3: []}.get(number, [2 * number, 2 * number + 1])
        total = None if number == 3 else 10
        return Page([{"id": each} for each in ids], total)

    came = ids_of(reader(fetch))
    assert came == [1, 2, *range(8, 22)]


def test_a_repeated_page_beyond_the_end_replaces_no_missing_rows() -> None:
    pages = {1: [1, 2], 2: [3, 4], 3: [1, 2]}

    def fetch(_: int, number: int) -> Page:
        return Page([{"id": each} for each in pages[min(number, 3)]], 2, 6)

    list_reader = reader(fetch)
    assert ids_of(list_reader) == [1, 2, 3, 4]
    assert not list_reader.last_pass.is_complete


def test_pages_in_memory_are_bounded_while_a_list_is_read_again() -> None:
    alive: list[weakref.ref[Counted]] = []
    most = 0

    def fetch(slice_: int, number: int) -> Page:
        # The first list has one row twice, and so is read twice.
        row = {"id": 1 if not slice_ and number == 2 else 100 * slice_ + number}
        page = Counted([row], 20, 20)
        alive.append(weakref.ref(page))
        return page

    list_reader = reader(fetch, 4, range(3))
    for slice_ in range(3):
        for _ in list_reader.read(slice_):
            gc.collect()
            most = max(most, sum(each() is not None for each in alive))
    assert most <= 2 * 4 + 2


def test_the_progress_counts_rows() -> None:
    progress = Progress("test", "rows", LOGGER, None)
    pages = {1: [{"id": 1}, {"id": 2}], 2: [{"id": 3}]}
    source = source_of(lambda _, number: Page(pages[number], 2, 3))
    assert ids_of(reader(replace(source, progress=progress))) == [1, 2, 3]
    assert (progress.total, progress.done) == (3, 3)


def test_pages_are_counted_once_their_records_are_sent() -> None:
    out: list[int] = []
    counted: list[list[int]] = []
    source = replace(
        source_of(lambda _, number: Page([{"id": number}], 3, 3)),
        on_page=lambda _: counted.append([*out]),
    )
    out.extend(record["id"] for record in reader(source).read(0))
    assert counted == [[1], [1, 2], [1, 2, 3]]


def test_a_list_that_is_read_again_is_named(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    list_reader = reader(lambda *_: Page([{"id": 1}, {"id": 1}], 1, 2))
    assert ids_of(list_reader) == [1]
    (message,) = caplog.messages
    assert message == (
        "list 0 changed while it was read (received 1 of 2 records, 1 of them twice); "
        "reading it again for missing records"
    )


def test_an_empty_list_that_announces_nothing_may_be_incomplete(
    caplog: pytest.LogCaptureFixture,
) -> None:
    list_reader = reader(lambda *_: Page([]))
    assert ids_of(list_reader) == []
    assert not list_reader.last_pass.is_complete
    assert caplog.messages == [
        stream_messages.MAY_BE_MORE(list="list 0", received="0 records")
    ]


def test_an_empty_window_is_complete() -> None:
    source = replace(source_of(lambda *_: Page([])), may_be_empty=True)
    list_reader = reader(source)
    assert ids_of(list_reader) == []
    assert list_reader.last_pass.is_complete


def test_rows_that_may_be_missing_are_an_error_with_a_hint() -> None:
    source = replace(
        source_of(lambda *_: Page([{"id": 1}] * 10)),
        paging=GuessedPaging(10),
        hint="read less",
    )
    with pytest.raises(CutShortError) as caught:
        ids_of(reader(source))
    cause = report_messages.REPEATED_PAGE(number=2, rows=10)
    assert str(caught.value) == f"list 0: {cause}; read less"


@pytest.mark.parametrize("lengths", [[(2, None), (3, None)], [(None, 4), (None, 5)]])
def test_another_announced_length_is_a_change(
    lengths: list[tuple[int | None, int | None]],
) -> None:
    this = Pass()
    this.add(Page([]))
    this.add(Page([], *lengths[0]))
    assert not this.has_changed
    this.add(Page([], *lengths[1]))
    assert this.has_changed


def test_rows_without_records_do_not_count_as_repeated() -> None:
    pages: dict[int, list[dict[str, Any]]]
    pages = {1: [{"id": 1}, {"id": None}], 2: [{"id": 2}, {"id": None}]}
    asked = []

    def fetch(_: int, number: int) -> Page:
        asked.append(number)
        return Page(pages[number], 2, 4)

    source = replace(
        source_of(fetch),
        convert=lambda page, _: [row for row in page.decode() if row["id"]],
    )
    list_reader = reader(source)
    assert ids_of(list_reader) == [1, 2]
    assert asked == [1, 2]
    assert list_reader.last_pass.is_complete
    assert list_reader.last_pass.repeated == 0
