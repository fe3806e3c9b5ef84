"""Downloads of response bodies, limited in size and time."""

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
"""Chunk size; the 10 KB that `requests` reads by default are slower."""

MAX_TIMEOUTS = 10
"""Maximum duration of a download, as a multiple of the timeout.

The timeout of `requests` limits the time between two bytes, so a server that keeps
sending single bytes never exceeds it.
"""


class TooLargeError(Exception):
    """A body exceeds the maximum size."""


@dataclass(eq=False)
class _Download:
    """A download in progress.

    Attributes:
        due: Monotonic time by which it must be complete, in seconds.
        stop: Interrupts the thread that reads the body.
        is_late: Whether it was stopped because it took too long.
    """

    due: float
    stop: Callable[[], None]
    is_late: bool = False


class Downloads:
    """Reads response bodies; one instance serves all threads.

    A daemon thread stops downloads that take too long. It runs while there are any.
    """

    def __init__(self, timeout: float) -> None:
        """Create an instance; the timeout is that of one request, in seconds."""
        self._timeout = timeout
        self._lock = threading.Lock()
        self._running: set[_Download] = set()
        self._is_watched = False

    def read(self, response: requests.Response, max_bytes: int) -> bytes:
        """Return the decompressed body of a response.

        Args:
            response: A streamed response.
            max_bytes: Maximum size of the decompressed body.

        Raises:
            TooLargeError: The body exceeds `max_bytes`; the rest is not read.
            ReadTimeout: The body was not complete in time.
        """
        # Before urllib3 2.3, only the time between two bytes is limited.
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
        # A body without a length appears to be complete when stopped.
        if download.is_late:
            raise _timeout(response)
        return b"".join(chunks)

    def _begin(self, download: _Download) -> None:
        with self._lock:
            self._running.add(download)
            if self._is_watched:
                return
            thread = threading.Thread(target=self._stop_late, daemon=True)
            # The system may refuse another thread.
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
                        # The download may have completed just now.
                        with suppress(OSError, RuntimeError, ValueError):
                            each.stop()


def _timeout(response: requests.Response) -> requests.exceptions.ReadTimeout:
    return requests.exceptions.ReadTimeout(request=response.request)
