"""Entry point of ``tap-kayzen`` and ``python -m tap_kayzen``."""

from __future__ import annotations

import gc
import os
import sys

# Imported objects live until the process exits. Collecting garbage while importing
# takes 10% of the startup time.
gc.disable()

from tap_kayzen.messages import settings_messages  # noqa: E402
from tap_kayzen.output.log_lines import LOG_CONFIG  # noqa: E402
from tap_kayzen.tap import TapKayzen  # noqa: E402

gc.freeze()
# Records have no reference cycles, so collecting every few pages is enough.
gc.set_threshold(20_000)
gc.enable()


def main() -> None:
    """Run the tap's command line."""
    try:
        command = TapKayzen.cli
    # The libraries raise errors of many types for an invalid logging configuration.
    except Exception as error:  # noqa: BLE001
        sys.exit(_logging_fault(error))
    command()


def _logging_fault(error: Exception) -> str:
    """Describe an error in the logging setup, before any logger works."""
    path = os.environ.get(LOG_CONFIG)
    if isinstance(error, ValueError) and str(error).startswith("Unknown level"):
        return settings_messages.LOG_LEVEL(error=error)
    if path is not None:
        reason = " ".join(str(error.__cause__ or error).split())
        return settings_messages.LOG_CONFIG(path=path, reason=reason)
    raise error


if __name__ == "__main__":
    main()
