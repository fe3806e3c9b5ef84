"""Generators of an advertiser's records other than campaigns.

Fields follow the documentation. Where a response is not documented, the generator's
docstring says what is made up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from tap_kayzen.sandbox.basics import EPOCH, NO_END, Record, chance, money, time_text
from tap_kayzen.sandbox.fixed_lists import EXCHANGES, OWN_KEY, TIME_ZONES

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

TITLES = ("Puzzle Isle", "Farm Café", "Fleet Duel", "Word Trail", "Runner Zoë")
TAGS = ("ua", "retargeting", "brand", "test")
NON_VIDEO_TYPES = ("img", "html", "native")
"""Values from Kayzen's help on macros: help.kayzen.io, article 3808313."""

BILLING_TYPES = ("cpm", "cpc", "cpi")
"""Pricing types of Kayzen's back end; we assume that campaigns use them."""

SIZES = ((320, 480), (480, 320), (300, 250))
VIDEO_EVENTS = (
    "start_tracking",
    "first_quartile_tracking",
    "midpoint_tracking",
    "third_quartile_tracking",
    "complete_tracking",
    "click_tracking",
)


@dataclass(frozen=True)
class Advertiser:
    """An advertiser and its records.

    Attributes:
        id: ID of the advertiser.
        ids: IDs of its records, by the names in `KINDS`.
        campaigns: Its campaigns.
    """

    id: int
    ids: Mapping[str, range]
    campaigns: list[Record]


# The functions below depend only on an ID: campaigns need facts about orders and
# creatives that are generated later or never.


def order_is_active(record_id: int) -> bool:
    """Return whether an order is active."""
    return record_id % 10 != 0


def creative_status(record_id: int) -> str:
    """Return the status of a creative."""
    return "running" if record_id % 3 else "paused"


