"""Whole lists out of pages that shift while they are read."""

from __future__ import annotations

import gc
import logging
import weakref
from concurrent.futures import Future
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_kayzen.api.workers import Workers
from tap_kayzen.output.progress import LogDisplay
from tap_kayzen.reading.keys import KeySet
from tap_kayzen.reading.pages import Page
from tap_kayzen.reading.passes import MAX_PASSES, ListReader, Pass

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from singer_sdk.helpers.types import Context

    from tap_kayzen.output.progress import Progress
    from tap_kayzen.reading.keys import Key
    from tap_kayzen.reading.pages import UnreadPage

PER_PAGE = 3
LOGGER = logging.getLogger("test-reading")


@pytest.fixture(autouse=True)
def _nothing_else_to_collect() -> Generator[None]:
    """Let the collections of these tests not look through all that was imported."""
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

    def fetch(self, _: Context | None, number: int) -> Page:
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


def convert(page: Page, _: Context | None) -> tuple[list[Key], list[dict[str, Any]]]:
    return [row["id"] for row in page.records], page.records


def reader(
    fetch: Callable[[Context | None, int], Page],
    workers: int = 1,
    contexts: Sequence[Context] = (),
) -> ListReader:
    def fetch_unread(context: Context | None, number: int) -> UnreadPage:
        page = fetch(context, number)
        return lambda: page

    return ListReader(
        fetch=fetch_unread,
        convert=convert,
        contexts=contexts,
        workers=Workers(workers),
        on_page=lambda _: None,
        progress=LogDisplay(LOGGER).stream("test"),
        logger=LOGGER,
    )


def ids_of(list_reader: ListReader) -> list[int]:
    return [record["id"] for record in list_reader.read(None)]


def test_a_quiet_list_is_read_once() -> None:
    source = Shifting(10, {})
    list_reader = reader(source.fetch)
    assert ids_of(list_reader) == list(range(1, 11))
    assert source.asked == [1, 2, 3, 4]
    assert list_reader.incomplete == []


def test_a_row_that_slips_to_an_earlier_page_is_found() -> None:
    source = Shifting(10, {1: lambda ids: ids.remove(2)})
    list_reader = reader(source.fetch)
    assert set(ids_of(list_reader)) == set(range(1, 11))
    assert list_reader.incomplete == []


def test_a_row_that_slips_to_a_later_page_comes_once() -> None:
    source = Shifting(10, {1: lambda ids: ids.insert(0, 99)})
    list_reader = reader(source.fetch)
    came = ids_of(list_reader)
    assert sorted(came) == [*range(1, 11), 99]
    assert list_reader.incomplete == []


