"""What the campaigns achieved: the truth behind the sandbox's reports.

Of each campaign and each UTC day a hash makes totals, scaled by the day's market. All
are integers, money in millionths of a dollar. What is asked for is cut out of them
exactly: the units of a total, say its clicks, stand in a row in the order of time, and
each has its place, its device and its delay. So the sum over any parts, of time or of a
breakdown, is the whole.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate
from operator import add
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, cast

from tap_kayzen.sandbox.basics import time_of
from tap_kayzen.sandbox.fixed_lists import COUNTRIES, EXCHANGES
from tap_kayzen.sandbox.market import ONE, Markets
from tap_kayzen.sandbox.periods import MINUTES_A_DAY, minutes_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tap_kayzen.sandbox.basics import Record
    from tap_kayzen.sandbox.market import Market
    from tap_kayzen.sandbox.periods import Span

    Key: TypeAlias = tuple[str | int | None, ...]


class Event(NamedTuple):
    """Something that is counted.

    Attributes:
        place: Where it is among the totals of a day.
        is_late: Whether some of it is reported days after it happened.
    """

    place: int
    is_late: bool


EVENTS = {
    name: Event(place, is_late)
    for place, (name, is_late) in enumerate(
        (
            ("bids", False),
            ("wins", False),
            ("impressions", False),
            ("clicks", False),
            ("ct_installs", True),
            ("vt_installs", True),
            ("conversions", True),
            ("spend", False),
            ("revenue", True),
            ("video_start", False),
            ("video_first_quartile", False),
            ("video_midpoint", False),
            ("video_third_quartile", False),
            ("video_complete", False),
        )
    )
}
"""What is counted; spend and revenue in millionths of a dollar."""

FINAL_AGE = 7
"""Days after which nothing is late any more."""

HOUR_WEIGHTS = (
    *(22, 17, 14, 12, 12, 15, 22, 31, 39, 44, 47, 49),
    *(51, 51, 50, 50, 52, 56, 61, 66, 68, 65, 57, 41),
)
"""How the events of a UTC day spread over its hours."""

_SHARES = (0, *accumulate(weight for weight in HOUR_WEIGHTS for _ in range(60)))
"""The same by the minute, summed up from midnight."""

CREATIVE = "creative_id"
BREAKDOWN = ("country", "os", "exchange_id", CREATIVE)
"""Dimensions within a campaign; the values of the last one differ by campaign."""

DECK_SIZE = 1024
CREATIVE_PLACES = range(12)
DELAY_WEIGHTS = (28, 12, 10, 9, 9, 9, 9, 14)
"""How many late events are reported 0, 1, ... 7 days after they happened."""

PAUSE_DAYS = 12
PAUSE_EVERY = 6


@dataclass(frozen=True)
class Flight:
    """The part of a campaign that its numbers depend on.

    Attributes:
        key: What is hashed together with the day.
        begin: The minute in which it was made.
        end: The minute before which it ends.
        impressions: Those of an average day.
        is_video: Whether it has video events.
        pauses: Where its pauses are; None if it has none.
        creatives: The IDs of its creatives; null if it has none.
    """

    key: bytes
    begin: int
    end: int
    impressions: int
    is_video: bool
    pauses: int | None
    creatives: tuple[int | None, ...] = ()

    def is_paused(self, day: int) -> bool:
        """Tell whether it rests on a day, or rather for some days."""
        if self.pauses is None:
            return False
        block = (day + self.pauses) // PAUSE_DAYS
        return (block * block + self.pauses) % PAUSE_EVERY == 0


@lru_cache(maxsize=16_384)
def _flight(seed: int, number: int, created: str, end: str, kind: str) -> Flight:
    key = f"{seed} {number} ".encode()
    traits = int.from_bytes(blake2b(key, digest_size=16).digest(), "big")
    return Flight(
        key,
        minutes_of(time_of(created)),
        minutes_of(time_of(end)),
        2_000 + (traits & 0xFFFF) * (traits >> 16 & 0xFF) // 512,
        kind == "video",
        (traits >> 32 & 0xFFFF) if traits >> 24 & 3 else None,
    )


class Performance:
    """The numbers of all campaigns, made whenever they are asked for."""

    def __init__(self, seed: int) -> None:
        """Start the numbers.

        Args:
            seed: Where they start.
        """
        self._seed = seed
        self._markets = Markets(seed)
        source = random.Random(f"{seed} performance")  # noqa: S311
        countries = [None, *(code for _, code, _ in COUNTRIES)]
        self._deck: dict[str, Sequence[str | int | None]] = {
            "country": source.choices(
                countries, range(2, 2 + len(countries)), k=DECK_SIZE
            ),
            "os": source.choices(("android", "ios"), (3, 2), k=DECK_SIZE),
            "exchange_id": source.choices(
                EXCHANGES, range(1, 1 + len(EXCHANGES)), k=DECK_SIZE
            ),
        }
        delays = range(FINAL_AGE + 1)
        self._delays = source.choices(delays, DELAY_WEIGHTS, k=DECK_SIZE)
        # Not IDs but places among the creatives of whichever campaign.
        self._deck[CREATIVE] = source.choices(CREATIVE_PLACES, k=DECK_SIZE)
        self._hands: dict[tuple[tuple[str, ...], int], dict[Key, list[int]]] = {}

    def flight(self, campaign: Record) -> Flight:
        """Give what the numbers of a campaign depend on."""
        flight = _flight(
            self._seed,
            campaign["id"],
            campaign["created_at"],
            campaign["end_time"],
            campaign["creative_type"],
        )
        creatives = tuple(dict.fromkeys(campaign["creative_ids"])) or (None,)
        return replace(flight, creatives=creatives)

    def sums(
        self,
        flight: Flight,
        spans: Iterable[Span],
        events: Sequence[Event],
        breakdown: tuple[str, ...] = (),
    ) -> dict[Key, list[int]]:
        """Add up what a campaign achieved in some time.

        In a very small part there may be more installs than clicks: they are later.

        Args:
            flight: The campaign.
            spans: The time, each piece within one UTC day.
            events: What to count.
            breakdown: By what to break it down, of `BREAKDOWN`.

        Returns:
            The counts, in the order of `events`, by the values of the breakdown.
        """
        is_by_creative = CREATIVE in breakdown
        sums: dict[Key, list[int]] = {}
        undivided = [0] * len(events)
        for begin, end, age in spans:
            low, high = max(begin, flight.begin), min(end, flight.end)
            day = begin // MINUTES_A_DAY
            if low >= high or flight.is_paused(day):
                continue
            number, totals = _totals(flight, day, self._markets[day])
            midnight = day * MINUTES_A_DAY
            before, until = _SHARES[low - midnight], _SHARES[high - midnight]
            # Not always the first units of a deck, nor always rounded down.
            place, rounding = number % DECK_SIZE, number % _SHARES[-1]
            for column, event in enumerate(events):
                total = totals[event.place]
                first = (total * before + rounding) // _SHARES[-1]
                last = (total * until + rounding) // _SHARES[-1]
                seen = age if event.is_late and age < FINAL_AGE else FINAL_AGE
                if not breakdown and seen == FINAL_AGE:
                    undivided[column] += last - first
                    continue
                for each, hand in self._hands_of(breakdown, seen).items():
                    key = _with_creative(each, flight) if is_by_creative else each
                    row = sums.setdefault(key, [0] * len(events))
                    row[column] += _dealt(hand, place + last)
                    row[column] -= _dealt(hand, place + first)
        if any(undivided):
            row = sums.setdefault((), [0] * len(events))
            row[:] = map(add, row, undivided)
        return sums

    def _hands_of(self, breakdown: tuple[str, ...], age: int) -> dict[Key, list[int]]:
        """Tell who gets how many of the first 0, 1, ... `DECK_SIZE` cards.

        Those that are not reported at that age go to nobody.
        """
        known = breakdown, age
        if known not in self._hands:
            columns = [self._deck[name] for name in breakdown]
            keys: list[Key] = [
                tuple(column[place] for column in columns) for place in range(DECK_SIZE)
            ]
            reported = [delay <= age for delay in self._delays]
            self._hands[known] = {
                key: [
                    0,
                    *accumulate(
                        each == key and is_reported
                        for each, is_reported in zip(keys, reported, strict=True)
                    ),
                ]
                for key in dict.fromkeys(keys)
            }
        return self._hands[known]


def _with_creative(key: Key, flight: Flight) -> Key:
    """Put a creative of the campaign in for a place."""
    *others, place = key
    return *others, flight.creatives[cast("int", place) % len(flight.creatives)]


def _dealt(hand: list[int], units: int) -> int:
    """Count the units of a hand, the deck being dealt over and over."""
    rounds, rest = divmod(units, DECK_SIZE)
    return rounds * hand[DECK_SIZE] + hand[rest]


def _totals(flight: Flight, day: int, market: Market) -> tuple[int, tuple[int, ...]]:
    """Make a number for a day and its totals, in the order of `EVENTS`."""
    traffic, price, conversion = market
    digest = blake2b(b"%b%d" % (flight.key, day), digest_size=24).digest()
    number = int.from_bytes(digest, "big")
    impressions = flight.impressions * traffic * (512 + (number & 1023)) // (ONE * 1024)
    wins = impressions * (1100 + (number >> 10 & 127)) // 1024
    clicks = impressions * (5 + (number >> 20 & 15)) // 1024
    ct_installs = clicks * conversion * (20 + (number >> 30 & 127)) // (ONE * 1024)
    vt_installs = ct_installs * (number >> 40 & 127) // 256
    installs = ct_installs + vt_installs
    starts = impressions * (800 + (number >> 50 & 127)) // 1024 * flight.is_video
    return number >> 100, (
        wins * (4 + (number >> 60 & 7)),
        wins,
        impressions,
        clicks,
        ct_installs,
        vt_installs,
        installs * (400 + (number >> 70 & 511)) // 1024,
        impressions * price * (1_000 + (number >> 80 & 4095)) // ONE,
        installs * (500_000 + (number >> 85 & 0x1FFFFF)),
        starts,
        starts * 3 // 4,
        starts * 5 // 8,
        starts // 2,
        starts * 2 // 5,
    )
