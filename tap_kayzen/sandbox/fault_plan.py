"""Which call meets which fault, from a seed."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, Any

from tap_kayzen.sandbox.data import DEFAULT_ADVERTISER
from tap_kayzen.sandbox.fault_answers import PASSING
from tap_kayzen.sandbox.fault_data import ASKING, CHANGES

if TYPE_CHECKING:
    from collections.abc import Mapping

OF_TOKENS = ("token-revoked", "token-down", "token-limit")

TRANSIENT = (*PASSING, "stall", *OF_TOKENS)
"""The faults that a client survives by asking again; one a call at most."""

REFUSALS = (
    "redirect",
    "forbidden-advertiser",
    "no-api-product",
    "unauthorized-path",
    "invalid-client",
)
"""The faults that keep rows from a client for good."""

LASTING = (*CHANGES, *ASKING, "rows-move", *REFUSALS)
"""The faults that stay, whatever the client does; a call may have several."""

FAULTS = (*TRANSIENT, *LASTING)
"""The names of all faults."""

LIMIT = 3
"""Transient faults that a request meets one after the other, at most."""

STALL_SECONDS = 150.0
"""How long a stalled answer keeps a client waiting: past the tap's usual patience."""


class FaultPlan:
    """Decides which call meets which fault.

    The decision depends on the seed, the request and how often that has been made:
    it is the same in every run, in whichever order a client makes its calls.

    Attributes:
        injected: How often each fault has been injected.
        stall_seconds: How long a stalled answer keeps a client waiting.
        forbidden: The advertiser that gets 403.
        redirect_to: Where a redirect leads.
    """

    def __init__(
        self,
        seed: int = 1,
        rates: Mapping[str, float] | None = None,
        limit: int | None = LIMIT,
        *,
        stall_seconds: float = STALL_SECONDS,
    ) -> None:
        """Make a plan.

        Args:
            seed: Where the random numbers start.
            rates: The probability of each fault, by the names in `FAULTS`.
            limit: Transient faults that the same request meets one after the other,
                at most, so that a client with more retries always gets through; None
                for no limit.
            stall_seconds: How long a stalled answer keeps a client waiting.

        Raises:
            ValueError: A fault or a probability does not exist.
        """
        self.injected: Counter[str] = Counter()
        self.stall_seconds = stall_seconds
        self.forbidden = DEFAULT_ADVERTISER + 1
        self.redirect_to = "http://elsewhere.invalid/"
        self.change(seed, rates or {}, limit)

    def change(self, seed: int, rates: Mapping[str, float], limit: int | None) -> None:
        """Start anew with another plan, counts included.

        Raises:
            ValueError: As in the making of a plan.
        """
        if unknown := rates.keys() - set(FAULTS):
            msg = f"unknown fault {min(unknown)}; use one of {', '.join(FAULTS)}"
            raise ValueError(msg)
        if not all(0 <= rate <= 1 for rate in rates.values()):
            msg = "a probability must be a number from 0 to 1"
            raise ValueError(msg)
        if sum(rates.get(name, 0) for name in TRANSIENT) > 1:
            msg = "the probabilities of transient faults must not exceed 1 in total"
            raise ValueError(msg)
        self.seed, self.rates, self.limit = seed, dict(rates), limit
        self.injected.clear()
        self._calls: Counter[str] = Counter()
        self._row: Counter[str] = Counter()

    def dice(self, *what: object) -> random.Random:
        """Give the random numbers of one thing."""
        return random.Random(" ".join(map(str, (self.seed, *what))))  # noqa: S311

    def transient(self, key: str) -> tuple[str | None, random.Random]:
        """Decide on a call's transient fault; None for no fault.

        Args:
            key: The request.

        Returns:
            The fault, and random numbers for its details.
        """
        self._calls[key] += 1
        dice = self.dice(self._calls[key], key)
        drawn = dice.random()
        for name in TRANSIENT:
            drawn -= self.rates.get(name, 0)
            if drawn < 0 and (self.limit is None or self._row[key] < self.limit):
                self._row[key] += 1
                return name, dice
        self._row[key] = 0
        return None, dice

    def lasts(self, name: str, key: object) -> bool:
        """Decide whether a request or a list has a lasting fault."""
        return self.dice(name, key).random() < self.rates.get(name, 0)

    @property
    def report(self) -> dict[str, Any]:
        """The plan and what has become of it, for JSON."""
        return {
            "seed": self.seed,
            "rates": self.rates,
            "limit": self.limit,
            "injected": dict(self.injected),
        }
