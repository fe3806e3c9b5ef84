"""Subprocesses that are killed with their children after a time limit."""

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

LIMIT_SECONDS = 60.0
"""Default time limit, several times that of the slowest process."""


class OverdueError(AssertionError):
    """A process exceeded its time limit and was killed."""


@contextmanager
def watched(
    command: Command, *, limit: float = LIMIT_SECONDS, **options: Any
) -> Generator[subprocess.Popen[str]]:
    """Start a process, and wait for its exit at the end of the block.

    After `limit` seconds, or if the block raises, the process and all its descendants
    are killed, so reading its output cannot hang. The rest of its process group is
    killed at the end.

    Args:
        command: The program and its arguments.
        limit: Time limit in seconds.
        options: Other arguments for `subprocess.Popen`.

    Raises:
        OverdueError: The process exceeded the limit.
    """
    overdue = threading.Event()
    process: subprocess.Popen[str] = subprocess.Popen(
        command, start_new_session=True, encoding="utf-8", **options
    )

    def kill_late() -> None:
        overdue.set()
        _kill(process)

    timer = threading.Timer(limit, kill_late)
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
    limit: float = LIMIT_SECONDS,
    check: bool = False,
    given: str | None = None,
    **options: Any,
) -> subprocess.CompletedProcess[str]:
    """Run a process to completion.

    Args:
        command: The program and its arguments.
        limit: Time limit in seconds.
        check: Whether to raise an error if the exit code is not 0.
        given: Text for standard input.
        options: Other arguments for `subprocess.Popen`; the output is captured by
            default.

    Raises:
        OverdueError: The process exceeded the limit.
        subprocess.CalledProcessError: The process failed and `check` is set.
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
    """Kill a process that leads a group, its descendants, and the group."""
    # Descendants may have other groups. After the exit has been collected, the ID may
    # belong to another process.
    if process.returncode is None:
        with suppress(psutil.NoSuchProcess):
            leader = psutil.Process(process.pid)
            # A suspended process cannot start other ones.
            leader.suspend()
            for each in leader.children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    each.kill()
    # macOS raises PermissionError if the group has exited.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _error(command: Command, limit: float) -> OverdueError:
    text = " ".join(map(str, command))
    return OverdueError(f"still running after {limit:g} s: {text}")
