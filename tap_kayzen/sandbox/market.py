"""The market of a day: traffic, price, and conversion, the same for all campaigns.

It gives reports by day a weekly rhythm, a season, and some noise. Integers only, so
that the numbers are the same on every machine.
"""

from __future__ import annotations

from datetime import date
from hashlib import blake2b
from typing import NamedTuple

ONE = 1024
"""The factor of an average day."""

DAYS_A_WEEK = 7
WEEKLY_TRAFFIC = (1126, 973, 942, 952, 983, 1045, 1147)
"""Factors from Sunday on: people play on weekends. Their average is `ONE`."""

WEEKLY_CONVERSION = (1075, 1003, 993, 993, 1003, 1024, 1077)
"""Likewise."""

YEAR = 365
PEAK = date(2026, 12, 10).toordinal()
"""A day on which the season is at its height: ads sell best before Christmas."""

SEASONAL_TRAFFIC = 512
SEASONAL_PRICE = 205
"""How much the factor of the busiest day is above that of the quietest."""

NOISE = 64
"""The same for noise."""


class Market(NamedTuple):
    """The market of one UTC day; each factor is in units of 1 / `ONE`.

    Attributes:
        traffic: Scales impressions, and so all that follows from them.
        price: Scales the cost of an impression.
        conversion: Scales the share of clicks that lead to an install.
    """

    traffic: int
    price: int
    conversion: int


class Markets(dict[int, Market]):
    """The market of each day, by ordinal number, computed when first asked for."""

    def __init__(self, seed: int) -> None:
        """Start without any day; the noise depends on the seed."""
        super().__init__()
        self._seed = seed

    def __missing__(self, day: int) -> Market:
        """Compute the market of a day."""
        season, weekday = _season(day), day % DAYS_A_WEEK
        noise = blake2b(f"{self._seed} {day}".encode(), digest_size=2).digest()
        traffic, price = (ONE - NOISE // 2 + NOISE * each // 255 for each in noise)
        market = self[day] = Market(
            WEEKLY_TRAFFIC[weekday]
            * (ONE + (season - ONE // 2) * SEASONAL_TRAFFIC // ONE)
            * traffic
            // ONE**2,
            (ONE + (season - ONE // 2) * SEASONAL_PRICE // ONE) * price // ONE,
            WEEKLY_CONVERSION[weekday],
        )
        return market


def _season(day: int) -> int:
    """Return 0 to `ONE`: the height of a smooth wave, one a year."""
    height = abs(2 * ((day - PEAK) % YEAR) - YEAR)
    return ONE * height * height * (3 * YEAR - 2 * height) // YEAR**3
