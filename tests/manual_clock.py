"""Clocks for the sandbox whose time passes only as a test wants it."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from typing import Any

from tap_kayzen.sandbox.clock import Clock

UNIX_START = 1_800_000_000.0
PATIENCE = 30.0
"""Seconds of real time after which a test that waits for the server fails."""


@dataclass(eq=False)
class Sleeper:
    """A task of the server that sleeps."""

    until: float
    seconds: float
    task: asyncio.Task[Any]
    woken: asyncio.Event = field(default_factory=asyncio.Event)


class ManualClock(Clock):
    """A clock that stands still until a test calls `advance` or `wake`.

    Both return after the woken tasks have ended or sleep again, so the test then sees
    all that the server has done. Call them from other threads than the server's.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._changed = threading.Condition()
        self._sleepers: list[Sleeper] = []
        self._awake: set[asyncio.Task[Any]] = set()

    def now(self) -> float:
        return self._now

    def unix_time(self) -> float:
        return UNIX_START + self._now

    async def sleep(self, seconds: float) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.add_done_callback(self._settle)
        with self._changed:
            sleeper = Sleeper(self._now + seconds, seconds, task)
            self._sleepers.append(sleeper)
        self._settle(task)
        try:
            await sleeper.woken.wait()
        finally:
            with self._changed:
                if sleeper in self._sleepers:  # It was cancelled.
                    self._sleepers.remove(sleeper)

    def advance(self, seconds: float) -> None:
        """Advance the time."""
        with self._changed:
            self._pass_until(self._now + seconds)

    def wake(self) -> float:
        """Advance the time until the next sleeper wakes; wait for one if there is none.

        Returns:
            The seconds that it slept.
        """
        with self._changed:
            found = self._changed.wait_for(lambda: self._sleepers, PATIENCE)
            assert found, "nothing sleeps"
            first = min(self._sleepers, key=lambda each: each.until)
            self._pass_until(first.until)
        return first.seconds

    def _pass_until(self, moment: float) -> None:
        self._now = moment
        for each in [each for each in self._sleepers if each.until <= moment]:
            self._sleepers.remove(each)
            self._awake.add(each.task)
            each.task.get_loop().call_soon_threadsafe(each.woken.set)
        # Those that another thread woke, too.
        settled = self._changed.wait_for(lambda: not self._awake, PATIENCE)
        assert settled, "what was woken neither ended nor slept again"

    def _settle(self, task: asyncio.Task[Any]) -> None:
        with self._changed:
            self._awake.discard(task)
            self._changed.notify_all()


class HurriedClock(ManualClock):
    """A clock on which every sleep is over at once."""

    async def sleep(self, seconds: float) -> None:
        self._now += seconds
        await asyncio.sleep(0)
