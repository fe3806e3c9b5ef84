from __future__ import annotations

import sys
import threading

import pytest
from watchdog import finished

from tap_kayzen.api.workers import Workers


def test_no_more_threads_are_started_than_allowed() -> None:
    workers = Workers(3)
    started = threading.Semaphore(0)
    end = threading.Event()
    threads: set[int] = set()

    def task() -> None:
        threads.add(threading.get_ident())
        started.release()
        end.wait()

    for _ in range(10):
        workers.submit(task)
    # Twice as many as one read may occupy.
    assert all(started.acquire(timeout=10) for _ in range(6))
    assert not started.acquire(blocking=False)
    end.set()
    assert all(started.acquire(timeout=10) for _ in range(4))
    assert len(threads) == 6


def test_no_thread_is_started_without_work() -> None:
    before = threading.active_count()
    Workers(8)
    assert threading.active_count() == before


def test_work_continues_with_the_threads_that_the_system_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workers = Workers(3)
    done = threading.Semaphore(0)
    workers.submit(done.release)
    assert done.acquire(timeout=10)

    def refuse(_: threading.Thread) -> None:
        msg = "can't start new thread"
        raise RuntimeError(msg)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    for _ in range(5):
        workers.submit(done.release)
    assert all(done.acquire(timeout=10) for _ in range(5))
    with pytest.raises(RuntimeError):
        Workers(3).submit(done.release)


def test_a_waiting_thread_does_not_delay_the_end_of_the_process() -> None:
    code = (
        "import threading; from tap_kayzen.api.workers import Workers;"
        "Workers(2).submit(threading.Event().wait)"
    )
    finished([sys.executable, "-c", code], check=True)
