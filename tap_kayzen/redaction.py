"""Keeping secrets out of everything that is printed."""

from __future__ import annotations

import base64
import json
import logging
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SECRET_SETTINGS = ("password", "api_key", "api_secret", "audience_api_key")

SHORT_SECRET = 4
"""Characters below which blotting out a secret would show more than it hides."""

BODY_SHOWN = 200
"""Characters of a server's words that a message quotes."""


class Redactor:
    """Blots secrets out of text, in all forms that they travel in.

    As they are, in JSON, percent-encoded, and as the Basic header of the key pair.
    """

    def __init__(self, config: Mapping[str, object]) -> None:
        """Know the secrets of the settings.

        Args:
            config: The tap's settings.
        """
        self._has_short = False
        self._forms: list[str] = []
        self.add(str(config[name]) for name in SECRET_SETTINGS if config.get(name))
        pair = f"{config['api_key']}:{config['api_secret']}"
        self.add([base64.b64encode(pair.encode()).decode()])

    def add(self, secrets: Iterable[str]) -> None:
        """Know more secrets, such as a token."""
        forms = set(self._forms)
        for secret in secrets:
            if len(secret) < SHORT_SECRET:
                self._has_short = True
                continue
            ascii_json, json_text = (
                json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
                for ascii_only in (True, False)
            )
            forms |= {secret, ascii_json, json_text, quote(secret), quote(secret, "")}
            forms.add(quote_plus(secret))
        # The longest first: one may be part of another.
        self._forms = sorted(forms, key=len, reverse=True)

    def redact(self, text: str) -> str:
        """Blot the secrets out of a text of the tap's own or of a library's."""
        for form in self._forms:
            text = text.replace(form, "***")
        return text

    def excerpt(self, body: bytes) -> str:
        """Quote the beginning of what a server said, on one line."""
        if self._has_short:
            return "(not shown, as it may hold a secret)"
        text = self.redact(body.decode(errors="replace"))
        return " ".join(text.split())[:BODY_SHOWN] or "(empty body)"

    def guard(self) -> None:
        """Let no handler of any logger print a secret, tracebacks included."""
        names = logging.root.manager.loggerDict
        loggers = [logging.getLogger(), *map(logging.getLogger, names)]
        for handler in {each for logger in loggers for each in logger.handlers}:
            inner = handler.formatter
            # Of another tap in this process.
            if isinstance(inner, _RedactingFormatter):
                inner = inner.inner
            handler.setFormatter(_RedactingFormatter(inner, self))


class _RedactingFormatter(logging.Formatter):
    """Formats as another one does, without the secrets."""

    def __init__(self, inner: logging.Formatter | None, redactor: Redactor) -> None:
        super().__init__()
        self.inner = inner or logging.Formatter()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        return self._redactor.redact(self.inner.format(record))
