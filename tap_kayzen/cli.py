"""The command line: how a run ends, and what it says when it ends badly."""

from __future__ import annotations

import logging
import os
import signal
import sys
from typing import Any

import click
from singer_sdk.exceptions import ConfigValidationError, SingerSDKError
from singer_sdk.plugin_base import SingerCommand

from tap_kayzen.redaction import log_what_python_prints

FAILED = 1
"""Exit code of a run that could not do what it was asked."""


class KayzenCommand(SingerCommand):
    """The tap's command: every failure is one line on stderr and exit code 1.

    The traceback is shown at log level DEBUG only.
    """

    @classmethod
    def wrap(cls, command: click.Command, *, logger: logging.Logger) -> KayzenCommand:
        """Make the same command as the SDK's, with this class's way to fail."""
        return cls(
            name=command.name,
            callback=command.callback,
            params=command.params,
            help=command.help,
            context_settings=command.context_settings,
            logger=logger,
        )

    def main(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Run the command; not only `invoke`, since --test works while parsing."""
        log_what_python_prints(self.logger)
        try:
            try:
                return super().main(*args, **kwargs)
            finally:
                # Nothing is left to be done that the tap's handler would have to see.
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
        except BrokenPipeError:
            # The target has gone and says why itself. Python would try to flush
            # stdout once more at exit and complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except ConfigValidationError as error:
            for problem in error.errors:
                self.logger.error(problem)  # noqa: TRY400
        except Exception as error:  # noqa: BLE001
            self._report(error)
        sys.exit(FAILED)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401
        """Run the callback.

        Not the SDK's `invoke`, which hands errors to an exception hook that prints
        their traceback.
        """
        return click.Command.invoke(self, ctx)

    def _report(self, error: Exception) -> None:
        text = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, RecursionError):
            text = "Kayzen sent a record that is nested too deeply to be written"
        elif not isinstance(error, (SingerSDKError, OSError)):
            text = (
                f"{type(error).__name__}: {text}; this is a fault in tap-kayzen: "
                "please report it with the output of TAP_KAYZEN_LOGLEVEL=DEBUG"
            )
        shown = error if self.logger.isEnabledFor(logging.DEBUG) else None
        self.logger.error(text, exc_info=shown)
