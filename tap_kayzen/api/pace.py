"""The pace: requests a second that Kayzen is believed to accept."""

from __future__ import annotations

MIN_PACE = 0.1
"""Requests a second that the pace never falls below."""

MIN_CUT, MAX_CUT = 0.95, 0.85
"""Factors between which a refusal lowers the pace."""

SEARCH_CLIMB = 0.1
"""Requests a second by which each paced response raises the pace at first."""

CLIMB = 0.003
"""The same after a second refusal; it grows by as much again every `CALM_SECONDS`."""

CALM_SECONDS = 10.0
"""Seconds without a refusal after which the climb is twice `CLIMB`."""

MAX_HOLD_SECONDS = 10.0
"""Seconds of holding back that count as time in which nothing was accepted.

Some of it counts, since a limit may be on the requests of a minute.
"""


class Pace:
    """Learns how many requests a second Kayzen accepts, from its refusals.

    There is no pace until the first refusal. From then on, with `seen` the requests
    accepted per second of asking since the refusal before:

    - first refusal: ``pace = 0.95 * seen``
    - later ones: ``pace = clamp(seen, 0.85 * pace, 0.95 * pace)``; half of it if
      nothing was accepted
    - each response that had to wait for its turn: ``pace += 0.1`` until the second
      refusal, then ``pace += 0.003 * (1 + calm / 10)`` after `calm` seconds

    Plain additive increase with halving (AIMD) wastes 18 to 34 % of the calls against a
    fixed limit; this wastes 3 % (benchmarks/README.md#rate-limit).
    """

    def __init__(self, now: float) -> None:
        """Start without a refusal, at a time in seconds as for all methods."""
        self.per_second: float | None = None
        self._is_searching = True
        self._since = now
        self._accepted = 0
        # A tap that waits for its target asks for nothing: only the time in which
        # requests wait or run counts.
        self._asking = 0
        self._asked_from = now
        self._asked_seconds = 0.0

    def begin(self, now: float) -> None:
        """Count one more request that waits or runs."""
        if not self._asking:
            self._asked_from = now
        self._asking += 1

    def end(self, now: float) -> None:
        """Count one request less."""
        self._asked_seconds = self._seconds_asked(now)
        self._asked_from = now
        self._asking -= 1

    def _seconds_asked(self, now: float) -> float:
        if not self._asking:
            return self._asked_seconds
        return self._asked_seconds + max(0.0, now - max(self._asked_from, self._since))

    def accepted(self, now: float, *, was_paced: bool) -> None:
        """Count a response; raise the pace if the pace was what limited the tap."""
        self._accepted += 1
        if self.per_second and was_paced:
            calm = max(0.0, now - self._since)
            climb = CLIMB * (1 + calm / CALM_SECONDS)
            self.per_second += SEARCH_CLIMB if self._is_searching else climb

    def refused(self, now: float, held_until: float) -> None:
        """Lower the pace, and begin to count anew once requests go out again."""
        hold = min(held_until - now, MAX_HOLD_SECONDS)
        seen = self._accepted / max(self._seconds_asked(now) + hold, 1e-3)
        if self.per_second is None:
            self.per_second = MIN_CUT * seen or None
        elif seen:
            self._is_searching = False
            lowest, highest = MAX_CUT * self.per_second, MIN_CUT * self.per_second
            self.per_second = min(max(seen, lowest), highest)
        else:
            self.per_second /= 2
        if self.per_second:
            self.per_second = max(self.per_second, MIN_PACE)
        self._since = held_until
        self._accepted, self._asked_seconds = 0, 0.0