def non_video_type(record_id: int) -> str:
    """Return the type of a creative, or of a campaign's creatives, without video."""
    # Divided by 3 so that types do not coincide with `creative_status`.
    return NON_VIDEO_TYPES[record_id // 3 % len(NON_VIDEO_TYPES)]


def billing_type(record_id: int) -> str | None:
    """Return the pricing type of a campaign; mostly None, as in the documentation."""
    return BILLING_TYPES[record_id % 3] if record_id % 5 == 0 else None


def asset_is_video(record_id: int) -> bool:
    """Return whether an asset file is a video, not an image."""
    return record_id % 2 == 1


def order(rng: random.Random, record_id: int, owner: Advertiser) -> Record:
    """Return an order.

    The attributes are documented, but the field names of budget caps, app, and website
    are made up. The objective is left out, as its values are not documented.
    """
    is_for_app = chance(rng, 0.8)
    promoted = rng.choice(owner.ids["app_objects" if is_for_app else "website_objects"])
    capped = chance(rng, 0.5)
    return {
        "id": record_id,
        "advertiser_id": owner.id,
        "name": f"{rng.choice(TITLES)} {record_id}",
        "is_active": order_is_active(record_id),
        "app_object_id": promoted if is_for_app else None,
        "website_object_id": None if is_for_app else promoted,
        "daily_budget_cap": money(rng, 100, 5_000),
        "total_budget_cap": money(rng, 10_000, 500_000),
        "impression_cap_count": rng.randint(1, 10) if capped else None,
        "impression_cap_days": rng.choice((1, 7, 999)) if capped else None,
    }


def creative(rng: random.Random, record_id: int, owner: Advertiser) -> Record:
    """Return a creative, with the attributes of the documented create call.

    HTML and native creatives are documented only by type; here they have no asset file.
    The values of `rewarded_type` are not documented, so it is always null.
    """
    start = EPOCH + timedelta(minutes=rng.randrange(3_000_000))
    assets = owner.ids["asset_files"]
    asset = rng.choice(assets)
    is_video = asset_is_video(asset)
    kind = "video" if is_video else non_video_type(record_id)
    has_end_card = is_video and chance(rng, 0.5)
    return {
        "id": record_id,
        "name": f"{rng.choice(TITLES)} {record_id}",
        "type": kind,
        "status": creative_status(record_id),
        "asset_file_id": asset if kind in {"video", "img"} else None,
        "end_card_id": rng.choice(assets) if has_end_card else None,
        "tracker_id": rng.choice(owner.ids["tracker_assets"]),
        "rewarded_type": None,
        "start_time": time_text(start),
        "end_time": time_text(start + timedelta(days=rng.randint(7, 400)))
        if chance(rng, 0.3)
        else NO_END,
    }


def asset_file(rng: random.Random, record_id: int, _owner: Advertiser) -> Record:
    """Return an asset file, with the documented fields.

    Not documented are `source`, always null here, and the unit of `duration`, here
    seconds.
    """
    is_video = asset_is_video(record_id)
    width, height = rng.choice(SIZES)
    return {
        "id": record_id,
        "url": f"https://assets.example.com/{record_id}.{'mp4' if is_video else 'png'}",
        "subtype": rng.choice(("vast_code", "vast_url", "upload"))
        if is_video
        else "upload",
        "source": None,
        "width": width,
        "height": height,
        "mime": "video/mp4" if is_video else "image/png",
        "duration": rng.choice((15, 30)) if is_video else None,
        "processing": {
            "type": "mk_compress" if is_video else "mk_screenshot",
            "status": rng.choice(("COMPRESSING", "COMPLETE", "COMPLETE", "ERROR")),
        },
    }


def tracker_asset(rng: random.Random, record_id: int, _owner: Advertiser) -> Record:
    """Return a tracker asset, with the documented fields."""
    base = f"https://track.example.com/{record_id}"
    tail = "?campaign={CAMPAIGN_ID}"
    is_for_video = chance(rng, 0.5)
    return {
        "id": record_id,
        "name": f"Tracker {record_id}",
        "click_url": f"{base}/click{tail}",
        "impression_urls": [
            f"{base}/impression/{index}{tail}" for index in range(rng.randint(0, 2))
        ],
        "s2s_url": f"{base}/s2s{tail}",
        **{
            f"video_{event}_url": f"{base}/{event}{tail}" if is_for_video else None
            for event in VIDEO_EVENTS
        },
    }


def app_list(rng: random.Random, record_id: int, owner: Advertiser) -> Record:
    """Return an app list, with the documented fields; every tenth is long.

    The value of an empty list is not documented; here it is an empty string.
    """
    low, high = (2_000, 5_000) if record_id % 10 == 0 else (0, 20)
    bundles, websites = (
        rng.sample(range(1_000_000), k=rng.randint(low, high)) for _ in range(2)
    )
    return {
        "id": record_id,
        "name": f"{rng.choice(TITLES)} {record_id}",
        "description": f"Apps and places for {rng.choice(TITLES)}",
        "placement_ids": ",".join(
            f"{rng.choice(EXCHANGES)}-{rng.getrandbits(40):x}"
            for _ in range(rng.randint(low, high))
        ),
        "app_bundles": ",".join(f"com.example.app{index}" for index in bundles),
        "websites": ",".join(f"site{index}.example.com" for index in websites),
        "has_associated_campaigns": any(
            record_id in (campaign.get(field) or ())
            for campaign in owner.campaigns
            for field in ("app_group_id_whitelist", "app_group_id_blacklist")
        ),
    }


def tag(_rng: random.Random, record_id: int, owner: Advertiser) -> Record:
    """Return a tag. Its fields are not documented; only ID and name are assumed."""
    return {"id": record_id, "name": TAGS[owner.ids["tags"].index(record_id)]}


def app_object(_rng: random.Random, record_id: int, owner: Advertiser) -> Record:
    """Return an app to promote: ID, name, and keys. Field names are made up."""
    return {
        "id": record_id,
        "name": TITLES[owner.ids["app_objects"].index(record_id)],
        "bundle": f"com.example.app{record_id}",
        "api_key": f"{OWN_KEY}-{record_id}",
        "postbacks": [
            {"event": "install", "settings": {"token": f"{OWN_KEY}-{record_id}"}}
        ],
    }


def website_object(_rng: random.Random, record_id: int, _owner: Advertiser) -> Record:
    """Return a website to promote: ID, name, and key. Field names are made up."""
    return {
        "id": record_id,
        "name": f"www{record_id}.example.com",
        "tracking": {"pixel": f"p{record_id}", "key": f"{OWN_KEY}-{record_id}"},
    }


def report(rng: random.Random, record_id: int, owner: Advertiser) -> Record:
    """Return a saved report, with the fields that a public client reads.

    The type is always 1. Fields of unknown values, such as the schedule, are null.
    """
    created = EPOCH + timedelta(minutes=rng.randrange(3_000_000))
    zone, zone_name = rng.choice(TIME_ZONES)
    return {
        "id": record_id,
        "advertiser_id": owner.id,
        "report_type_id": "1",
        "name": f"Report {record_id}",
        "start_date": f"{created:%Y-%m-%d}",
        "end_date": f"{created + timedelta(days=rng.randint(0, 90)):%Y-%m-%d}",
        "date_macro": None,
        "time_zone_id": zone,
        "time_zone_name": zone_name,
        "created_at": time_text(created),
        "report_schedule_frequency": None,
        "report_schedule_end_date": None,
        "report_schedule_recipients": None,
        "report_schedule_status": None,
        "report_schedule_flag_reason": None,
        "report_schedule_last_sent": None,
    }


def audience(_rng: random.Random, record_id: int, _owner: Advertiser) -> Record:
    """Return an audience, with the documented fields."""
    return {"id": record_id, "name": f"Audience_{record_id}"}
