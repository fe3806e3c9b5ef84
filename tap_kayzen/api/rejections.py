"""Decides after a rejected token whether, and when, to log in again."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from tap_kayzen.api.retries import RNG

if TYPE_CHECKING:
    import requests

MAX_TOKENS = 6
"""Maximum number of tokens for a request if similar ones have succeeded.

Something else must be ending the tokens.
"""

MAX_UNPROVEN_TOKENS = 3
"""Maximum number of tokens for a request if no similar one has succeeded.

The user may have no access. Two tokens would be enough if no other process could end
them.
"""

MAX_UNLIKELY_TOKENS = 2
"""The same if the path was refused for another advertiser, or all requests fail."""

CALM_SECONDS = 60.0
"""Age above which a rejected token was probably not ended by another login."""

MIN_WAIT_SECONDS = 1.0
"""Minimum wait before a new login: lets another process use its new token."""

MIN_WAIT_TURNS = 2
"""Minimum wait as a multiple of the time a process needs to use a token."""

MAX_TURN_SECONDS = 10.0
"""Maximum time assumed for using a token."""

WAIT_FACTORS = (3, 6, 12, 16)
"""Ratio of the maximum wait to the minimum, by number of unused tokens."""

MAX_WAIT_SECONDS = 60.0
"""Upper bound of all waits."""

NUMBER = re.compile(r"\d+")
ADVERTISER = re.compile(rb"advertiser_id\W{1,4}(\d+)")


class Subject(NamedTuple):
    """Identifies similar requests, which need the same permissions.

    Attributes:
        path: The path, with ``#`` in place of each number.
        advertiser: The advertiser ID; empty for the API key's own.
    """

    path: str
    advertiser: str


class Rejections:
    """Tracks which requests tokens were accepted and rejected for.

    HTTP 401 can mean that the token is no longer valid, or that the API key has no
    access. Some servers also end a token when the same user logs in again. Two
    processes with the same login would then end each other's tokens. Each therefore
    waits before its next login, to give the other time to work.
    """

    def __init__(self) -> None:
        """Initialize without any responses."""
        self._lock = threading.Lock()
        self._accepted: set[Subject] = set()
        self._refused: set[Subject] = set()
        self._has_lost = False
        self._unused_tokens = 0

    def record_accepted(self, subject: Subject) -> None:
        """Record that a token was accepted for a subject."""
        with self._lock:
            self._accepted.add(subject)
            self._refused.discard(subject)

    def was_accepted(self, subject: Subject) -> bool:
        """Return whether a token was ever accepted for a subject."""
        with self._lock:
            return subject in self._accepted

    def should_give_up(self, subject: Subject, tokens: int) -> bool:
        """Return whether to give up on a request.

        Args:
            subject: The subject of the request.
            tokens: Number of tokens rejected so far.
        """
        with self._lock:
            if subject in self._refused:
                return True
            if tokens < self._max_tokens(subject):
                return False
            if subject not in self._accepted:
                self._refused.add(subject)
                # The request was at fault, not the tokens.
                self._has_lost, self._unused_tokens = False, 0
            return True

    def _max_tokens(self, subject: Subject) -> int:
        if subject in self._accepted:
            return MAX_TOKENS
        is_path_good = _has_path(self._accepted, subject.path)
        is_path_bad = _has_path(self._refused, subject.path) and not is_path_good
        if is_path_bad or (self._refused and not self._accepted):
            return MAX_UNLIKELY_TOKENS
        return MAX_UNPROVEN_TOKENS

    def record_rejected(
        self, age_seconds: float, *, had_worked: bool, turn_seconds: float = 0.0
    ) -> float:
        """Record a rejected token and return the seconds to wait before the next login.

        The first rejected token that had worked is replaced at once. Further rejections
        shortly after suggest that another process ends the tokens. The wait gives that
        process time to work, and grows while tokens end before they are used. It is
        randomized, so that the processes do not log in simultaneously again.

        Args:
            age_seconds: Time since the token was issued.
            had_worked: Whether the token was accepted for any request.
            turn_seconds: Time that a login, or the next request, needs to be sent.
        """
        with self._lock:
            if age_seconds >= CALM_SECONDS:
                self._has_lost, self._unused_tokens = False, 0
            is_first, self._has_lost = not self._has_lost, True
            if is_first and had_worked:
                return 0.0
            spread = WAIT_FACTORS[min(self._unused_tokens, len(WAIT_FACTORS) - 1)]
            self._unused_tokens = max(
                0, self._unused_tokens + (-1 if had_worked else 1)
            )
        turns = MIN_WAIT_TURNS * min(turn_seconds, MAX_TURN_SECONDS)
        shortest = max(MIN_WAIT_SECONDS, turns)
        longest = min(spread * shortest, MAX_WAIT_SECONDS)
        return RNG.uniform(shortest, longest)


def subject_of(request: requests.PreparedRequest) -> Subject:
    """Return the subject of a request, based on its URL and JSON body."""
    url = urlsplit(request.url or "")
    body = request.body if isinstance(request.body, bytes) else b""
    found = ADVERTISER.search(url.query.encode() + b" " + body)
    advertiser = found[1].decode() if found else ""
    return Subject(NUMBER.sub("#", url.path), advertiser)


def _has_path(subjects: set[Subject], path: str) -> bool:
    return any(each.path == path for each in subjects)
