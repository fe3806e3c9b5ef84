from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import pytest
from watchdog import finished

from tap_kayzen.workers import ReadAhead, Workers

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_results_come_in_the_order_of_the_items() -> None:
    gates = [threading.Event() for _ in range(4)]

    def work(item: int) -> int:
        assert gates[item].wait(10)
        if item:
            gates[item - 1].set()
        return item

    gates[3].set()
    assert list(ReadAhead(work, range(4), Workers(4))) == [0, 1, 2, 3]


def test_no_more_is_taken_than_there_are_workers() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(50):
            taken.append(item)
            yield item

    for done, result in enumerate(ReadAhead(lambda item: item, items(), Workers(5))):
        assert result == done
        # Those that wait, and this one.
        assert len(taken) - done <= 5 + 1


def test_a_slow_item_does_not_stop_the_others() -> None:
    others = threading.Semaphore(0)

    def work(item: int) -> int:
        if item:
            others.release()
        else:
            assert all(others.acquire(timeout=10) for _ in range(3))
        return item

    assert list(ReadAhead(work, range(4), Workers(4))) == [0, 1, 2, 3]


def test_the_first_error_does_not_wait_for_its_turn() -> None:
    never = threading.Event()

    def work(item: int) -> None:
        if item == 3:
            msg = "page 3"
            raise ValueError(msg)
        never.wait()

    with pytest.raises(ValueError, match="page 3"):
        list(ReadAhead(work, range(8), Workers(4)))
    never.set()


def test_what_is_not_started_is_not_started_after_an_error() -> None:
    started: list[int] = []

    def work(item: int) -> None:
        started.append(item)
        msg = "page 0"
        raise ValueError(msg)

    workers = Workers(1)
    with pytest.raises(ValueError, match="page 0"):
        list(ReadAhead(work, range(8), workers))
    workers.submit(lambda: None).result(10)
    assert started == [0]


def test_a_waiting_thread_does_not_hold_up_the_end_of_the_process() -> None:
    code = (
        "import threading; from tap_kayzen.workers import Workers;"
        "Workers(2).submit(threading.Event().wait)"
    )
    finished([sys.executable, "-c", code], check=True)
