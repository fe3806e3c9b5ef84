"""Warnings that are the same for the whole run, logged once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging

    from tap_kayzen.messages.message import Message


class WarnOnce:
    """Logs each warning once, however often and from whatever thread it is given."""

    def __init__(self, logger: logging.Logger) -> None:
        """Start without a warning logged."""
        self._logger = logger
        self._logged: set[object] = set()
        self._lock = threading.Lock()

    def __call__(
        self, message: Message, *, about: object = None, **values: object
    ) -> None:
        """Log a warning, unless it has been logged.

        Warnings with the same message and `about` are the same, whatever the `values`.
        """
        mark = (message, about)
        with self._lock:
            if mark in self._logged:
                return
            self._logged.add(mark)
        self._logger.warning(message(**values))
