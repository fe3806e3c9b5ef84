"""What all generators of the sandbox's data share."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import random

Record: TypeAlias = dict[str, Any]

EPOCH = datetime(2019, 1, 28, 12, 35, 31, tzinfo=timezone.utc)
"""Nothing that an advertiser has is older."""

NO_END = "2038-01-01T00:00:00.000Z"
"""The end of what has none, as Kayzen writes it."""


def time_text(moment: datetime) -> str:
    """Write a time as Kayzen does almost everywhere: UTC with milliseconds."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def time_of(text: str) -> datetime:
    """Read what `time_text` wrote."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def money(source: random.Random, low: int, high: int) -> float:
    """Draw an amount in dollars and cents, of at least `low` and at most `high`."""
    return source.randint(low * 100, high * 100) / 100


def chance(source: random.Random, probability: float) -> bool:
    """Draw whether something happens."""
    return source.random() < probability
