"""Progress of a sync: log lines, or progress bars on a terminal."""

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
"""Minimum time between two progress lines of a stream."""

RATE_UNITS_SECONDS = (("s", 1), ("min", 60), ("h", 3600))
"""Time units for rates, with their lengths in seconds."""

REFRESHES_PER_SECOND = 4
"""Refresh rate of the progress bars."""


class Display:
    """Progress display of all streams of a tap."""

    def __init__(self, logger: logging.Logger) -> None:
        """Initialize the display; it shows nothing if INFO is disabled."""
        self._logger = logger

    def stream(self, name: str, unit: str) -> Progress:
        """Add a stream to the display.

        Args:
            name: Name of the stream.
            unit: What is counted, such as ``rows``.
        """
        return Progress(name, unit, self._logger, self._bars)

    @cached_property
    def _bars(self) -> Bars | None:
        """Progress bars, if stderr is a terminal and stdout is not; otherwise None."""
        if (
            not self._logger.isEnabledFor(logging.INFO)
            # The parent process can have closed stderr.
            or sys.stderr is None
            or not sys.stderr.isatty()
            or sys.stdout.isatty()
        ):
            return None
        # Imported only if needed, because the import takes 0.1 s.
        from rich.console import Console  # noqa: PLC0415

        console = Console(stderr=True)
        return _started_bars(console) if console.is_interactive else None


class Progress:
    """Progress of one stream, in rows, windows, or campaigns.

    Attributes:
        done: Number of units processed.
        total: Number of units expected; None if unknown.
    """

    def __init__(
        self, name: str, unit: str, logger: logging.Logger, bars: Bars | None
    ) -> None:
        """Initialize the progress as 0 of 0.

        Args:
            name: Name of the stream.
            unit: What is counted, such as ``rows``.
            logger: Logger for progress lines, used without bars.
            bars: Progress bars, if any.
        """
        self.done = 0
        self.total: int | None = 0
        self._name = name
        self._unit = unit
        self._logger = logger
        self._bars = bars
        self._bar = bars.add_task(f"{name} ({unit})", total=None) if bars else None
        self._start = self._last = time.monotonic()

    def expect(self, count: int | None) -> None:
        """Add to the total; None makes the total unknown."""
        unknown = count is None or self.total is None
        self.total = None if unknown else (self.total or 0) + (count or 0)
        self._show()

    def advance(self, count: int) -> None:
        """Count units as processed."""
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
    """Format a rate such as ``, 12/min``, in the shortest time unit that fits.

    Rates can be low: a single window can take minutes, and a slow target slows down the
    tap.
    """
    for unit, length in RATE_UNITS_SECONDS:
        if (rate := count * length / seconds) >= 1:
            return f", {rate:,.0f}/{unit}"
    return ""


def _started_bars(console: Console) -> Bars:
    """Show progress bars at the bottom of the terminal until the process exits."""
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
    # Log handlers still hold the original stderr; writing to it would garble the bars.
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
