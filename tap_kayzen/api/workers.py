"""A pool of threads for fetching pages ahead."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

from tap_kayzen.api.throttle import Throttle

if TYPE_CHECKING:
    from collections.abc import Callable


class Workers:
    """Pool of daemon threads, started on demand, that never delay the exit.

    The executors of the standard library wait for their threads at exit. A slow server
    would keep the process alive for minutes after Ctrl-C.

    The pool has up to twice as many threads as one read uses. Requests of upcoming
    streams, which can wait minutes for a retry, then do not block the current stream.

    Attributes:
        count: Maximum number of threads that one read uses.
        throttle: Cancels requests that are no longer needed.
    """

    def __init__(self, count: int, throttle: Throttle | None = None) -> None:
        """Initialize the pool without starting threads."""
        self.count = count
        self.throttle = throttle or Throttle(concurrency=count)
        self._threads: list[threading.Thread] = []
        self._tasks: SimpleQueue[Callable[[], object]] = SimpleQueue()

    def submit(self, task: Callable[[], object]) -> None:
        """Run a task in a thread. The task must not raise."""
        self._tasks.put(task)
        if len(self._threads) < 2 * self.count:
            thread = threading.Thread(target=self._run, daemon=True)
            try:
                thread.start()
            except RuntimeError:
                # The system allows no more threads; use the running ones.
                if not self._threads:
                    raise
            else:
                self._threads.append(thread)

    def _run(self) -> None:
        while True:
            task = self._tasks.get()
            task()
            # Release the references of the task before waiting for the next one.
            del task
