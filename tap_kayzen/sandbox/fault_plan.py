"""Fault plan: decides from a seed which requests get which faults."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, Any

from tap_kayzen.sandbox.data import DEFAULT_ADVERTISER
from tap_kayzen.sandbox.fault_answers import RESPONSE_FAULTS
from tap_kayzen.sandbox.fault_data import CHANGES, LIST_CHANGES

if TYPE_CHECKING:
    from collections.abc import Mapping

TOKEN_FAULTS = ("token-revoked", "token-down", "token-limit")

TRANSIENT = (*RESPONSE_FAULTS, "stall", *TOKEN_FAULTS)
"""Faults that a retry overcomes; at most one per request."""

REFUSALS = (
    "redirect",
    "forbidden-advertiser",
    "no-api-product",
    "unauthorized-path",
    "invalid-client",
)
"""Faults that permanently refuse requests."""

LASTING = (*CHANGES, *LIST_CHANGES, "rows-move", *REFUSALS)
"""Faults that a retry does not overcome; a request may have several."""

FAULTS = (*TRANSIENT, *LASTING)
"""Names of all faults."""

DEFAULT_LIMIT = 3
"""Maximum number of consecutive transient faults of a request."""

STALL_SECONDS = 150.0
"""Duration of a stall; longer than the tap's default `request_timeout`."""


class FaultPlan:
    """Decides which requests get which faults.

    The decision depends on the seed, the request, and the number of times that it was
    made. It does not depend on the order of requests, so every run has the same faults.

    Attributes:
        injected: Number of injections of each fault.
        stall_seconds: Time for which a stalled response keeps the client waiting.
        forbidden: ID of the advertiser whose requests get HTTP 403.
        redirect_to: Target of redirects.
    """

    def __init__(
        self,
        seed: int = 1,
        rates: Mapping[str, float] | None = None,
        limit: int | None = DEFAULT_LIMIT,
        *,
        stall_seconds: float = STALL_SECONDS,
    ) -> None:
        """Create a plan.

        Args:
            seed: Seed of the random numbers.
            rates: Probabilities of faults, by their names in `FAULTS`.
            limit: Maximum number of consecutive transient faults of a request, so that
                a client with more retries always succeeds; None for no limit.
            stall_seconds: Time for which a stalled response keeps the client waiting.

        Raises:
            ValueError: A name is not a fault, or a probability is out of range.
        """
        self.injected: Counter[str] = Counter()
        self.stall_seconds = stall_seconds
        self.forbidden = DEFAULT_ADVERTISER + 1
        self.redirect_to = "http://elsewhere.invalid/"
        self.change(seed, rates or {}, limit)

    def change(self, seed: int, rates: Mapping[str, float], limit: int | None) -> None:
        """Replace the plan and reset all counts; see `__init__` for arguments.

        Raises:
            ValueError: A name is not a fault, or a probability is out of range.
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

    def rng(self, *what: object) -> random.Random:
        """Return a generator of random numbers for one purpose."""
        return random.Random(" ".join(map(str, (self.seed, *what))))  # noqa: S311

    def transient(self, key: str) -> tuple[str | None, random.Random]:
        """Choose the transient fault of a request.

        Args:
            key: The `Exchange.key` of the request.

        Returns:
            The fault, or None, and random numbers for its details.
        """
        self._calls[key] += 1
        rng = self.rng(self._calls[key], key)
        drawn = rng.random()
        for name in TRANSIENT:
            drawn -= self.rates.get(name, 0)
            if drawn < 0 and (self.limit is None or self._row[key] < self.limit):
                self._row[key] += 1
                return name, rng
        self._row[key] = 0
        return None, rng

    def has_fault(self, name: str, key: object) -> bool:
        """Return whether a request or a list has a lasting fault.

        Args:
            name: The fault.
            key: The `Exchange.key` of a request, or the path of a list.
        """
        return self.rng(name, key).random() < self.rates.get(name, 0)

    @property
    def report(self) -> dict[str, Any]:
        """The plan and the injections so far, for JSON."""
        return {
            "seed": self.seed,
            "rates": self.rates,
            "limit": self.limit,
            "injected": dict(self.injected),
        }
