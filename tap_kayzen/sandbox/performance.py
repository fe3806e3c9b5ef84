"""Performance of the campaigns, from which the sandbox's reports are computed.

The totals of a campaign and UTC day are a hash, scaled by the day's market. All are
integers, with money in millionths of a dollar. Reports divide totals exactly: the units
of a total, such as its clicks, are ordered by time, and each unit has a country, an
exchange, a creative, and a delay. Parts therefore always add up to the total, for any
breakdown and time zone.
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
from tap_kayzen.sandbox.periods import MINUTES_PER_DAY, minutes_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tap_kayzen.sandbox.basics import Record
    from tap_kayzen.sandbox.market import Market
    from tap_kayzen.sandbox.periods import Span

    Key: TypeAlias = tuple[str | int | None, ...]


class Event(NamedTuple):
    """A counted event, such as a click.

    Attributes:
        place: Position in the totals of a day.
        is_late: Whether some events are reported days after they happened.
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
"""All events; spend and revenue are counted in millionths of a dollar."""

FINAL_AGE_DAYS = 7
"""Days after which all events have been reported."""

HOUR_WEIGHTS = (
    *(22, 17, 14, 12, 12, 15, 22, 31, 39, 44, 47, 49),
    *(51, 51, 50, 50, 52, 56, 61, 66, 68, 65, 57, 41),
)
"""Distribution of events over the hours of a UTC day."""

_SHARES = (0, *accumulate(weight for weight in HOUR_WEIGHTS for _ in range(60)))
"""The same by minute, cumulative from midnight."""

CREATIVE = "creative_id"
BREAKDOWN = ("country", "os", "exchange_id", CREATIVE)
"""Dimensions within a campaign; the values of the last one depend on the campaign."""

DECK_SIZE = 1024
"""Number of units after which dimensions and delays repeat."""

CREATIVE_PLACES = range(12)
DELAY_WEIGHTS = (28, 12, 10, 9, 9, 9, 9, 14)
"""Distribution of late events over delays of 0 to 7 days."""

PAUSE_DAYS = 12
PAUSE_EVERY = 6


@dataclass(frozen=True)
class Flight:
    """The facts about a campaign that determine its performance.

    Attributes:
        key: Bytes to hash together with the day.
        begin: First minute.
        end: Minute after the last.
        impressions: Impressions on an average day.
        is_video: Whether the campaign has video events.
        pauses: Offset of the pauses in days; None without pauses.
        creatives: IDs of the creatives; ``(None,)`` without creatives.
    """

    key: bytes
    begin: int
    end: int
    impressions: int
    is_video: bool
    pauses: int | None
    creatives: tuple[int | None, ...] = ()

    def is_paused(self, day: int) -> bool:
        """Return whether the campaign is paused on a day."""
        if self.pauses is None:
            return False
        block = (day + self.pauses) // PAUSE_DAYS
        return (block * block + self.pauses) % PAUSE_EVERY == 0


@lru_cache(maxsize=16_384)
def _flight(seed: int, campaign_id: int, created: str, end: str, kind: str) -> Flight:
    key = f"{seed} {campaign_id} ".encode()
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
    """The performance of all campaigns, computed on demand."""

    def __init__(self, seed: int) -> None:
        """Prepare the random distributions.

        Args:
            seed: Seed of the random numbers.
        """
        self._seed = seed
        self._markets = Markets(seed)
        rng = random.Random(f"{seed} performance")  # noqa: S311
        countries = [None, *(code for _, code, _ in COUNTRIES)]
        self._deck: dict[str, Sequence[str | int | None]] = {
            "country": rng.choices(
                countries, range(2, 2 + len(countries)), k=DECK_SIZE
            ),
            "os": rng.choices(("android", "ios"), (3, 2), k=DECK_SIZE),
            "exchange_id": rng.choices(
                EXCHANGES, range(1, 1 + len(EXCHANGES)), k=DECK_SIZE
            ),
        }
        delays = range(FINAL_AGE_DAYS + 1)
        self._delays = rng.choices(delays, DELAY_WEIGHTS, k=DECK_SIZE)
        # Positions in the creatives of any campaign, not IDs.
        self._deck[CREATIVE] = rng.choices(CREATIVE_PLACES, k=DECK_SIZE)
        self._hands: dict[tuple[tuple[str, ...], int], dict[Key, list[int]]] = {}

    def flight(self, campaign: Record) -> Flight:
        """Return the facts that determine the performance of a campaign."""
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
        """Return the totals of a campaign over a period.

        A very small part may have more installs than clicks: installs happen later.

        Args:
            flight: The campaign.
            spans: The period, as spans that each lie within one UTC day.
            events: Events to count.
            breakdown: Dimensions in `BREAKDOWN`.

        Returns:
            Counts in the order of `events`, by the values of the breakdown.
        """
        is_by_creative = CREATIVE in breakdown
        sums: dict[Key, list[int]] = {}
        undivided = [0] * len(events)
        for begin, end, age in spans:
            low, high = max(begin, flight.begin), min(end, flight.end)
            day = begin // MINUTES_PER_DAY
            if low >= high or flight.is_paused(day):
                continue
            number, totals = _totals(flight, day, self._markets[day])
            midnight = day * MINUTES_PER_DAY
            before, until = _SHARES[low - midnight], _SHARES[high - midnight]
            # Start anywhere in the deck, and do not always round down.
            place, rounding = number % DECK_SIZE, number % _SHARES[-1]
            for column, event in enumerate(events):
                total = totals[event.place]
                first = (total * before + rounding) // _SHARES[-1]
                last = (total * until + rounding) // _SHARES[-1]
                seen = age if event.is_late and age < FINAL_AGE_DAYS else FINAL_AGE_DAYS
                if not breakdown and seen == FINAL_AGE_DAYS:
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
        """Return how many of the first 0 to `DECK_SIZE` units have each key.

        Units that are not yet reported at that age have no key.
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
    """Replace the position in a key with the ID of the campaign's creative."""
    *others, place = key
    return *others, flight.creatives[cast("int", place) % len(flight.creatives)]


def _dealt(hand: list[int], units: int) -> int:
    """Count the units of a key among the first `units`, as the deck repeats."""
    rounds, rest = divmod(units, DECK_SIZE)
    return rounds * hand[DECK_SIZE] + hand[rest]


def _totals(flight: Flight, day: int, market: Market) -> tuple[int, tuple[int, ...]]:
    """Return a hash of the day and the day's totals, in the order of `EVENTS`."""
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
