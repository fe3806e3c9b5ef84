"""The command ``tap-kayzen``, also as ``python -m tap_kayzen``."""

from __future__ import annotations

import gc
import sys

# What imports make stays to the end. Looking through it for garbage, again and again,
# takes a tenth of the time to start.
gc.disable()

from tap_kayzen.tap import TapKayzen  # noqa: E402

gc.freeze()
# Records have no cycles: looking for some every few pages is enough.
gc.set_threshold(20_000)
gc.enable()


def main() -> None:
    """Run the tap's command line."""
    try:
        command = TapKayzen.cli
    except ValueError as error:
        sys.exit(f"TAP_KAYZEN_LOGLEVEL or LOGLEVEL: {error}; DEBUG, INFO or WARNING")
    command()


if __name__ == "__main__":
    main()
