"""The command: exit codes, signals, and one-line errors."""

from __future__ import annotations

import logging
import os
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.plugin_base import SingerCommand

from tap_kayzen.messages import network_messages
from tap_kayzen.output.log_lines import hide_metrics
from tap_kayzen.output.redaction import log_python_output
from tap_kayzen.streams.failures import IncompleteError, describe

if TYPE_CHECKING:
    from collections.abc import Generator

FAILED = 1
"""Exit code after a failure."""

TARGET_EXITED = 141
"""Exit code if the target has exited: 128 plus SIGPIPE, as in a shell."""


def _discard_output() -> None:
    """Discard further output, so that flushing stdout at exit does not fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _exiting_with_the_target() -> Generator[None]:
    """Exit silently if the target has exited, because it logs the reason itself.

    Must be inside `click`, which would exit with 1.
    """
    try:
        yield
    except BrokenPipeError:
        _discard_output()
        sys.exit(TARGET_EXITED)


class KayzenCommand(SingerCommand):
    """Command that prints failures as one line on stderr and exits with 1.

    Exit codes are 2 for an invalid command line, and 128 plus the number for a signal.
    Tracebacks are shown only at log level DEBUG.
    """

    @classmethod
    def wrap(cls, command: click.Command, *, logger: logging.Logger) -> KayzenCommand:
        """Return a copy of an SDK command with the error handling of this class."""
        return cls(
            name=command.name,
            callback=command.callback,
            params=command.params,
            help=command.help,
            context_settings=command.context_settings,
            logger=logger,
        )

    def main(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Run the command and handle its errors.

        Errors are handled here rather than in `invoke`, because ``--test`` runs while
        the command line is parsed.
        """
        log_python_output(self.logger)
        hide_metrics(self.logger)
        if sys.stdout is None:
            self.logger.error(network_messages.STDOUT_CLOSED())
            sys.exit(FAILED)
        try:
            try:
                return super().main(*args, **kwargs)
            finally:
                # There is nothing left for the handler to stop.
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
        except ConfigValidationError as error:
            for problem in error.errors:
                self.logger.error(problem)  # noqa: TRY400
        # No error may reach the user as a traceback.
        except Exception as error:  # noqa: BLE001
            self._report(error)
            try:
                sys.stdout.flush()
            except OSError:
                # For example, the disk is full; that error has already been reported.
                _discard_output()
        sys.exit(FAILED)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse the command line; run eager options such as ``--discover``."""
        with _exiting_with_the_target():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401
        """Run the callback without the SDK's `invoke`, which prints tracebacks."""
        with _exiting_with_the_target():
            return click.Command.invoke(self, ctx)

    def _report(self, error: Exception) -> None:
        if isinstance(error, IncompleteError):
            for line in error.table():
                self.logger.error("%s", line)
            return
        shown = error if self.logger.isEnabledFor(logging.DEBUG) else None
        self.logger.error("%s", describe(error), exc_info=shown)
