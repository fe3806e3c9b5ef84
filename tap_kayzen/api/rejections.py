"""Rejected tokens: whether a new login may help, and how long to wait before it."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from tap_kayzen.api.retries import DICE

if TYPE_CHECKING:
    import requests

MAX_TOKENS = 6
"""Tokens tried for a request like others that succeeded: something ends the tokens."""

MAX_UNPROVEN_TOKENS = 3
"""Tokens tried for a request like none that succeeded: the right to it may be missing.

Two would do, if no other process could end them.
"""

MAX_DOUBTFUL_TOKENS = 2
"""The same if the path was refused for another advertiser, or if nothing succeeds."""

CALM_SECONDS = 60.0
"""Lifetime from which on a token that is rejected was not ended by a rival's login."""

MIN_WAIT_SECONDS = 1.0
"""The shortest wait: time for another process to use the token that it just got."""

MIN_WAIT_TURNS = 2
"""The same, as a multiple of the time in which a process gets to use a token."""

MAX_TURN_SECONDS = 10.0
"""The longest time that is taken for a turn."""

SPREADS = (3, 6, 12, 16)
"""How many times longer the longest wait is, by how many tokens were of no use."""

MAX_WAIT_SECONDS = 60.0
"""The longest wait of all."""

NUMBER = re.compile(r"\d+")
ADVERTISER = re.compile(rb"advertiser_id\W{1,4}(\d+)")


class Subject(NamedTuple):
    """What requests have in common that tokens are accepted or rejected for.

    Attributes:
        path: The path, with ``#`` for each number.
        advertiser: The advertiser that is named; empty for the default one.
    """

    path: str
    advertiser: str


class Rejections:
    """Remembers for which requests tokens were accepted and rejected.

    HTTP 401 may mean that the token has ended, or that the key has no right to what is
    asked for. Some servers also end a token when the same user logs in again, so that
    two processes with one login end each other's: each then waits before its next
    login, which leaves the other time to work.
    """

    def __init__(self) -> None:
        """Start without having seen a response."""
        self._lock = threading.Lock()
        self._accepted: set[Subject] = set()
        self._refused: set[Subject] = set()
        self._has_lost = False
        self._useless = 0

    def accept(self, subject: Subject) -> None:
        """Remember that a token was accepted for requests like this."""
        with self._lock:
            self._accepted.add(subject)
            self._refused.discard(subject)

    def is_proven(self, subject: Subject) -> bool:
        """Return whether a token was ever accepted for requests like this."""
        with self._lock:
            return subject in self._accepted

    def is_final(self, subject: Subject, tokens: int) -> bool:
        """Return whether to give a request up after so many rejected tokens."""
        with self._lock:
            if subject in self._refused:
                return True
            if tokens < self._max_tokens(subject):
                return False
            if subject not in self._accepted:
                self._refused.add(subject)
                # It was the request's fault, not the tokens'.
                self._has_lost, self._useless = False, 0
            return True

    def _max_tokens(self, subject: Subject) -> int:
        if subject in self._accepted:
            return MAX_TOKENS
        is_path_good = _has_path(self._accepted, subject.path)
        is_path_bad = _has_path(self._refused, subject.path) and not is_path_good
        if is_path_bad or (self._refused and not self._accepted):
            return MAX_DOUBTFUL_TOKENS
        return MAX_UNPROVEN_TOKENS

    def lose(
        self, age_seconds: float, *, had_worked: bool, turn_seconds: float = 0.0
    ) -> float:
        """Count a token that was rejected; return seconds to wait before a new login.

        One that had worked is replaced at once. Those that follow soon are likely to be
        ended by another process, which needs time without a new login: the more, the
        more tokens end before they are of use. Waits are random, so that processes do
        not log in at the same time again.

        Args:
            age_seconds: Time since the token was issued.
            had_worked: Whether it was accepted for any request.
            turn_seconds: Time in which a login, or the next request, gets its turn.
        """
        with self._lock:
            if age_seconds >= CALM_SECONDS:
                self._has_lost, self._useless = False, 0
            is_first, self._has_lost = not self._has_lost, True
            if is_first and had_worked:
                return 0.0
            spread = SPREADS[min(self._useless, len(SPREADS) - 1)]
            self._useless = max(0, self._useless + (-1 if had_worked else 1))
        turns = MIN_WAIT_TURNS * min(turn_seconds, MAX_TURN_SECONDS)
        shortest = max(MIN_WAIT_SECONDS, turns)
        longest = min(spread * shortest, MAX_WAIT_SECONDS)
        return DICE.uniform(shortest, longest)


def subject_of(request: requests.PreparedRequest) -> Subject:
    """Return what a request is about, from its address and its JSON body."""
    url = urlsplit(request.url or "")
    body = request.body if isinstance(request.body, bytes) else b""
    found = ADVERTISER.search(url.query.encode() + b" " + body)
    advertiser = found[1].decode() if found else ""
    return Subject(NUMBER.sub("#", url.path), advertiser)


def _has_path(subjects: set[Subject], path: str) -> bool:
    return any(each.path == path for each in subjects)
