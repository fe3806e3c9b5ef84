"""Daily factors of traffic, price, and conversion, shared by all campaigns.

They give daily reports a weekly rhythm, a season, and some noise. All arithmetic is on
integers, so that results are the same on every machine.
"""

from __future__ import annotations

from datetime import date
from hashlib import blake2b
from typing import NamedTuple

ONE = 1024
"""Factor of an average day."""

DAYS_PER_WEEK = 7
WEEKLY_TRAFFIC = (1126, 973, 942, 952, 983, 1045, 1147)
"""Factors from Sunday to Saturday, higher on weekends; the average is `ONE`."""

WEEKLY_CONVERSION = (1075, 1003, 993, 993, 1003, 1024, 1077)
"""Factors from Sunday to Saturday, higher on weekends; the average is `ONE`."""

DAYS_PER_YEAR = 365
PEAK = date(2026, 12, 10).toordinal()
"""Day at the peak of the season, before Christmas."""

SEASONAL_TRAFFIC = 512
SEASONAL_PRICE = 205
"""Differences between the factors of the strongest and the weakest day."""

NOISE = 64
"""The same difference for the noise."""


class Market(NamedTuple):
    """Factors of one UTC day, in units of 1 / `ONE`.

    Attributes:
        traffic: Scales impressions and everything derived from them.
        price: Scales the cost of an impression.
        conversion: Scales the share of clicks that lead to an install.
    """

    traffic: int
    price: int
    conversion: int


class Markets(dict[int, Market]):
    """Markets by ordinal day number, computed on first use."""

    def __init__(self, seed: int) -> None:
        """Create an empty mapping; the noise depends on the seed."""
        super().__init__()
        self._seed = seed

    def __missing__(self, day: int) -> Market:
        """Compute and store the market of a day."""
        season, weekday = _season(day), day % DAYS_PER_WEEK
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
    """Return the height of a smooth yearly wave, from 0 to `ONE`."""
    height = abs(2 * ((day - PEAK) % DAYS_PER_YEAR) - DAYS_PER_YEAR)
    return ONE * height * height * (3 * DAYS_PER_YEAR - 2 * height) // DAYS_PER_YEAR**3
