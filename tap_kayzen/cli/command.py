"""The command: exit codes, signals, and one line for each failure."""

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
from tap_kayzen.output.redaction import log_python_output
from tap_kayzen.streams.failures import IncompleteError, describe

if TYPE_CHECKING:
    from collections.abc import Generator

FAILED = 1
"""Exit code of a run that failed."""

TARGET_EXITED = 141
"""Exit code of a run whose target has exited: the shell's for SIGPIPE."""


def _discard_output() -> None:
    """Discard further output: Python would flush stdout at exit, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _exiting_with_the_target() -> Generator[None]:
    """Exit quietly if the target has exited, which says why itself.

    Here and not further out, as click would turn it into exit code 1.
    """
    try:
        yield
    except BrokenPipeError:
        _discard_output()
        sys.exit(TARGET_EXITED)


class KayzenCommand(SingerCommand):
    """The tap's command: every failure is one line on stderr and exit code 1.

    A wrong command line exits with 2, a signal with 128 plus its number. The traceback
    is shown at log level DEBUG only.
    """

    @classmethod
    def wrap(cls, command: click.Command, *, logger: logging.Logger) -> KayzenCommand:
        """Return the SDK's command with this class's way to fail."""
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
        log_python_output(self.logger)
        if sys.stdout is None:
            self.logger.error(network_messages.STDOUT_CLOSED())
            sys.exit(FAILED)
        try:
            try:
                return super().main(*args, **kwargs)
            finally:
                # Nothing is left that the handler would have to stop.
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
        except ConfigValidationError as error:
            for problem in error.errors:
                self.logger.error(problem)  # noqa: TRY400
        except Exception as error:  # noqa: BLE001
            self._report(error)
            try:
                sys.stdout.flush()
            except OSError:
                # The disk is full, say: that is what was reported.
                _discard_output()
        sys.exit(FAILED)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse the command line; run what --discover, --about and others ask."""
        with _exiting_with_the_target():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401
        """Run the callback.

        Not the SDK's `invoke`, which hands errors to an exception hook that prints
        their traceback.
        """
        with _exiting_with_the_target():
            return click.Command.invoke(self, ctx)

    def _report(self, error: Exception) -> None:
        if isinstance(error, IncompleteError):
            for line in error.table():
                self.logger.error("%s", line)
            return
        shown = error if self.logger.isEnabledFor(logging.DEBUG) else None
        self.logger.error("%s", describe(error), exc_info=shown)
