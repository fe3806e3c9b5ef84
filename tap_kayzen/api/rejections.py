"""Rejected tokens: whether a new login may help, and how long to wait before it."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tap_kayzen.api.retries import wait_after

if TYPE_CHECKING:
    import requests

MAX_TOKENS = 6
"""Tokens tried for a request like others that succeeded: something ends the tokens."""

MAX_UNPROVEN_TOKENS = 3
"""Tokens tried for a request like none that succeeded: the right to it may be missing.

The second one may end early if another process logs in at the same time; before the
third, the tap waits.
"""

MAX_HOPELESS_TOKENS = 2
"""The same if others were refused before and none has succeeded in this run."""

CALM_SECONDS = 60.0
"""Lifetime from which on a token that is rejected was not ended by a rival's login."""

MIN_LOSSES = 2
"""Losses from which on the tap waits: 1 to 2 seconds."""

MAX_LOSSES = 5
"""Losses from which on waits do not grow: 8 to 16 seconds."""

NUMBER = re.compile(r"\d+")
ADVERTISER = re.compile(rb"advertiser_id\W{1,4}(\d+)")


class Rejections:
    """Remembers for which requests tokens were accepted and rejected.

    HTTP 401 may mean that the token has ended, or that the key has no right to what is
    asked for. Some servers also end a token when the same user logs in again, so that
    two processes with one login end each other's: each then waits before its next
    login, which leaves the other time to work.

    Requests are alike if they have the path, but for IDs, and the advertiser in common.
    """

    def __init__(self) -> None:
        """Start without having seen a response."""
        self._lock = threading.Lock()
        self._accepted: set[str] = set()
        self._refused: set[str] = set()
        self._losses = 0

    def accept(self, subject: str) -> None:
        """Remember that a token was accepted for requests like this."""
        with self._lock:
            self._accepted.add(subject)
            self._refused.discard(subject)

    def is_proven(self, subject: str) -> bool:
        """Return whether a token was ever accepted for requests like this."""
        with self._lock:
            return subject in self._accepted

    def is_final(self, subject: str, tokens: int) -> bool:
        """Return whether to give a request up after so many rejected tokens."""
        with self._lock:
            if subject in self._refused:
                return True
            if subject in self._accepted:
                return tokens >= MAX_TOKENS
            is_hopeless = self._refused and not self._accepted
            if tokens < (MAX_HOPELESS_TOKENS if is_hopeless else MAX_UNPROVEN_TOKENS):
                return False
            self._refused.add(subject)
            # It was the request's fault, not the tokens'.
            self._losses = 0
            return True

    def lose(self, age_seconds: float, *, had_worked: bool) -> float:
        """Count a token that was rejected; return seconds to wait before a new login.

        The first one is replaced at once. Those that follow soon are likely to be ended
        by another process, which needs time without a new login: the more, the more
        tokens end before they are of use.

        Args:
            age_seconds: Time since the token was issued.
            had_worked: Whether it was accepted for any request.
        """
        with self._lock:
            if age_seconds >= CALM_SECONDS:
                self._losses = 0
            if self._losses < MIN_LOSSES or not had_worked:
                self._losses = min(self._losses + 1, MAX_LOSSES)
            if self._losses < MIN_LOSSES:
                return 0.0
            return wait_after(None, self._losses)


def subject_of(request: requests.PreparedRequest) -> str:
    """Return what a request has in common with those like it."""
    url = urlsplit(request.url or "")
    body = request.body if isinstance(request.body, bytes) else b""
    found = ADVERTISER.search(url.query.encode() + b" " + body)
    advertiser = found[1].decode() if found else ""
    return f"{NUMBER.sub('#', url.path)} {advertiser}"
