"""The sandbox's data: made from a seed, the same on every machine."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone
from typing import Any, TypeAlias

Record: TypeAlias = dict[str, Any]

DEFAULT_ADVERTISER = 108993
"""The advertiser of the API key; that of a sample in Kayzen's documentation."""

FIRST_CAMPAIGN = 135000
EPOCH = datetime(2019, 1, 28, 12, 35, 31, tzinfo=timezone.utc)
NO_END = "2038-01-01T00:00:00.000Z"
MARKETS = ("US", "DE", "BR", "JP", "IN", "TR", "GB", "KR")
TITLES = ("Puzzle Isle", "Farm Café", "Fleet Duel", "Word Trail", "Runner Zoë")


class Dataset:
    """What one sandbox holds.

    Attributes:
        campaigns: The campaigns of each advertiser, in the order of the list calls.
    """

    def __init__(self, *, campaigns: int, seed: int, advertisers: int = 3) -> None:
        """Make the data.

        Args:
            campaigns: Campaigns of the default advertiser; each further one has a
                tenth of that.
            seed: Where the random numbers start.
            advertisers: Advertisers that the login may read, the default one
                included; their numbers follow one another.
        """
        source = random.Random(seed)  # noqa: S311
        self.campaigns: dict[int, list[Record]] = {}
        number = FIRST_CAMPAIGN
        for index in range(advertisers):
            wanted = campaigns if index == 0 else campaigns // 10
            mine = self.campaigns.setdefault(DEFAULT_ADVERTISER + index, [])
            for _ in range(wanted):
                number += source.randint(1, 9)
                mine.append(_campaign(source, number))

    def delete_campaign(self, number: int) -> bool:
        """Remove a campaign from whichever advertiser has it.

        Returns:
            Whether there was one.
        """
        for campaigns in self.campaigns.values():
            for campaign in campaigns:
                if campaign["id"] == number:
                    campaigns.remove(campaign)
                    return True
        return False


def _time(moment: datetime) -> str:
    """Write a time as Kayzen does: UTC with milliseconds."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def _cents(source: random.Random, low: int, high: int) -> float:
    return source.randint(low * 100, high * 100) / 100


def _campaign(source: random.Random, number: int) -> Record:
    """Make one campaign with the documented fields, in the documented order."""
    created = EPOCH + timedelta(milliseconds=source.randrange(200_000_000_000))
    start = created + timedelta(hours=source.randint(1, 96))
    ends = source.random() < 0.3  # noqa: PLR2004
    status = source.choice(("paused", "running"))
    creatives = [source.randint(10_000, 500_000) for _ in range(source.randint(0, 6))]
    capped = source.random() < 0.2  # noqa: PLR2004
    name = f"{source.choice(TITLES)}_{source.choice(MARKETS)}_{source.randint(1, 99)}"
    return {
        "id": number,
        "name": name,
        "status": status,
        "detail_id": number + 7,
        "is_active": status == "running",
        "order_active": source.random() < 0.9,  # noqa: PLR2004
        "has_running_creatives": bool(creatives) and status == "running",
        "creative_statuses": [source.choice(("paused", "running")) for _ in creatives],
        "exchange_statuses": ["approved" for _ in range(source.randint(0, 12))],
        "start_time": _time(start),
        "end_time": _time(start + timedelta(days=source.randint(7, 400)))
        if ends
        else NO_END,
        "cap_type": "budget" if capped else "none",
        "budget_cap_amount": source.randint(50, 5_000) if capped else None,
        "budget_cap_interval": "day" if capped else None,
        "objective_cap_amount": None,
        "objective_cap_interval": None,
        "cloned_from": source.choice((0, 0, 0, FIRST_CAMPAIGN)),
        "creative_type": source.choice(("javascript", "video", "image")),
        "billing_type": None,
        "billing_price": 0.0,
        "creative_ids": creatives,
        "updated_at": _time(created + timedelta(hours=source.randint(0, 9_000))),
        "created_at": _time(created),
        "tags": source.sample(("ua", "retargeting", "brand", "test"), k=2)
        if source.random() < 0.5  # noqa: PLR2004
        else [],
        "bid_multipliers_enabled": source.random() < 0.4,  # noqa: PLR2004
        "skan_enabled": source.random() < 0.3,  # noqa: PLR2004
        "app_group_id_whitelist": None,
        "app_group_id_blacklist": None,
        "total_budget": source.randint(1, 200) * 500,
        "target_bid": _cents(source, 0, 300),
        "day_budget": source.randint(1, 80) * 25,
    }
