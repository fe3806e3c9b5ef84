"""The throttle: limits the rate and the concurrency of requests."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_kayzen.api.errors import StoppedError
from tap_kayzen.api.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Generator


@dataclass
class Read:
    """Handle of a read, to cancel its requests without affecting others."""

    is_stopped: bool = False


class Throttle:
    """Limits the requests of a tap across all threads.

    There are three limits:

    - The setting `requests_per_second`.
    - The number of requests in flight. It starts at `concurrency`, is halved by a
      refusal, and grows back by about one per round trip (additive increase,
      multiplicative decrease).
    - A learned `Pace`, from the first refusal on.

    A refusal (HTTP 429 or 503) also pauses all requests for a while.
    """

    def __init__(
        self, *, concurrency: int, requests_per_second: float | None = None
    ) -> None:
        """Initialize the throttle; `requests_per_second` of None means no limit."""
        self._concurrency = concurrency
        self._ceiling = requests_per_second
        self._changed = threading.Condition()
        self._thread = threading.local()
        self._active = 0
        self._limit = float(concurrency)
        self._pace = Pace(self.now())
        self._was_paced = False
        self._next_start = 0.0
        self._held_until = 0.0
        self._refused_at = float("-inf")

    def now(self) -> float:
        """Return the time of a monotonic clock, in seconds."""
        return time.monotonic()

    def wait(self, seconds: float | None) -> None:
        """Release the lock and wait until notified, at most this many seconds."""
        self._changed.wait(seconds)

    @property
    def max_in_flight(self) -> int:
        """Current maximum number of requests in flight."""
        return int(self._limit)

    @property
    def pace(self) -> float | None:
        """Requests per second that Kayzen seems to accept; None if unknown."""
        return self._pace.per_second

    @property
    def interval(self) -> float:
        """Minimum seconds between the starts of two requests; 0 without a limit."""
        limits = [limit for limit in (self._ceiling, self.pace) if limit]
        return 1 / min(limits) if limits else 0.0

    @contextmanager
    def request(self) -> Generator[float]:
        """Wait until a request may be sent, and count it as in flight in the block.

        Yields:
            The time at which the request started, for `refused`.

        Raises:
            StoppedError: The read of this thread was aborted.
        """
        with self._changed:
            self._pace.begin(self.now())
            try:
                yield from self._turn()
            finally:
                self._pace.end(self.now())

    def _turn(self) -> Generator[float]:
        self._await_turn()
        now = self.now()
        if interval := self.interval:
            self._next_start = max(self._next_start, now) + interval
        self._active += 1
        # Let other threads use the throttle while this request is in flight.
        self._changed.release()
        try:
            yield now
        finally:
            self._changed.acquire()
            self._active -= 1
            self._changed.notify_all()

    def _await_turn(self) -> None:
        while True:
            self.check()
            now = self.now()
            start = max(self._next_start, self._held_until)
            if self._active >= self.max_in_flight:
                self.wait(None)
            elif start > now:
                self._was_paced = self._was_paced or self._next_start > now
                self.wait(min(start - now, threading.TIMEOUT_MAX))
            else:
                return

    def accepted(self) -> None:
        """Record a response, which can raise the limits."""
        with self._changed:
            self._limit = min(self._limit + 1 / self._limit, self._concurrency)
            self._pace.accepted(self.now(), was_paced=self._was_paced)
            if self.pace:
                self._was_paced = False

    def refused(self, started: float, seconds: float) -> None:
        """Record a refusal: pause all requests and lower the limits.

        Requests that were already in flight at the previous refusal do not lower the
        limits again.

        Args:
            started: Time at which the refused request started.
            seconds: Length of the pause.
        """
        with self._changed:
            now = self.now()
            self._held_until = max(self._held_until, now + seconds)
            if started <= self._refused_at:
                return
            self._refused_at = now
            self._limit = max(1.0, self._limit / 2)
            self._pace.refused(now, self._held_until)

    def sleep(self, seconds: float) -> None:
        """Wait before retrying a request.

        Raises:
            StoppedError: The read of this thread was aborted.
        """
        with self._changed:
            end = self.now() + seconds
            while (left := end - self.now()) > 0:
                self.check()
                self.wait(left)
            self.check()

    @contextmanager
    def assigned_to(self, read: Read) -> Generator[None]:
        """Assign the requests of this thread in the block to a read."""
        before = getattr(self._thread, "read", None)
        self._thread.read = read
        try:
            yield
        finally:
            self._thread.read = before

    def stop(self, read: Read) -> None:
        """Abort a read: its requests are not sent, and its waits end."""
        with self._changed:
            read.is_stopped = True
            self._changed.notify_all()

    def check(self) -> None:
        """Raise StoppedError if the read of this thread was aborted."""
        read: Read | None = getattr(self._thread, "read", None)
        if read is not None and read.is_stopped:
            raise StoppedError