@settings(max_examples=300, deadline=None)
@given(
    st.integers(1, 20),
    st.dictionaries(
        st.integers(1, 12), st.tuples(st.booleans(), st.integers(0, 20)), max_size=2
    ),
)
def test_nothing_that_was_there_throughout_is_missing(
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
def test_any_changes_end_without_doubles(
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


def test_two_passes_that_both_saw_a_change_are_no_proof() -> None:
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


def test_what_is_missing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    pages = {1: [{"id": 1}], 2: [{"id": 2}], 3: []}
    ids_of(reader(lambda _, number: Page(pages[number], 2, 5)))
    assert "2 of 5 records came, and there may be more" in caplog.text


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_several_lists_share_what_may_be_in_memory(workers: int) -> None:
    bodies: list[weakref.ref[Body]] = []
    most = 0

    def fetch(context: Context | None, number: int) -> UnreadPage:
        body = Body()
        bodies.append(weakref.ref(body))
        start = 1000 * (context or {})["advertiser_id"]

        def read() -> Page:
            assert body is not None
            return Page([{"id": start + number}], 20, 20)

        return read

    contexts: list[Context] = [{"advertiser_id": number} for number in range(6)]
    list_reader = ListReader(
        fetch=fetch,
        convert=convert,
        contexts=contexts,
        workers=Workers(workers),
        on_page=lambda _: None,
        progress=LogDisplay(LOGGER).stream("test"),
        logger=LOGGER,
    )
    for context in contexts:
        for _ in list_reader.read(context):
            gc.collect()
            most = max(most, sum(each() is not None for each in bodies))
    assert most <= max(2, workers)


def test_a_list_that_never_rests_is_given_up_on() -> None:
    fresh = iter(range(1000, 9000))
    source = Shifting(
        10, {n: lambda ids: ids.insert(0, next(fresh)) for n in range(999)}
    )
    list_reader = reader(source.fetch)
    came = ids_of(list_reader)
    assert source.always <= set(came)
    assert source.asked.count(1) == MAX_PASSES
    assert len(list_reader.incomplete) == 1


@pytest.mark.parametrize("announced", [58, 4])
def test_a_wrong_total_costs_one_more_pass_at_most(announced: int) -> None:
    asked: list[int] = []

    def fetch(_: Context | None, number: int) -> Page:
        asked.append(number)
        return Page([{"id": number}] if number <= 5 else [], 5, announced)

    list_reader = reader(fetch)
    assert ids_of(list_reader) == [1, 2, 3, 4, 5]
    assert len(asked) == (12 if announced == 58 else 5)
    assert list_reader.incomplete == (
        ["5 of 58 records came"] if announced == 58 else []
    )


def test_a_list_with_a_row_twice_is_still_whole() -> None:
    pages = {1: [{"id": 1}, {"id": 2}], 2: [{"id": 2}]}
    list_reader = reader(lambda _, number: Page(pages[number], 2, 3))
    assert ids_of(list_reader) == [1, 2]
    assert list_reader.incomplete == []


class Body:
    """The bytes of a page that waits to be read."""


@pytest.mark.parametrize("workers", [1, 4])
def test_there_are_never_more_pages_in_memory_than_workers(workers: int) -> None:
    bodies: list[weakref.ref[Body]] = []
    pages: list[weakref.ref[Page]] = []
    most_bodies = most_pages = 0

    def fetch(_: Context | None, number: int) -> UnreadPage:
        body = Body()
        bodies.append(weakref.ref(body))

        def read() -> Page:
            assert body is not None
            page = Page([{"id": number}], 40, 40)
            pages.append(weakref.ref(page))
            return page

        return read

    list_reader = ListReader(
        fetch=fetch,
        convert=convert,
        contexts=[],
        workers=Workers(workers),
        on_page=lambda _: None,
        progress=LogDisplay(LOGGER).stream("test"),
        logger=LOGGER,
    )
    for _ in list_reader.read(None):
        gc.collect()
        most_bodies = max(most_bodies, sum(each() is not None for each in bodies))
        most_pages = max(most_pages, sum(each() is not None for each in pages))
    assert most_bodies <= workers
    assert most_pages == 1


class AtOnce(Workers):
    """Workers that are done as soon as they are asked."""

    def submit(self, work: Callable[[], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(work())
        return future


def asked_for_two_pages(
    workers: int, lists: int, *, short: bool = False
) -> list[tuple[int, int]]:
    """Read the first of several lists of single rows, up to its second page.

    Returns:
        The lists and pages that were asked for until then.
    """
    contexts: list[Context] = [{"advertiser_id": number} for number in range(lists)]
    asked: list[tuple[int, int]] = []

    def fetch(context: Context | None, number: int) -> UnreadPage:
        asked.append(((context or {})["advertiser_id"], number))
        row = {"id": len(asked)}
        return lambda: Page([row], 20, 20)

    list_reader = ListReader(
        fetch=fetch,
        convert=convert,
        contexts=[] if short else contexts,
        workers=AtOnce(workers),
        on_page=lambda _: None,
        progress=LogDisplay(LOGGER).stream("test"),
        logger=LOGGER,
    )
    rows = (
        list_reader.read_all(contexts, lists)
        if short
        else list_reader.read(contexts[0])
    )
    assert len(list(islice(rows, 2))) == 2
    return sorted(asked)


def first_pages(lists: int, pages: int) -> list[tuple[int, int]]:
    """Give all pages of the first list, and the first ones of the others."""
    return [
        *((0, number) for number in range(1, pages + 1)),
        *((number, 1) for number in range(1, lists)),
    ]


@pytest.mark.parametrize(
    ("workers", "lists", "lists_asked", "pages_asked"),
    [
        (1, 1, 1, 3),
        (1, 3, 2, 3),
        (2, 5, 2, 3),
        (4, 1, 1, 6),
        (4, 5, 3, 4),
        (5, 2, 2, 5),
        (5, 5, 3, 5),
    ],
)
def test_half_of_the_workers_look_ahead_to_other_lists(
    workers: int, lists: int, lists_asked: int, pages_asked: int
) -> None:
    assert asked_for_two_pages(workers, lists) == first_pages(lists_asked, pages_asked)


@pytest.mark.parametrize(("workers", "lists_asked"), [(1, 2), (2, 2), (4, 4)])
def test_all_workers_but_one_look_ahead_to_short_lists(
    workers: int, lists_asked: int
) -> None:
    asked = asked_for_two_pages(workers, 6, short=True)
    assert asked == first_pages(lists_asked, 3)


def test_first_pages_of_further_lists_are_fetched_ahead() -> None:
    contexts: list[Context] = [{"advertiser_id": number} for number in range(6)]
    asked: list[int] = []

    def fetch(context: Context | None, _: int) -> Page:
        assert context is not None
        asked.append(context["advertiser_id"])
        return Page([{"id": context["advertiser_id"]}], 1, 1)

    list_reader = reader(fetch, 3, contexts)
    came = [record["id"] for each in contexts for record in list_reader.read(each)]
    assert came == list(range(6))
    assert sorted(asked) == list(range(6))


def test_a_list_that_is_read_again_takes_no_first_page_of_another() -> None:
    contexts: list[Context] = [{"advertiser_id": number} for number in range(3)]
    asked: list[tuple[int, int]] = []

    def fetch(context: Context | None, number: int) -> Page:
        assert context is not None
        advertiser = context["advertiser_id"]
        asked.append((advertiser, number))
        # The first list has one row twice.
        ids = [10, 10] if not advertiser else [10 + advertiser]
        return Page([{"id": each} for each in ids], 1, len(ids))

    list_reader = reader(fetch, 2, contexts)
    came = [record["id"] for each in contexts for record in list_reader.read(each)]
    assert came == [10, 11, 12]
    assert sorted(asked) == [(0, 1), (0, 1), (1, 1), (2, 1)]


def test_a_boundless_total_takes_no_boundless_memory() -> None:
    pages = {1: [{"id": 1}], 2: []}
    list_reader = reader(lambda _, number: Page(pages[number], 1, 10**30))
    assert ids_of(list_reader) == [1]
    assert len(list_reader.incomplete) == 1


class Noted:
    """A progress that remembers what it was told."""

    name = "test"

    def __init__(self) -> None:
        self.total: int | None = 0
        self.done = 0

    def begin(self, total: int | None) -> None:
        self.total = total

    def advance(self, number: int) -> None:
        self.done += number


def noted_reader(contexts: Sequence[Context], progress: Noted) -> ListReader:
    """Read lists whose three rows, on two pages, say whose they are."""

    def fetch(context: Context | None, number: int) -> UnreadPage:
        assert context is not None
        owner = context["campaign_id"]
        ids = [1, 2] if number == 1 else [3]
        rows = [{"id": each, "owner": owner} for each in ids]
        return lambda: Page(rows, 2, 3)

    def convert_of(
        page: Page, context: Context | None
    ) -> tuple[list[Key], list[dict[str, Any]]]:
        assert context is not None
        assert all(row["owner"] == context["campaign_id"] for row in page.records)
        return convert(page, context)

    def on_page(page: Page) -> None:
        assert page.records

    return ListReader(
        fetch=fetch,
        convert=convert_of,
        contexts=contexts,
        workers=Workers(4),
        on_page=on_page,
        progress=cast("Progress", progress),
        logger=LOGGER,
    )


def test_rows_of_many_short_lists_come_in_order_with_keys_of_their_own() -> None:
    contexts: list[Context] = [{"campaign_id": number} for number in range(5)]
    progress = Noted()
    list_reader = noted_reader([], progress)
    came = list(list_reader.read_all(contexts, 5))
    assert [(row["owner"], row["id"]) for row in came] == [
        (owner, number) for owner in range(5) for number in (1, 2, 3)
    ]
    assert list_reader.incomplete == []
    assert (progress.total, progress.done) == (5, 5)


def test_the_progress_is_told_of_rows() -> None:
    contexts: list[Context] = [{"campaign_id": 7}]
    progress = Noted()
    assert len(list(noted_reader(contexts, progress).read(contexts[0]))) == 3
    assert (progress.total, progress.done) == (3, 3)


def test_a_list_that_is_read_again_is_spoken_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    list_reader = reader(lambda *_: Page([{"id": 1}, {"id": 1}], 1, 2))
    assert ids_of(list_reader) == [1]
    (message,) = [each.getMessage() for each in caplog.records]
    assert message == (
        "The list changed while it was read (1 of 2 records came, 1 came twice): "
        "reading it again for what slipped through"
    )


def test_what_is_missing_of_a_list_without_a_total_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    list_reader = reader(lambda *_: Page([]))
    assert ids_of(list_reader) == []
    assert list_reader.incomplete == ["0 records came"]
    assert caplog.messages == ["0 records came, and there may be more"]


@pytest.mark.parametrize("lengths", [[(2, None), (3, None)], [(None, 4), (None, 5)]])
def test_any_word_of_another_length_is_a_change(
    lengths: list[tuple[int | None, int | None]],
) -> None:
    this = Pass(KeySet())
    this.note(Page([]))
    this.note(Page([], *lengths[0]))
    assert not this.changed
    this.note(Page([], *lengths[1]))
    assert this.changed
