"""What an advertiser has beside its campaigns: one generator a kind of record.

Fields are those of the documentation, where there are any. Where the documentation
has no answer to show, each generator says what it made up.
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
TYPES_BESIDE_VIDEO = ("img", "html", "native")
"""As Kayzen's help on macros writes them: help.kayzen.io, article 3808313."""

BILLING_TYPES = ("cpm", "cpc", "cpi")
"""Pricing types of Kayzen's back end; that campaigns use them is inferred."""

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
    """An advertiser and what it has.

    Attributes:
        id: Its number.
        numbers: The numbers of its records, by the kinds of `KINDS`.
        campaigns: Its campaigns.
    """

    id: int
    numbers: Mapping[str, range]
    campaigns: list[Record]


# These follow from the number alone: a campaign tells them of its order and its
# creatives, which are made later or never.


def order_is_active(number: int) -> bool:
    """Tell whether an order is switched on."""
    return number % 10 != 0


def creative_status(number: int) -> str:
    """Tell the state of a creative."""
    return "running" if number % 3 else "paused"


def type_beside_video(number: int) -> str:
    """Return the type of a creative, or of a campaign's creatives, without a video."""
    # By threes, since the state of a creative changes with each number.
    return TYPES_BESIDE_VIDEO[number // 3 % len(TYPES_BESIDE_VIDEO)]


def billing_type(number: int) -> str | None:
    """Return the pricing type of a campaign, mostly None as in a documented sample."""
    return BILLING_TYPES[number % 3] if number % 5 == 0 else None


def asset_is_video(number: int) -> bool:
    """Tell whether an asset file is a video rather than an image."""
    return number % 2 == 1


def order(source: random.Random, number: int, owner: Advertiser) -> Record:
    """Make an order.

    The attributes are documented. The names of the budget caps and of what is promoted
    are not, and are made up; the objective is left out, as its values are not known.
    """
    is_for_app = chance(source, 0.8)
    promoted = source.choice(
        owner.numbers["app_objects" if is_for_app else "website_objects"]
    )
    capped = chance(source, 0.5)
    return {
        "id": number,
        "advertiser_id": owner.id,
        "name": f"{source.choice(TITLES)} {number}",
        "is_active": order_is_active(number),
        "app_object_id": promoted if is_for_app else None,
        "website_object_id": None if is_for_app else promoted,
        "daily_budget_cap": money(source, 100, 5_000),
        "total_budget_cap": money(source, 10_000, 500_000),
        "impression_cap_count": source.randint(1, 10) if capped else None,
        "impression_cap_days": source.choice((1, 7, 999)) if capped else None,
    }


def creative(source: random.Random, number: int, owner: Advertiser) -> Record:
    """Make a creative, with the attributes of the documented create call.

    Of HTML and native creatives only the type is known: they have no asset file here.
    The values of `rewarded_type` are not known: it is always null.
    """
    start = EPOCH + timedelta(minutes=source.randrange(3_000_000))
    assets = owner.numbers["asset_files"]
    asset = source.choice(assets)
    is_video = asset_is_video(asset)
    kind = "video" if is_video else type_beside_video(number)
    has_end_card = is_video and chance(source, 0.5)
    return {
        "id": number,
        "name": f"{source.choice(TITLES)} {number}",
        "type": kind,
        "status": creative_status(number),
        "asset_file_id": asset if kind in {"video", "img"} else None,
        "end_card_id": source.choice(assets) if has_end_card else None,
        "tracker_id": source.choice(owner.numbers["tracker_assets"]),
        "rewarded_type": None,
        "start_time": time_text(start),
        "end_time": time_text(start + timedelta(days=source.randint(7, 400)))
        if chance(source, 0.3)
        else NO_END,
    }


def asset_file(source: random.Random, number: int, _owner: Advertiser) -> Record:
    """Make an asset file with the documented fields.

    The meaning of `source` and the unit of `duration` are not known: null, and seconds.
    """
    is_video = asset_is_video(number)
    width, height = source.choice(SIZES)
    return {
        "id": number,
        "url": f"https://assets.example.com/{number}.{'mp4' if is_video else 'png'}",
        "subtype": source.choice(("vast_code", "vast_url", "upload"))
        if is_video
        else "upload",
        "source": None,
        "width": width,
        "height": height,
        "mime": "video/mp4" if is_video else "image/png",
        "duration": source.choice((15, 30)) if is_video else None,
        "processing": {
            "type": "mk_compress" if is_video else "mk_screenshot",
            "status": source.choice(("COMPRESSING", "COMPLETE", "COMPLETE", "ERROR")),
        },
    }


def tracker_asset(source: random.Random, number: int, _owner: Advertiser) -> Record:
    """Make a tracker asset with the documented fields."""
    base = f"https://track.example.com/{number}"
    tail = "?campaign={CAMPAIGN_ID}"
    is_for_video = chance(source, 0.5)
    return {
        "id": number,
        "name": f"Tracker {number}",
        "click_url": f"{base}/click{tail}",
        "impression_urls": [
            f"{base}/impression/{index}{tail}" for index in range(source.randint(0, 2))
        ],
        "s2s_url": f"{base}/s2s{tail}",
        **{
            f"video_{event}_url": f"{base}/{event}{tail}" if is_for_video else None
            for event in VIDEO_EVENTS
        },
    }


def app_list(source: random.Random, number: int, owner: Advertiser) -> Record:
    """Make an app list with the documented fields; each tenth is a long one.

    What an empty list looks like is not known: here it is an empty text.
    """
    least, most = (2_000, 5_000) if number % 10 == 0 else (0, 20)
    bundles, websites = (
        source.sample(range(1_000_000), k=source.randint(least, most)) for _ in range(2)
    )
    return {
        "id": number,
        "name": f"{source.choice(TITLES)} {number}",
        "description": f"Apps and places for {source.choice(TITLES)}",
        "placement_ids": ",".join(
            f"{source.choice(EXCHANGES)}-{source.getrandbits(40):x}"
            for _ in range(source.randint(least, most))
        ),
        "app_bundles": ",".join(f"com.example.app{index}" for index in bundles),
        "websites": ",".join(f"site{index}.example.com" for index in websites),
        "has_associated_campaigns": any(
            number in (campaign.get(field) or ())
            for campaign in owner.campaigns
            for field in ("app_group_id_whitelist", "app_group_id_blacklist")
        ),
    }


def tag(_source: random.Random, number: int, owner: Advertiser) -> Record:
    """Make a tag: the fields are not known, so there is just a number and a name."""
    return {"id": number, "name": TAGS[owner.numbers["tags"].index(number)]}


def app_object(_source: random.Random, number: int, owner: Advertiser) -> Record:
    """Make an app to promote: ID, name, and keys. Field names are made up."""
    return {
        "id": number,
        "name": TITLES[owner.numbers["app_objects"].index(number)],
        "bundle": f"com.example.app{number}",
        "api_key": f"{OWN_KEY}-{number}",
        "postbacks": [
            {"event": "install", "settings": {"token": f"{OWN_KEY}-{number}"}}
        ],
    }


def website_object(_source: random.Random, number: int, _owner: Advertiser) -> Record:
    """Make a website to promote: ID, name, and key. Field names are made up."""
    return {
        "id": number,
        "name": f"www{number}.example.com",
        "tracking": {"pixel": f"p{number}", "key": f"{OWN_KEY}-{number}"},
    }


def report(source: random.Random, number: int, owner: Advertiser) -> Record:
    """Make a saved report with the fields that a public client reads.

    The kind is always 1. Fields whose values are not known, those of the schedule among
    them, are null.
    """
    created = EPOCH + timedelta(minutes=source.randrange(3_000_000))
    zone, zone_name = source.choice(TIME_ZONES)
    return {
        "id": number,
        "advertiser_id": owner.id,
        "report_type_id": "1",
        "name": f"Report {number}",
        "start_date": f"{created:%Y-%m-%d}",
        "end_date": f"{created + timedelta(days=source.randint(0, 90)):%Y-%m-%d}",
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


def audience(_source: random.Random, number: int, _owner: Advertiser) -> Record:
    """Make an audience with the documented fields."""
    return {"id": number, "name": f"Audience_{number}"}
