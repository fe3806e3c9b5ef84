"""Helpers for the generators of the sandbox's data."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import random

Record: TypeAlias = dict[str, Any]

EPOCH = datetime(2019, 1, 28, 12, 35, 31, tzinfo=timezone.utc)
"""Earliest creation time of any record."""

NO_END = "2038-01-01T00:00:00.000Z"
"""The `end_time` of Kayzen's records without an end."""


def time_text(moment: datetime) -> str:
    """Format a time as most of Kayzen's fields do: UTC with milliseconds."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def time_of(text: str) -> datetime:
    """Parse a time formatted by `time_text`."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def money(rng: random.Random, low: int, high: int) -> float:
    """Return a random amount from `low` to `high` dollars, with cents."""
    return rng.randint(low * 100, high * 100) / 100


def chance(rng: random.Random, probability: float) -> bool:
    """Return True with a given probability."""
    return rng.random() < probability
