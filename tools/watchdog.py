"""Processes that cannot hang a test: killed with their children after a time limit."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeAlias

import psutil

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    Command: TypeAlias = Sequence[str | Path]

LIMIT = 60.0
"""Seconds that a process may take, several times what the slowest takes."""


class OverdueError(AssertionError):
    """A process had to be killed because it did not end."""


@contextmanager
def watched(
    command: Command, *, limit: float = LIMIT, **options: Any
) -> Generator[subprocess.Popen[str]]:
    """Start a process and wait for its end when the block ends.

    After `limit` seconds the process and all that it started are killed, which ends
    any reading of its output. So they are if the block raises. What is left of its
    process group at the end is killed, too.

    Args:
        command: The program and its arguments.
        limit: Seconds that the process may take.
        options: Further arguments for `subprocess.Popen`.

    Raises:
        OverdueError: The limit was reached, whatever else went wrong for that.
    """
    overdue = threading.Event()
    process: subprocess.Popen[str] = subprocess.Popen(
        command, start_new_session=True, encoding="utf-8", **options
    )

    def bite() -> None:
        overdue.set()
        _kill(process)

    timer = threading.Timer(limit, bite)
    timer.daemon = True
    timer.start()
    try:
        with process:
            try:
                yield process
            except BaseException:
                _kill(process)
                raise
    except BaseException as error:
        if overdue.is_set():
            raise _error(command, limit) from error
        raise
    finally:
        timer.cancel()
        _kill(process)
    if overdue.is_set():
        raise _error(command, limit)


def finished(
    command: Command,
    *,
    limit: float = LIMIT,
    check: bool = False,
    given: str | None = None,
    **options: Any,
) -> subprocess.CompletedProcess[str]:
    """Run a process to its end.

    Args:
        command: The program and its arguments.
        limit: Seconds that the process may take.
        check: Whether any other exit code than 0 is an error.
        given: Text for its standard input.
        options: Further arguments for `subprocess.Popen`; by default, the output is
            captured.

    Raises:
        OverdueError: The limit was reached.
        subprocess.CalledProcessError: The process failed, with `check`.
    """
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    if given is not None:
        pipes["stdin"] = subprocess.PIPE
    with watched(command, limit=limit, **{**pipes, **options}) as process:
        stdout, stderr = process.communicate(given)
    done = subprocess.CompletedProcess(command, process.returncode, stdout, stderr)
    if check:
        done.check_returncode()
    return done


def _kill(process: subprocess.Popen[str]) -> None:
    """Kill a process that leads a group, all that it started, and the group."""
    # Descendants may have groups of their own. Once its end was seen, its ID may be
    # that of another process.
    if process.returncode is None:
        with suppress(psutil.NoSuchProcess):
            leader = psutil.Process(process.pid)
            leader.suspend()  # It must not start another one now.
            for each in leader.children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    each.kill()
    # macOS says the latter of a group that has ended.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _error(command: Command, limit: float) -> OverdueError:
    words = " ".join(map(str, command))
    return OverdueError(f"no end within {limit:g} s: {words}")
