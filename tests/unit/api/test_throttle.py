from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tap_kayzen.api.errors import StoppedError
from tap_kayzen.api.pace import MIN_PER_SECOND, SEARCH_STEP, STRONGEST_CUT, WEAKEST_CUT
from tap_kayzen.api.throttle import Read, Throttle

if TYPE_CHECKING:
    from collections.abc import Callable


class ClockedThrottle(Throttle):
    """A throttle whose time passes only by waiting, for tests in one thread."""

    time = 1000.0

    def now(self) -> float:
        return self.time

    def wait(self, seconds: float | None) -> None:
        assert seconds is not None, "nobody else can end this wait"
        self.time += seconds


class Server:
    """A server that accepts so many requests in any second."""

    def __init__(self, per_second: int) -> None:
        self.per_second = per_second
        self.accepted: deque[float] = deque()

    def refusal(self, now: float) -> float | None:
        """Return the seconds of Retry-After, or None for an accepted request."""
        while self.accepted and self.accepted[0] <= now - 1:
            self.accepted.popleft()
        if len(self.accepted) >= self.per_second:
            return 1.0
        self.accepted.append(now)
        return None


def drive(throttle: ClockedThrottle, server: Server, requests: int) -> tuple[int, int]:
    """Make requests, each taking 10 ms; return how many went well and how many not."""
    good = bad = 0
    for _ in range(requests):
        with throttle.request() as started:
            throttle.time += 0.01
            refusal = server.refusal(throttle.time)
        if refusal is None:
            good += 1
            throttle.accepted()
        else:
            bad += 1
            throttle.refused(started, refusal)
    return good, bad


def test_the_ceiling_is_never_exceeded() -> None:
    throttle = ClockedThrottle(concurrency=8, requests_per_second=4)
    starts = []
    for _ in range(50):
        with throttle.request() as started:
            starts.append(started)
    for first, fifth in zip(starts, starts[4:], strict=False):
        assert fifth - first >= 1 - 1e-9
    assert starts[-1] - starts[0] == pytest.approx(49 / 4)
    throttle.time += 60
    starts = []
    for _ in range(9):
        with throttle.request() as started:
            starts.append(started)
    assert starts[4] - starts[0] >= 1 - 1e-9


def test_the_rate_settles_near_the_servers_limit() -> None:
    throttle = ClockedThrottle(concurrency=8)
    good, bad = drive(throttle, Server(per_second=5), 600)
    assert bad / (good + bad) < 0.1
    assert 4 <= good / (throttle.time - 1000) <= 5


def test_the_rate_rises_again_if_the_server_allows_more() -> None:
    throttle, server = ClockedThrottle(concurrency=8), Server(per_second=5)
    drive(throttle, server, 100)
    server.per_second = 1000
    drive(throttle, server, 2000)
    before = throttle.time
    drive(throttle, server, 100)
    assert 100 / (throttle.time - before) > 50


def test_idle_time_does_not_lower_the_pace() -> None:
    """The target blocks for long, then one request is refused."""
    paces = []
    for blocked in (0, 600):
        throttle = ClockedThrottle(concurrency=8)
        drive(throttle, Server(per_second=1000), 40)
        throttle.time += blocked
        drive(throttle, Server(per_second=0), 1)
        before = throttle.time
        drive(throttle, Server(per_second=1000), 40)
        paces.append(throttle.time - before)
    assert paces[1] == pytest.approx(paces[0], rel=0.01)


def test_a_long_pause_does_not_lower_the_pace() -> None:
    throttle = ClockedThrottle(concurrency=8)
    drive(throttle, Server(per_second=1000), 3)
    with throttle.request() as started:
        throttle.refused(started, 300)
    before = throttle.time + 300
    drive(throttle, Server(per_second=1000), 20)
    assert throttle.time - before < 60


def test_the_pace_does_not_rise_if_something_else_is_the_limit() -> None:
    throttle = ClockedThrottle(concurrency=1)
    drive(throttle, Server(per_second=50), 200)
    slow = Server(per_second=1000)
    for _ in range(3000):
        throttle.time += 0.2
        drive(throttle, slow, 1)
    good, bad = drive(throttle, Server(per_second=5), 300)
    assert bad / (good + bad) < 0.1


def test_a_server_that_refuses_everything_gets_ever_fewer_requests() -> None:
    throttle = ClockedThrottle(concurrency=8)
    assert drive(throttle, Server(per_second=0), 10) == (0, 10)
    assert throttle.time - 1000 >= 9


