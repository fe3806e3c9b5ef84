"""Doing work ahead in threads while results come out in order."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, wait
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    _Task = tuple[Future[Any], Callable[[], Any]]

Item = TypeVar("Item")
Result = TypeVar("Result")


class Workers:
    """Threads that are started when needed and never hold up the end of the process.

    The executors of the standard library wait for their threads at exit, and a thread
    that waits for a slow server would keep a run alive for minutes after Ctrl-C.
    """

    def __init__(self, count: int) -> None:
        """Have up to `count` threads."""
        self.count = count
        self._threads: list[threading.Thread] = []
        self._tasks: SimpleQueue[_Task] = SimpleQueue()

    def submit(self, work: Callable[[], Result]) -> Future[Result]:
        """Let a thread do the work."""
        future: Future[Result] = Future()
        self._tasks.put((future, work))
        if len(self._threads) < self.count:
            thread = threading.Thread(target=self._run, daemon=True)
            self._threads.append(thread)
            thread.start()
        return future

    def _run(self) -> None:
        while True:
            future, work = self._tasks.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001
                future.set_exception(error)
            # Else the result would live until the next task comes.
            del future, work


class ReadAhead(Generic[Item, Result]):
    """An iterator over the results of work on items, in the items' order.

    Up to as many items as allowed are being worked on, or are done and wait for
    their turn, at any time: this bounds the memory. The first error ends it,
    even if the results before it are still being worked on.
    """

    def __init__(
        self,
        function: Callable[[Item], Result],
        items: Iterable[Item],
        workers: Workers,
        most: int | None = None,
    ) -> None:
        """Prepare; nothing is done yet.

        Args:
            function: The work.
            items: What it is to be done with.
            workers: Who does it.
            most: Items at any time, at most; None for as many as the workers.
        """
        self._function = function
        self._items = iter(items)
        self._workers = workers
        self._most = most or workers.count
        self._window: deque[Future[Result]] = deque()

    def __iter__(self) -> Iterator[Result]:
        """Yield the results in order."""
        try:
            while self._fill():
                yield self._next()
        finally:
            for future in self._window:
                future.cancel()

    def _next(self) -> Result:
        """Take a result and put new work in its place, before the result is used.

        A method of its own, so that nothing here holds on to a result.
        """
        result = self._take()
        self._fill()
        return result

    def _take(self) -> Result:
        """Wait for the first result of the window; raise any error that comes first."""
        while True:
            for future in self._window:
                if future.done() and future.exception():
                    return future.result()
            if self._window[0].done():
                return self._window.popleft().result()
            pending = [future for future in self._window if not future.done()]
            wait(pending, return_when=FIRST_COMPLETED)

    def _fill(self) -> bool:
        """Keep the workers busy; return whether a result is to come."""
        while len(self._window) < self._most:
            try:
                item = next(self._items)
            except StopIteration:
                break
            self._window.append(
                self._workers.submit(lambda item=item: self._function(item))  # type: ignore[misc]
            )
        return bool(self._window)
