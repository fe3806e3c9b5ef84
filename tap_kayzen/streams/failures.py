"""Collects failures while the sync continues."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests
from singer_sdk.exceptions import FatalAPIError, SingerSDKError

from tap_kayzen.api.errors import LoginError, ReadError
from tap_kayzen.messages import bug_messages, network_messages, stream_messages
from tap_kayzen.streams.batches import BatchError
from tap_kayzen.streams.expressions import MapError

if TYPE_CHECKING:
    from collections.abc import Generator

MAX_UNREACHABLE = 3
"""Number of failures in a row without a reachable server that stops the sync.

Each failure has used up its retries, which takes minutes.
"""


@dataclass(frozen=True)
class Failure:
    """A stream, or part of a stream, that could not be read.

    Attributes:
        stream: Name of the stream.
        part: What failed, such as ``orders of advertiser 8``.
        cause: Why it failed.
        hint: What the user can do; empty if the cause includes it.
        text: All of the above in one line.
    """

    stream: str
    part: str
    cause: str
    hint: str
    text: str

    @property
    def reason(self) -> str:
        """The text without the name of the part or stream at its start."""
        for name in (self.part, self.stream):
            rest = self.text.removeprefix(name)
            if rest != self.text and rest[:1] in {":", ",", " "}:
                return rest.lstrip(":, ")
        return self.text

    @classmethod
    def of(cls, error: Exception, stream: str, part: str) -> Failure:
        """Create a failure from an error."""
        text = describe(error)
        if isinstance(error, (BatchError, MapError, ReadError)):
            cause, hint = error.cause, error.hint
        elif isinstance(error, SingerSDKError):
            cause, hint = text.removeprefix(f"{stream}: "), ""
        else:
            hint = bug_messages.REPORT_IT()
            cause = text.removesuffix(f"; {hint}")
        text = text if text.startswith(stream) else f"{part}: {text}"
        return cls(stream, part, cause, hint, text)


class IncompleteError(FatalAPIError):
    """A sync that finished with failures.

    Attributes:
        failures: The failures.
        streams: Number of streams in the sync.
    """

    def __init__(self, failures: list[Failure], streams: int) -> None:
        """Initialize the error with the failures and the number of streams."""
        self.failures = failures
        self.streams = streams
        super().__init__("; ".join(failure.text for failure in failures))

    def table(self) -> list[str]:
        """Format the failures as the lines of a table with a title."""
        failed = len({failure.stream for failure in self.failures})
        title = stream_messages.INCOMPLETE(failed=failed, streams=self.streams)
        rows = [("Failed", "Why", "What to do")]
        rows += [(each.part, each.cause, each.hint) for each in self.failures]
        widths = [max(len(row[column]) for row in rows) for column in range(2)]
        lines = (
            f"{what:{widths[0]}}  {why:{widths[1]}}  {hint}".rstrip()
            for what, why, hint in rows
        )
        return [title, *lines]


class NoServerError(FatalAPIError):
    """A sync stopped because no server could be reached several times in a row."""


class Failures:
    """Collects the failures of a sync, and decides whether it continues.

    It continues unless the failure affects all streams: rejected credentials, no
    reachable server several times in a row, a target that has exited, or a full disk.
    """

    def __init__(self, logger: logging.Logger, *, end_run: bool = False) -> None:
        """Initialize without failures.

        Args:
            logger: Logger for the failures.
            end_run: Whether the first failure stops the sync.
        """
        self._logger = logger
        self._end_run = end_run
        self._is_silent = False
        self._failures: list[Failure] = []
        self._streams: set[str] = set()
        self._unreachable = 0

    def only_collect(self) -> None:
        """Collect failures without logging or stopping, for ``--test``."""
        self._end_run, self._is_silent = False, True

    def begin(self, stream: str, *, is_dry_run: bool) -> None:
        """Register a stream of the sync.

        A dry run of the SDK stops at the first failure, because the SDK does not call
        `check` then.
        """
        self._streams.add(stream)
        self._end_run = self._end_run or (is_dry_run and not self._is_silent)

    def of(self, stream: str) -> list[Failure]:
        """Return the failures of a stream."""
        return [each for each in self._failures if each.stream == stream]

    @contextmanager
    def isolated(self, stream: str, part: str) -> Generator[None]:
        """Collect a failure in the block instead of raising it, if possible."""
        try:
            yield
        # `add` raises those that must stop the sync.
        except Exception as error:  # noqa: BLE001
            self.add(error, stream, part)

    def reached(self) -> None:
        """Reset the count of failures without a reachable server."""
        self._unreachable = 0

    def add(self, error: Exception, stream: str, part: str) -> None:
        """Log and store a failure.

        Args:
            error: The error.
            stream: Name of the stream.
            part: What failed, such as ``orders of advertiser 8``.

        Raises:
            NoServerError: No server could be reached several times in a row.
            Exception: The error itself, if it stops the sync.
        """
        if self._end_run or concerns_all(error):
            raise error
        is_unreachable = isinstance(error, ReadError) and error.is_unreachable
        self._unreachable = self._unreachable + 1 if is_unreachable else 0
        if self._unreachable >= MAX_UNREACHABLE:
            msg = network_messages.UNREACHABLE(error=error, count=MAX_UNREACHABLE)
            raise NoServerError(msg) from error
        failure = Failure.of(error, stream, part)
        self._failures.append(failure)
        if not self._is_silent:
            shown = error if self._logger.isEnabledFor(logging.DEBUG) else None
            self._logger.error("%s", failure.text, exc_info=shown)

    def check(self) -> None:
        """Raise IncompleteError if there are any failures."""
        if self._failures:
            raise IncompleteError(self._failures, len(self._streams))


def concerns_all(error: Exception) -> bool:
    """Return whether an error affects all other streams, too."""
    # Errors of `requests` are OSErrors too.
    is_local = isinstance(error, OSError) and not isinstance(
        error, requests.RequestException
    )
    return is_local or isinstance(error, (LoginError, NoServerError, MemoryError))


def describe(error: Exception) -> str:
    """Format an error in one line: what happened, and what the user can do."""
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, RecursionError):
        return stream_messages.TOO_DEEP()
    if isinstance(error, (SingerSDKError, OSError)):
        return text
    return f"{type(error).__name__}: {text}; {bug_messages.REPORT_IT()}"