def test_all_requests_wait_if_one_has_to() -> None:
    throttle = ClockedThrottle(concurrency=8)
    with throttle.request() as started:
        throttle.refused(started, 17)
    with throttle.request() as next_start:
        assert next_start == 1017


def test_simultaneous_refusals_count_once() -> None:
    once, often = ClockedThrottle(concurrency=64), ClockedThrottle(concurrency=64)
    once.refused(1000, 1)
    for _ in range(5):
        often.refused(1000, 1)
    assert often.max_in_flight == once.max_in_flight == 32


def test_concurrency_is_halved_and_grows_by_one_a_round() -> None:
    throttle = ClockedThrottle(concurrency=16)
    throttle.refused(1000, 1)
    assert throttle.max_in_flight == 8
    for _ in range(9):
        throttle.accepted()
    assert throttle.max_in_flight == 9
    for _ in range(1000):
        throttle.accepted()
    assert throttle.max_in_flight == 16


def test_no_more_run_at_once_than_allowed() -> None:
    throttle = Throttle(concurrency=3)
    lock, running, most = threading.Lock(), [0], [0]

    def work(_: int) -> None:
        with throttle.request():
            with lock:
                running[0] += 1
                most[0] = max(most[0], running[0])
            with lock:
                running[0] -= 1

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(work, range(300)))
    assert 1 <= most[0] <= 3


def test_stop_ends_all_waiting() -> None:
    throttle = Throttle(concurrency=1)
    entered = threading.Barrier(4)

    def sleep() -> None:
        entered.wait()
        throttle.sleep(3600)

    def held() -> None:
        entered.wait()
        with throttle.request():
            pass

    read = Read()

    def assigned_to(function: Callable[[], None]) -> None:
        with throttle.assigned_to(read):
            function()

    with ThreadPoolExecutor(3) as pool, throttle.request():
        waiting = [pool.submit(assigned_to, each) for each in (sleep, held, held)]
        entered.wait()
        throttle.stop(read)
        for each in waiting:
            with pytest.raises(StoppedError):
                each.result(timeout=10)
    with (
        pytest.raises(StoppedError),
        throttle.assigned_to(read),
        throttle.request(),
    ):
        pass
    with throttle.assigned_to(Read()), throttle.request():
        pass
    with throttle.request():
        pass


def refuse(throttle: ClockedThrottle, seconds: float = 1.0) -> float | None:
    """Make a request that is refused; give the pace that follows."""
    with throttle.request() as started:
        throttle.time += 0.01
    throttle.refused(started, seconds)
    return throttle.pace


def accept(throttle: ClockedThrottle, requests: int) -> None:
    for _ in range(requests):
        with throttle.request():
            throttle.time += 0.01
        throttle.accepted()


def test_the_first_pace_is_just_below_the_accepted_rate() -> None:
    throttle = ClockedThrottle(concurrency=8)
    assert refuse(throttle) is None
    throttle = ClockedThrottle(concurrency=8)
    accept(throttle, 100)
    # 101 requests of 10 ms and a second of waiting.
    assert refuse(throttle) == pytest.approx(WEAKEST_CUT * 100 / 2.01)


def test_a_pace_falls_by_5_to_15_percent_or_by_half_if_nothing_succeeded() -> None:
    throttle = ClockedThrottle(concurrency=8)
    accept(throttle, 100)
    pace = refuse(throttle)
    assert pace is not None
    accept(throttle, 1)
    # One in more than a second is much less than the pace.
    assert refuse(throttle) == pytest.approx(STRONGEST_CUT * pace, rel=0.01)
    before = throttle.pace
    assert before is not None
    assert refuse(throttle) == pytest.approx(before / 2)
    for _ in range(20):
        slowest = refuse(throttle)
    assert slowest == MIN_PER_SECOND
    assert throttle.max_in_flight == 1


def test_a_sleep_takes_its_time() -> None:
    throttle = ClockedThrottle(concurrency=8)
    throttle.sleep(0.5)
    assert throttle.time == 1000.5
    throttle.sleep(0)
    assert throttle.time == 1000.5


def test_the_pace_rises_by_a_tenth_with_each_delayed_response() -> None:
    throttle = ClockedThrottle(concurrency=1)
    accept(throttle, 100)
    pace = refuse(throttle)
    assert pace is not None
    # The first one waits for the end of the hold, not for the pace.
    accept(throttle, 4)
    assert throttle.pace == pytest.approx(pace + 3 * SEARCH_STEP)
