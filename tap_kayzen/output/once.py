"""Warnings that are logged once per sync."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging

    from tap_kayzen.messages.message import Message


class WarnOnce:
    """Logs each warning only once; safe to use from several threads."""

    def __init__(self, logger: logging.Logger) -> None:
        """Initialize without any logged warnings."""
        self._logger = logger
        self._logged: set[object] = set()
        self._lock = threading.Lock()

    def __call__(
        self, message: Message, *, about: object = None, **values: object
    ) -> None:
        """Log a warning, unless it has already been logged.

        Args:
            message: The message.
            about: Subject of the warning; each message is logged once per subject.
            values: Values of the message's placeholders; not compared.
        """
        mark = (message, about)
        with self._lock:
            if mark in self._logged:
                return
            self._logged.add(mark)
        self._logger.warning(message(**values))
