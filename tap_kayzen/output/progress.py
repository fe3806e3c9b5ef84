"""Progress of a run: log lines, or bars on a terminal."""

from __future__ import annotations

import atexit
import logging
import sys
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

INTERVAL_SECONDS = 10.0
"""Minimum time between two log lines of a stream."""

REFRESHES_PER_SECOND = 4
"""How often the bars are redrawn."""


class Progress(ABC):
    """Progress of one stream, in whatever unit it counts: rows, windows, lists."""

    def __init__(self, name: str) -> None:
        """Start at 0 of 0.

        Args:
            name: Name of the stream.
        """
        self.name = name
        self.done = 0
        self.total: int | None = 0

    def expect(self, count: int | None) -> None:
        """Add to the total; None if the number is unknown."""
        unknown = count is None or self.total is None
        self.total = None if unknown else (self.total or 0) + (count or 0)
        self.show()

    def advance(self, count: int) -> None:
        """Add to what is done."""
        self.done += count
        self.show()

    @abstractmethod
    def show(self) -> None:
        """Show the progress, if it is time to."""


class Display:
    """Shows the progress of all streams of a tap."""

    def __init__(self, logger: logging.Logger) -> None:
        """Show nothing yet.

        Args:
            logger: The tap's; a level above INFO means that nothing is shown.
        """
        self._logger = logger
        self._surface: Surface | None = None

    def stream(self, name: str) -> Progress:
        """Begin to show a stream."""
        if self._surface is None:
            self._surface = self._choose()
        return self._surface.stream(name)

    def _choose(self) -> Surface:
        """Choose bars, if stderr is a terminal and stdout is not; else log lines."""
        if (
            self._logger.isEnabledFor(logging.INFO)
            and sys.stderr.isatty()
            and not sys.stdout.isatty()
        ):
            # Takes a tenth of a second to import: not for runs that nobody watches.
            from rich.console import Console  # noqa: PLC0415

            console = Console(stderr=True)
            if console.is_interactive:
                return Bars(console)
        return Lines(self._logger)


class Surface(ABC):
    """Where progress is shown."""

    @abstractmethod
    def stream(self, name: str) -> Progress:
        """Begin to show a stream."""


class Lines(Surface):
    """A line at INFO now and then."""

    def __init__(self, logger: logging.Logger) -> None:
        """Write to a logger."""
        self._logger = logger

    def stream(self, name: str) -> Progress:
        """Begin to show a stream."""
        return _Line(name, self._logger)


class _Line(Progress):
    def __init__(self, name: str, logger: logging.Logger) -> None:
        super().__init__(name)
        self._logger = logger
        self._start = self._last = time.monotonic()

    def show(self) -> None:
        now = time.monotonic()
        if now - self._last < INTERVAL_SECONDS:
            return
        self._last = now
        part = ""
        if self.total:
            part = f" of {self.total:,} ({100 * self.done / self.total:.0f} %)"
        rate = self.done / (now - self._start)
        self._logger.info(
            "%s: %s%s, %s/s", self.name, f"{self.done:,}", part, f"{rate:,.0f}"
        )


class Bars(Surface):
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
            refresh_per_second=REFRESHES_PER_SECOND,
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
    def __init__(self, name: str, bars: RichProgress) -> None:
        super().__init__(name)
        self._bars = bars
        self._task: TaskID = bars.add_task(name, total=None)

    def show(self) -> None:
        self._bars.update(self._task, completed=self.done, total=self.total)
