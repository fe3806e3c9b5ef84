"""What the demo prints: a line for each step. What its commands print goes to a log."""

from __future__ import annotations

import sys
import time
from collections import deque
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence
    from typing import IO

LAST_LINES = 15
"""Lines of the log that a failure shows."""

TITLE_WIDTH, RESULT_WIDTH = 46, 30


class StepError(Exception):
    """A command of a step has failed."""

    def __init__(self, code: int) -> None:
        """Keep the command's exit code."""
        super().__init__(f"exit code {code}")
        self.code = code


class Steps:
    """The steps of the demo, which share a log."""

    def __init__(self, log: IO[bytes], count: int) -> None:
        """Print no step yet.

        Args:
            log: File that receives the output of commands.
            count: Number of steps.
        """
        self._log = log
        self._count = count
        self._number = 0

    @contextmanager
    def step(self, title: str) -> Generator[list[str]]:
        """Print a step's title, then its result and its seconds.

        Yields:
            A list to put the result into.
        """
        self._number += 1
        place = f"{self._number}/{self._count}"
        print(f"{place}  {title:<{TITLE_WIDTH}}", end="", flush=True)
        start = time.monotonic()
        result: list[str] = []
        try:
            yield result
        except SystemExit:
            print("stopped")
            raise
        except StepError as error:
            print("failed", flush=True)
            self._explain(f"{title}: {error}")
            raise
        except BaseException:
            print("failed", flush=True)
            raise
        seconds = time.monotonic() - start
        print(f"{', '.join(result):<{RESULT_WIDTH}}{seconds:5.1f} s", flush=True)

    def _explain(self, failure: str) -> None:
        """Print a failure with the end of the log to stderr."""
        path = Path(self._log.name)
        with path.open(encoding="utf-8", errors="replace") as file:
            lines = deque(file, LAST_LINES)
        print(
            f"\n{failure}. The last lines of the log:\n",
            *(f"    {line.rstrip()}" for line in lines),
            f"\nThe whole log: {shown(path)}",
            sep="\n",
            file=sys.stderr,
        )


def check(code: int) -> None:
    """Raise StepError unless an exit code is 0."""
    if code:
        raise StepError(code)


def shown(path: Path) -> Path:
    """Return a path as short as it can be typed here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def print_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table, with numbers on the right of their columns."""
    values = [*rows]
    columns = [
        [name, *map(_cell, column)]
        for name, column in zip(head, zip(*values, strict=True), strict=True)
    ]
    are_numbers = [isinstance(value, (int, Decimal)) for value in values[0]]
    print()
    for line in zip(*map(_aligned, columns, are_numbers), strict=True):
        print("  ".join(line).rstrip())
    print()


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, (int, Decimal)) else str(value)


def _aligned(cells: list[str], is_number: bool) -> list[str]:  # noqa: FBT001
    width = max(map(len, cells))
    return [cell.rjust(width) if is_number else cell.ljust(width) for cell in cells]
