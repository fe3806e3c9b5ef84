"""How far the reading is: lines in the log, or a bar where somebody watches."""

from __future__ import annotations

import atexit
import logging
import sys
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

INTERVAL = 10.0
"""Seconds between two lines of a stream, at least."""

REFRESHES = 4
"""How often a second the bars are drawn anew."""


class Progress(ABC):
    """How far the reading of one stream is, over all of its lists."""

    def __init__(self, name: str) -> None:
        """Start with nothing to do and nothing done.

        Args:
            name: The stream.
        """
        self.name = name
        self.done = 0
        self.total: int | None = 0

    def begin(self, rows: int | None) -> None:
        """Begin one more list.

        Args:
            rows: How many rows it has, None if that is not known.
        """
        unknown = rows is None or self.total is None
        self.total = None if unknown else (self.total or 0) + (rows or 0)
        self.show()

    def advance(self, rows: int) -> None:
        """Take note of rows that have been read."""
        self.done += rows
        self.show()

    @abstractmethod
    def show(self) -> None:
        """Show how far it is, if it is time."""


class Unseen(Progress):
    """Progress that nobody needs to see."""

    def show(self) -> None:
        """Show nothing."""


class Display(ABC):
    """Where the progress of all streams is shown."""

    @abstractmethod
    def stream(self, name: str) -> Progress:
        """Begin to show a stream."""


def display(logger: logging.Logger) -> Display:
    """Choose how to show progress.

    Args:
        logger: The tap's; a level above INFO means that nothing is to be shown.

    Returns:
        Bars on stderr, if that is a terminal and stdout, where the messages go, is
        not; else lines in the log.
    """
    if (
        logger.isEnabledFor(logging.INFO)
        and sys.stderr.isatty()
        and not sys.stdout.isatty()
    ):
        # Takes a tenth of a second to import: not for runs that nobody watches.
        from rich.console import Console  # noqa: PLC0415

        console = Console(stderr=True)
        if console.is_interactive:
            return BarDisplay(console)
    return LogDisplay(logger)


class LogDisplay(Display):
    """A line at INFO now and then."""

    def __init__(self, logger: logging.Logger) -> None:
        """Write to a logger."""
        self._logger = logger

    def stream(self, name: str) -> Progress:
        """Begin to show a stream."""
        return _Lines(name, self._logger)


class _Lines(Progress):
    def __init__(self, name: str, logger: logging.Logger) -> None:
        super().__init__(name)
        self._logger = logger
        self._start = self._last = time.monotonic()

    def show(self) -> None:
        now = time.monotonic()
        if now - self._last < INTERVAL:
            return
        self._last = now
        part = ""
        if self.total:
            part = f" of {self.total:,} ({100 * self.done / self.total:.0f} %)"
        rate = self.done / (now - self._start)
        self._logger.info(
            "%s: %s%s, %s/s", self.name, f"{self.done:,}", part, f"{rate:,.0f}"
        )


class BarDisplay(Display):
    """A bar for each stream at the bottom of the terminal, the log above it.

    Until the end of the process, whatever way it ends.
    """

    def __init__(self, console: Console) -> None:
        """Take over a terminal."""
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeRemainingColumn,
        )

        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TaskProgressColumn(show_speed=True),
            TimeRemainingColumn(),
            console=console,
            refresh_per_second=REFRESHES,
        )
        terminal = sys.stderr
        self._bars.start()
        self._terminal = terminal
        # Log handlers keep the stderr that they were made with; a line past the bars
        # would tear them.
        self._handlers = [
            handler
            for handler in logging.getLogger().handlers
            if isinstance(handler, logging.StreamHandler) and handler.stream is terminal
        ]
        for handler in self._handlers:
            handler.setStream(sys.stderr)
        atexit.register(self._close)

    def stream(self, name: str) -> Progress:
        """Begin to show a stream."""
        return _Bar(name, self._bars)

    def _close(self) -> None:
        for handler in self._handlers:
            handler.setStream(self._terminal)
        self._bars.stop()


class _Bar(Progress):
    def __init__(self, name: str, bars: Bars) -> None:
        super().__init__(name)
        self._bars = bars
        self._task: TaskID = bars.add_task(name, total=None)

    def show(self) -> None:
        self._bars.update(self._task, completed=self.done, total=self.total)
