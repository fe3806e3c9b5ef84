"""How many requests at once, how many a second, and what a 429 does to both."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

MILDEST, SEVEREST = 0.95, 0.85
"""Parts of a refused pace between which the next one lies."""

SEARCH = 0.1
"""Part by which the pace rises in a second, until it is refused for the first time."""

CLIMB = 0.003
"""The same from then on, at first; it grows by as much again every `CALM`."""

CALM = 10.0
"""Seconds; see `CLIMB`."""

SLOWEST = 0.1
"""Requests a second that the pace is never lower than."""

HOLD_COUNTED = 10.0
"""Seconds of holding back in which Kayzen is taken to have accepted nothing, at most.

Some of it counts, since a limit may be on the requests of a minute.
"""


class StoppedError(Exception):
    """The reading that this was for has ended; nothing more is to be sent for it."""


class Throttle:
    """The gate that every request of a tap goes through, whatever its thread.

    Three limits hold: the user's ceiling of requests a second; a number of requests
    at once, which starts at `concurrency`, is halved by a refusal and grows back by
    about one a round (additive increase, multiplicative decrease); and, from the
    first refusal on, a pace. That starts from what Kayzen was seen to accept, is
    lowered a little when it is refused, and then climbs slowly at first, faster the
    longer all goes well. A refusal (HTTP 429 or 503) also holds all requests back
    for a while.
    """

    def __init__(
        self, *, concurrency: int, requests_per_second: float | None = None
    ) -> None:
        """Start without having seen a refusal.

        Args:
            concurrency: Requests at once at most.
            requests_per_second: Ceiling for the requests started in a second, None
                for no ceiling.
        """
        self._concurrency = concurrency
        self._ceiling = requests_per_second
        self._changed = threading.Condition()
        self._stopped = False
        self._stops = 0
        self._active = 0
        self._limit = float(concurrency)
        self._pace: float | None = None
        self._is_searching = True
        self._was_paced = False
        self._next_start = 0.0
        self._held_until = 0.0
        self._refused_at = float("-inf")
        # What Kayzen accepted since the last refusal, and how long it was asked for
        # more: a tap that waits for its target asks for nothing.
        self._since = self.now()
        self._accepted = 0
        self._asking = 0
        self._asked_from = self._since
        self._asked = 0.0

    def now(self) -> float:
        """Tell the time in seconds, from any start."""
        return time.monotonic()

    def wait(self, seconds: float | None) -> None:
        """Wait with the lock released, until the time is over or something changed."""
        self._changed.wait(seconds)

    @property
    def at_once(self) -> int:
        """How many requests may run at once now."""
        return int(self._limit)

    @contextmanager
    def request(self) -> Generator[float]:
        """Wait for the turn of a request and count it as running until the end.

        Yields:
            When it started, for `refused`.

        Raises:
            StoppedError: `stop` was called, before or meanwhile.
        """
        with self._changed, self._counted():
            self._await_turn()
            now = self.now()
            if per_second := self._per_second():
                self._next_start = max(self._next_start, now) + 1 / per_second
            self._active += 1
            # Others may look while this one is on its way.
            self._changed.release()
            try:
                yield now
            finally:
                self._changed.acquire()
                self._active -= 1
                self._changed.notify_all()

    @contextmanager
    def _counted(self) -> Generator[None]:
        """Count the time as one in which Kayzen is asked for something."""
        if not self._asking:
            self._asked_from = self.now()
        self._asking += 1
        try:
            yield
        finally:
            self._asked = self._asked_seconds()
            self._asked_from = self.now()
            self._asking -= 1

    def _asked_seconds(self) -> float:
        if not self._asking:
            return self._asked
        return self._asked + max(0.0, self.now() - max(self._asked_from, self._since))

    def _await_turn(self) -> None:
        stops = self._stops
        while True:
            self._check(stops)
            now = self.now()
            start = max(self._next_start, self._held_until)
            if self._active >= self.at_once:
                self.wait(None)
            elif start > now:
                self._was_paced = self._was_paced or self._next_start > now
                self.wait(min(start - now, threading.TIMEOUT_MAX))
            else:
                return

    def accepted(self) -> None:
        """Take note of an answered request: the limits may grow."""
        with self._changed:
            self._accepted += 1
            self._limit = min(self._limit + 1 / self._limit, self._concurrency)
            # Where something else limits the tap, Kayzen accepts no higher pace.
            if self._pace and self._was_paced:
                self._was_paced = False
                calm = max(0.0, self.now() - self._since)
                climb = SEARCH if self._is_searching else CLIMB * (1 + calm / CALM)
                # There are about as many answers a second as the pace says.
                self._pace += climb

    def refused(self, started: float, seconds: float) -> None:
        """Hold all requests back after a refusal and lower the limits.

        Requests that were on their way when an earlier refusal came are part of the
        same jam, and lower nothing further.

        Args:
            started: When the refused request started.
            seconds: For how long to hold back.
        """
        with self._changed:
            now = self.now()
            self._held_until = max(self._held_until, now + seconds)
            if started <= self._refused_at:
                return
            self._refused_at = now
            self._limit = max(1.0, self._limit / 2)
            counted = self._asked_seconds() + min(self._held_until - now, HOLD_COUNTED)
            seen = self._accepted / max(counted, 1e-3)
            if self._pace is None:
                self._pace = MILDEST * seen if seen else None
            elif seen:
                self._is_searching = False
                severest, mildest = SEVEREST * self._pace, MILDEST * self._pace
                self._pace = min(max(seen, severest), mildest)
            else:
                self._pace /= 2
            if self._pace:
                self._pace = max(self._pace, SLOWEST)
            self._since = self._held_until
            self._accepted, self._asked = 0, 0.0

    def sleep(self, seconds: float) -> None:
        """Wait, for one request's own reasons.

        Raises:
            StoppedError: `stop` was called, before or meanwhile.
        """
        with self._changed:
            stops = self._stops
            end = self.now() + seconds
            while (left := end - self.now()) > 0:
                self._check(stops)
                self.wait(left)
            self._check(stops)

    def stop(self) -> None:
        """End all waiting, now and until `start`."""
        with self._changed:
            self._stopped = True
            self._stops += 1
            self._changed.notify_all()

    def start(self) -> None:
        """Let requests through again after `stop`, but none that waited then."""
        with self._changed:
            self._stopped = False

    def _check(self, stops: int) -> None:
        if self._stopped or self._stops != stops:
            raise StoppedError

    def _per_second(self) -> float | None:
        limits = [limit for limit in (self._ceiling, self._pace) if limit]
        return min(limits, default=None)
