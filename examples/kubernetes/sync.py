#!/usr/bin/env python3
"""Load Kayzen into PostgreSQL and keep the state for the next run.

Its arguments go to the tap. docs/deployment.md says how to use it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

TAP, TARGET = "tap-kayzen", ("target-postgres", "--config", "ENV")
STATE = Path(os.environ.get("KAYZEN_STATE") or "state.json")


def sync(*arguments: str) -> int:
    """Run the tap and the target; return the exit code for both.

    On SIGTERM or SIGINT, only the tap is stopped. The target then loads what it has
    received, and prints the state of that.

    Args:
        arguments: What the tap gets.
    """
    stopped: list[int] = []
    taps: list[subprocess.Popen[bytes]] = []

    def stop(number: int, _: object) -> None:
        stopped.append(number)
        for tap in taps:
            tap.terminate()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if STATE.exists():
        arguments = (*arguments, "--state", str(STATE))

    pipe = subprocess.PIPE
    target = subprocess.Popen(TARGET, stdin=pipe, stdout=pipe)  # noqa: S603
    taps += [subprocess.Popen((TAP, *arguments), stdout=target.stdin)]  # noqa: S603
    if stopped:
        stop(stopped[0], None)
    if target.stdin:
        target.stdin.close()
    # The target prints a state once it has stored the rows before it.
    for line in target.stdout or ():
        keep(line)
    codes = [128 + number for number in stopped]
    codes += [process.wait() for process in (target, *taps)]
    code = next(filter(None, codes), 0)
    return code if code >= 0 else 128 - code


def keep(state: bytes) -> None:
    """Replace the state in one step, so that it is never half a state."""
    new = STATE.with_name(f"{STATE.name}.new")
    new.write_bytes(state)
    new.replace(STATE)


if __name__ == "__main__":
    try:
        sys.exit(sync(*sys.argv[1:]))
    except OSError as error:
        sys.exit(f"sync.py: {error}")
