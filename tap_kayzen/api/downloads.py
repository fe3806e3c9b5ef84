"""Downloads: bodies of responses, within limits of size and time."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK_BYTES = 1 << 20
"""Bytes read at once from a body; the 10 KB that `requests` reads cost time."""

MAX_TIMEOUTS = 10
"""Multiples of the timeout after which a body must be complete.

The timeout of `requests` is about silence: a server that sends a byte now and then
never meets it.
"""


class TooLargeError(Exception):
    """A body has more bytes than it may have."""


@dataclass(eq=False)
class _Download:
    """A body that is being read.

    Attributes:
        due: The time by which it must be complete.
        stop: Makes the read in the other thread end.
        is_late: Whether it was stopped.
    """

    due: float
    stop: Callable[[], None]
    is_late: bool = False


class Downloads:
    """Reads bodies; one instance serves all threads.

    A daemon thread stops the reads that take too long. It exists while anything is
    read.
    """

    def __init__(self, timeout: float) -> None:
        """Start no thread yet; the timeout is that of one request, in seconds."""
        self._timeout = timeout
        self._lock = threading.Lock()
        self._running: set[_Download] = set()
        self._is_watched = False

    def read(self, response: requests.Response, max_bytes: int) -> bytes:
        """Read a body, unpacked.

        Raises:
            TooLargeError: It has more than `max_bytes`; the rest is not read.
            ReadTimeout: It was not complete in time.
        """
        # Without urllib3 2.3 or newer, only silence is limited.
        stop = getattr(response.raw, "shutdown", lambda: None)
        download = _Download(time.monotonic() + MAX_TIMEOUTS * self._timeout, stop)
        self._begin(download)
        chunks, size = [], 0
        try:
            for chunk in response.iter_content(CHUNK_BYTES):
                chunks.append(chunk)
                size += len(chunk)
                if size > max_bytes:
                    response.close()
                    raise TooLargeError
        except requests.RequestException as error:
            if not download.is_late:
                raise
            raise _timeout(response) from error
        finally:
            with self._lock:
                self._running.discard(download)
        # A body without a length seems complete when it is stopped.
        if download.is_late:
            raise _timeout(response)
        return b"".join(chunks)

    def _begin(self, download: _Download) -> None:
        with self._lock:
            self._running.add(download)
            if self._is_watched:
                return
            thread = threading.Thread(target=self._stop_late, daemon=True)
            # The system may allow no more threads.
            with suppress(RuntimeError):
                thread.start()
                self._is_watched = True

    def _stop_late(self) -> None:
        while True:
            time.sleep(self._timeout)
            now = time.monotonic()
            with self._lock:
                if not self._running:
                    self._is_watched = False
                    return
                for each in self._running:
                    if each.due <= now:
                        each.is_late = True
                        # It may be complete, and its connection free again.
                        with suppress(OSError, RuntimeError, ValueError):
                            each.stop()


def _timeout(response: requests.Response) -> requests.exceptions.ReadTimeout:
    return requests.exceptions.ReadTimeout(request=response.request)
