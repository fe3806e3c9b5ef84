"""The pace: an estimate of the request rate that Kayzen accepts."""

from __future__ import annotations

MIN_PER_SECOND = 0.1
"""Lower bound of the pace, in requests per second."""

WEAKEST_CUT, STRONGEST_CUT = 0.95, 0.85
"""Factors by which a refusal lowers the pace, at the least and at the most."""

SEARCH_STEP = 0.1
"""Increase per paced response before the second refusal, in requests per second."""

STEP = 0.003
"""Increase per paced response after the second refusal, in requests per second.

It grows by the same amount every `CALM_SECONDS` without a refusal.
"""

CALM_SECONDS = 10.0
"""Time without a refusal after which the increase is twice `STEP`."""

MAX_HOLD_SECONDS = 10.0
"""Maximum share of a pause after a refusal that counts as time without requests.

Part of the pause must count, because a limit can apply per minute.
"""


class Pace:
    """Learns from refusals how many requests per second Kayzen accepts.

    There is no pace until the first refusal. From then on, with `seen` as the rate of
    accepted requests since the previous refusal:

    - First refusal: ``pace = 0.95 * seen``
    - Later refusals: ``pace = clamp(seen, 0.85 * pace, 0.95 * pace)``, or
      ``pace / 2`` if no request was accepted
    - Response to a request that the pace delayed: ``pace += 0.1`` until the second
      refusal, then ``pace += 0.003 * (1 + calm / 10)`` after `calm` seconds without a
      refusal

    With a fixed limit on the server, 3% of the requests are refused. With plain
    additive increase, multiplicative decrease (AIMD), it is 18 to 34%
    (tools/benchmarks/README.md, "Rate limit").
    """

    # All methods take the current time in seconds.

    def __init__(self, now: float) -> None:
        """Initialize without a pace."""
        self.per_second: float | None = None
        self._is_searching = True
        self._since = now
        self._accepted = 0
        # Only time with queued or running requests counts: while the tap waits for its
        # target, it sends nothing.
        self._asking = 0
        self._asked_from = now
        self._asked_seconds = 0.0

    def begin(self, now: float) -> None:
        """Count a request as queued or running."""
        if not self._asking:
            self._asked_from = now
        self._asking += 1

    def end(self, now: float) -> None:
        """Count a request as finished."""
        self._asked_seconds = self._seconds_asked(now)
        self._asked_from = now
        self._asking -= 1

    def _seconds_asked(self, now: float) -> float:
        if not self._asking:
            return self._asked_seconds
        return self._asked_seconds + max(0.0, now - max(self._asked_from, self._since))

    def accepted(self, now: float, *, was_paced: bool) -> None:
        """Count a response; raise the pace if it delayed requests."""
        self._accepted += 1
        if self.per_second and was_paced:
            calm = max(0.0, now - self._since)
            climb = STEP * (1 + calm / CALM_SECONDS)
            self.per_second += SEARCH_STEP if self._is_searching else climb

    def refused(self, now: float, held_until: float) -> None:
        """Lower the pace, and restart counting when requests resume."""
        hold = min(held_until - now, MAX_HOLD_SECONDS)
        seen = self._accepted / max(self._seconds_asked(now) + hold, 1e-3)
        if self.per_second is None:
            self.per_second = WEAKEST_CUT * seen or None
        elif seen:
            self._is_searching = False
            lowest, highest = (
                STRONGEST_CUT * self.per_second,
                WEAKEST_CUT * self.per_second,
            )
            self.per_second = min(max(seen, lowest), highest)
        else:
            self.per_second /= 2
        if self.per_second:
            self.per_second = max(self.per_second, MIN_PER_SECOND)
        self._since = held_until
        self._accepted, self._asked_seconds = 0, 0.0
