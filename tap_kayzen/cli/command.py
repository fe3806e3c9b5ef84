"""The command line: how a run ends, and what it says when it ends badly."""

from __future__ import annotations

import logging
import os
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
from singer_sdk.exceptions import ConfigValidationError, SingerSDKError
from singer_sdk.plugin_base import SingerCommand

from tap_kayzen.output.redaction import log_what_python_prints

if TYPE_CHECKING:
    from collections.abc import Generator

FAILED = 1
"""Exit code of a run that could not do what it was asked."""

TARGET_GONE = 141
"""Exit code of a run whose output nobody reads any more: the shell's for SIGPIPE."""


def _discard_output() -> None:
    """Let nothing more go out: Python would flush stdout at exit, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _ended_by_the_target() -> Generator[None]:
    """End quietly if the target has gone, which says why itself.

    It has to be here, as click would make exit code 1 of it.
    """
    try:
        yield
    except BrokenPipeError:
        _discard_output()
        sys.exit(TARGET_GONE)


class KayzenCommand(SingerCommand):
    """The tap's command: every failure is one line on stderr and exit code 1.

    Apart from that, a wrong command line is 2, a signal 128 and its number.
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
        """Read the command line, and do what --discover, --about and others ask."""
        with _ended_by_the_target():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401
        """Run the callback.

        Not the SDK's `invoke`, which hands errors to an exception hook that prints
        their traceback.
        """
        with _ended_by_the_target():
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
