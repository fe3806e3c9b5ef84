"""Progress output of the demo: a line per step, with commands' output in a log."""

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
"""Number of log lines to print after a failure."""

TITLE_WIDTH, RESULT_WIDTH = 46, 30


class StepError(Exception):
    """A command of a step failed."""

    def __init__(self, code: int) -> None:
        """Store the exit code of the command."""
        super().__init__(f"exit code {code}")
        self.code = code


class Steps:
    """The steps of the demo, with one log."""

    def __init__(self, log: IO[bytes], count: int) -> None:
        """Count steps from 1.

        Args:
            log: File that receives the output of commands.
            count: Number of steps.
        """
        self._log = log
        self._count = count
        self._number = 0

    @contextmanager
    def step(self, title: str) -> Generator[list[str]]:
        """Print the title of a step, then its result and duration.

        Yields:
            A list; append the result to it.
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
        """Print a failure and the end of the log to standard error."""
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
    """Return a path relative to the working directory, if it is inside."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def print_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table with right-aligned numbers."""
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
