"""Generators of the parts of a campaign, such as its bid multipliers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tap_kayzen.sandbox import fixed_lists
from tap_kayzen.sandbox.basics import Record, chance, time_of, time_text
from tap_kayzen.sandbox.generators import creative_status

if TYPE_CHECKING:
    import random

MULTIPLIER_KEYS = {
    "app_bundle": [f"com.example.app{index}" for index in range(40)],
    "app_id": [str(record_id) for record_id in fixed_lists.APPS],
    "city_id": [str(city["id"]) for city in fixed_lists.cities()],
    "connection_type": ["cellular"],
    "country_id": [str(record_id) for record_id, *_ in fixed_lists.COUNTRIES],
    "exchange_id": [str(record_id) for record_id in fixed_lists.EXCHANGES],
    "has_device_id": ["0", "1"],
    "rewarded_ad": ["0", "1"],
    "state_id": [str(record_id) for record_id, *_ in fixed_lists.STATES],
}
"""Keys by type; auction_type is left out, as its keys are not documented."""

MAX_MULTIPLIERS = 20
"""Maximum number of multipliers of one type; documented."""

MAX_CHANGES = 8
CHANGE_IDS_PER_CAMPAIGN = 100
"""Size of each campaign's own range of changelog IDs."""

USERS = ("ana@example.com", "bo@example.com", "cem@example.com")


def detail(rng: random.Random, campaign: Record) -> Record:
    """Return the details of a campaign.

    The documentation only mentions targeting and creatives, so all field names are made
    up.
    """
    countries = sorted(
        record_id for record_id, *_ in rng.sample(fixed_lists.COUNTRIES, k=2)
    )
    return {
        "id": campaign["detail_id"],
        "targeting": {
            "country_ids": countries,
            "exchange_ids": sorted(rng.sample(fixed_lists.EXCHANGES, k=3)),
        },
        "creatives": _creatives(campaign),
    }


def bid_multipliers(rng: random.Random, campaign: Record) -> Record:
    """Return the bid multipliers of a campaign, in the format of the PUT call.

    Whether Kayzen keeps disabled multipliers is not documented; the sandbox does.
    """
    created = time_of(campaign["created_at"])
    multipliers = []
    for kind in rng.sample(sorted(MULTIPLIER_KEYS), k=rng.randint(0, 3)):
        keys = MULTIPLIER_KEYS[kind]
        max_count = min(len(keys), MAX_MULTIPLIERS)
        for key in rng.sample(keys, k=rng.randint(1, max_count)):
            multiplier: Record = {
                "type": kind,
                "key_name": key,
                "multiplier": rng.randint(1, 50) / 10,
            }
            if chance(rng, 0.2):
                expiry = created + timedelta(minutes=rng.randrange(1_000_000))
                multiplier["expiry_date"] = f"{expiry:%Y-%m-%d %H:%M:%S} UTC"
            multipliers.append(multiplier)
    return {
        "bid_multipliers_enabled": campaign["bid_multipliers_enabled"],
        "bid_multipliers": multipliers,
    }


def changelogs(rng: random.Random, campaign: Record) -> Record:
    """Return the changelog of a campaign, oldest change first.

    Paging, order, and actions are not documented: the response has all rows, without
    `meta`, and "update" is the only action.
    """
    created = time_of(campaign["created_at"])
    age = time_of(campaign["updated_at"]) - created
    moments = sorted(
        created + age * rng.random() for _ in range(rng.randint(0, MAX_CHANGES))
    )
    budgets = [rng.randint(1, 80) * 25 for _ in moments] + [campaign["day_budget"]]
    rows = []
    for index, moment in enumerate(moments):
        changes: Record = {
            "day_budget": {"old": budgets[index], "new": budgets[index + 1]}
        }
        if chance(rng, 0.3):
            changes["creatives"] = {"old": [], "new": _creatives(campaign)}
        rows.append(
            {
                "id": campaign["id"] * CHANGE_IDS_PER_CAMPAIGN + index,
                "loggable_id": campaign["id"],
                "action": "update",
                "username": rng.choice(USERS),
                "loggable_updated_at": time_text(moment),
                "data_diff": changes,
            }
        )
    return {"data": rows}


def _creatives(campaign: Record) -> list[Record]:
    return [
        {"id": creative_id, "status": creative_status(creative_id)}
        for creative_id in dict.fromkeys(campaign["creative_ids"])
    ]
