"""What belongs to one campaign: made when it is asked for, the same every time."""

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
    "app_id": [str(number) for number in fixed_lists.APPS],
    "city_id": [str(city["id"]) for city in fixed_lists.cities()],
    "connection_type": ["cellular"],
    "country_id": [str(number) for number, *_ in fixed_lists.COUNTRIES],
    "exchange_id": [str(number) for number in fixed_lists.EXCHANGES],
    "has_device_id": ["0", "1"],
    "rewarded_ad": ["0", "1"],
    "state_id": [str(number) for number, *_ in fixed_lists.STATES],
}
"""Keys by type. Those of the type auction_type are not known; it is left out."""

MAX_MULTIPLIERS = 20
"""Multipliers of one type, at most; documented."""

MOST_CHANGES = 8
NUMBERS_A_CAMPAIGN = 100
"""Numbers of log entries that each campaign has for itself."""

USERS = ("ana@example.com", "bo@example.com", "cem@example.com")


def detail(source: random.Random, campaign: Record) -> Record:
    """Make the details of a campaign, a bare object.

    Nothing is known of it but that there are such things as targeting and creatives:
    all names in here are made up.
    """
    countries = sorted(
        number for number, *_ in source.sample(fixed_lists.COUNTRIES, k=2)
    )
    return {
        "id": campaign["detail_id"],
        "targeting": {
            "country_ids": countries,
            "exchange_ids": sorted(source.sample(fixed_lists.EXCHANGES, k=3)),
        },
        "creatives": _creatives(campaign),
    }


def bid_multipliers(source: random.Random, campaign: Record) -> Record:
    """Make the bid multipliers of a campaign, in the body of the documented PUT call.

    Whether a campaign keeps them when they are disabled is not known; here it does.
    """
    created = time_of(campaign["created_at"])
    multipliers = []
    for kind in source.sample(sorted(MULTIPLIER_KEYS), k=source.randint(0, 3)):
        keys = MULTIPLIER_KEYS[kind]
        most = min(len(keys), MAX_MULTIPLIERS)
        for key in source.sample(keys, k=source.randint(1, most)):
            multiplier: Record = {
                "type": kind,
                "key_name": key,
                "multiplier": source.randint(1, 50) / 10,
            }
            if chance(source, 0.2):
                expiry = created + timedelta(minutes=source.randrange(1_000_000))
                multiplier["expiry_date"] = f"{expiry:%Y-%m-%d %H:%M:%S} UTC"
            multipliers.append(multiplier)
    return {
        "bid_multipliers_enabled": campaign["bid_multipliers_enabled"],
        "bid_multipliers": multipliers,
    }


def changelogs(source: random.Random, campaign: Record) -> Record:
    """Make the change log of a campaign, oldest entry first.

    Its paging is not known, so there is no `meta` and no page. Order and actions are
    not known either.
    """
    created = time_of(campaign["created_at"])
    age = time_of(campaign["updated_at"]) - created
    moments = sorted(
        created + age * source.random() for _ in range(source.randint(0, MOST_CHANGES))
    )
    budgets = [source.randint(1, 80) * 25 for _ in moments] + [campaign["day_budget"]]
    rows = []
    for index, moment in enumerate(moments):
        changes: Record = {
            "day_budget": {"old": budgets[index], "new": budgets[index + 1]}
        }
        if chance(source, 0.3):
            changes["creatives"] = {"old": [], "new": _creatives(campaign)}
        rows.append(
            {
                "id": campaign["id"] * NUMBERS_A_CAMPAIGN + index,
                "loggable_id": campaign["id"],
                "action": "update",
                "username": source.choice(USERS),
                "loggable_updated_at": time_text(moment),
                "data_diff": changes,
            }
        )
    return {"data": rows}


def _creatives(campaign: Record) -> list[Record]:
    return [
        {"id": number, "status": creative_status(number)}
        for number in dict.fromkeys(campaign["creative_ids"])
    ]
