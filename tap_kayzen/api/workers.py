"""Threads that fetch pages ahead."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

from tap_kayzen.api.throttle import Throttle

if TYPE_CHECKING:
    from collections.abc import Callable


class Workers:
    """Daemon threads, started when needed, that never delay the end of the process.

    The executors of the standard library wait for their threads at exit, and a thread
    that waits for a slow server would keep a run alive for minutes after Ctrl-C.

    There are twice as many as one read may occupy, so that requests of the streams to
    come, which may wait for a retry for minutes, hold nothing up.

    Attributes:
        count: Maximum number of threads that one read occupies.
        throttle: Stops requests that nobody wants any more.
    """

    def __init__(self, count: int, throttle: Throttle | None = None) -> None:
        """Start no thread yet; by default, with a throttle of their own."""
        self.count = count
        self.throttle = throttle or Throttle(concurrency=count)
        self._threads: list[threading.Thread] = []
        self._tasks: SimpleQueue[Callable[[], object]] = SimpleQueue()

    def submit(self, task: Callable[[], object]) -> None:
        """Run a task in a thread; it must not raise."""
        self._tasks.put(task)
        if len(self._threads) < 2 * self.count:
            thread = threading.Thread(target=self._run, daemon=True)
            try:
                thread.start()
            except RuntimeError:
                # The system allows no more threads: those that run do the work.
                if not self._threads:
                    raise
            else:
                self._threads.append(thread)

    def _run(self) -> None:
        while True:
            task = self._tasks.get()
            task()
            # Else what the task refers to would live until the next one comes.
            del task
