"""Runs the tap with a fast throttle clock. FASTER sets the factor, default 200."""

from __future__ import annotations

import os
import time

from tap_kayzen.__main__ import main
from tap_kayzen.api.throttle import Throttle

FASTER = float(os.environ.get("FASTER", "200"))


def now(_: Throttle) -> float:
    """Return the time in seconds on the fast clock."""
    return time.monotonic() * FASTER


def wait(throttle: Throttle, seconds: float | None) -> None:
    """Wait for a change of the throttle, at most `seconds` on the fast clock."""
    throttle._changed.wait(seconds and seconds / FASTER)  # noqa: SLF001


setattr(Throttle, "now", now)  # noqa: B010
setattr(Throttle, "wait", wait)  # noqa: B010

if __name__ == "__main__":
    main()
