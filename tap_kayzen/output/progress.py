"""Progress of a run: log lines, or bars on a terminal."""

from __future__ import annotations

import atexit
import logging
import sys
import time
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars

INTERVAL_SECONDS = 10.0
"""Minimum time between two log lines of a stream."""

RATES = (("s", 1), ("min", 60), ("h", 3600))
"""Units of time for rates, with their length in seconds."""

REFRESHES_PER_SECOND = 4
"""How often the bars are redrawn."""


class Display:
    """Shows the progress of all streams of a tap."""

    def __init__(self, logger: logging.Logger) -> None:
        """Show nothing yet, and nothing ever if the logger's level is above INFO."""
        self._logger = logger

    def stream(self, name: str, unit: str) -> Progress:
        """Start to show a stream, counted in a unit such as ``rows``."""
        return Progress(name, unit, self._logger, self._bars)

    @cached_property
    def _bars(self) -> Bars | None:
        """Bars, if stderr is a terminal and stdout, for the messages, is not."""
        if (
            not self._logger.isEnabledFor(logging.INFO)
            # Closed by whoever started the tap.
            or sys.stderr is None
            or not sys.stderr.isatty()
            or sys.stdout.isatty()
        ):
            return None
        # Takes a tenth of a second to import: not for runs that nobody watches.
        from rich.console import Console  # noqa: PLC0415

        console = Console(stderr=True)
        return _started_bars(console) if console.is_interactive else None


class Progress:
    """Progress of one stream, in the unit that it counts: rows, windows, campaigns."""

    def __init__(
        self, name: str, unit: str, logger: logging.Logger, bars: Bars | None
    ) -> None:
        """Start at 0 of 0; the logger receives a line now and then without bars."""
        self.done = 0
        self.total: int | None = 0
        self._name = name
        self._unit = unit
        self._logger = logger
        self._bars = bars
        self._bar = bars.add_task(f"{name} ({unit})", total=None) if bars else None
        self._start = self._last = time.monotonic()

    def expect(self, count: int | None) -> None:
        """Add to the total; None if the number is unknown."""
        unknown = count is None or self.total is None
        self.total = None if unknown else (self.total or 0) + (count or 0)
        self._show()

    def advance(self, count: int) -> None:
        """Add to what is done."""
        self.done += count
        self._show()

    def _show(self) -> None:
        if self._bars is not None and self._bar is not None:
            self._bars.update(self._bar, completed=self.done, total=self.total)
            return
        now = time.monotonic()
        if now - self._last < INTERVAL_SECONDS:
            return
        self._last = now
        total, share = "", ""
        if self.total:
            total = f" of {self.total:,}"
            share = f" ({100 * self.done / self.total:.0f}%)"
        self._logger.info(
            "%s: %s%s %s%s%s",
            self._name,
            f"{self.done:,}",
            total,
            self._unit,
            share,
            _rate(self.done, now - self._start),
        )


def _rate(count: int, seconds: float) -> str:
    """Return a rate in the shortest unit of time that makes it at least 1.

    A single window may take minutes, and a busy target slows down everything.
    """
    for unit, length in RATES:
        if (rate := count * length / seconds) >= 1:
            return f", {rate:,.0f}/{unit}"
    return ""


def _started_bars(console: Console) -> Bars:
    """Show bars at the bottom of the terminal, until the process ends."""
    from rich import progress  # noqa: PLC0415

    bars = progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TaskProgressColumn(show_speed=True),
        progress.TimeRemainingColumn(),
        console=console,
        refresh_per_second=REFRESHES_PER_SECOND,
    )
    terminal = sys.stderr
    bars.start()
    # Log handlers keep the stderr that they were made with; a line past the bars
    # would tear them.
    handlers = [
        handler
        for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler) and handler.stream is terminal
    ]
    for handler in handlers:
        handler.setStream(sys.stderr)

    def close() -> None:
        for handler in handlers:
            handler.setStream(terminal)
        bars.stop()

    atexit.register(close)
    return bars
