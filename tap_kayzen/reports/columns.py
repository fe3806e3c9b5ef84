"""The columns of reports: every documented metric and dimension in one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_kayzen.reading.keys import KEY
from tap_kayzen.records.converter import EXTRA

if TYPE_CHECKING:
    from collections.abc import Mapping

DAY = "day"

DOLLARS = "US dollars"
FRACTION = "fraction from 0 to 1"
NOT_ADDITIVE = "Must not be summed over rows."


@dataclass(frozen=True)
class Column:
    """A metric or dimension.

    Attributes:
        type: Its JSON Schema type.
        text: What it is.
        unit: What its numbers count, if the text does not say it.
        format: The JSON Schema format, if there is one.
    """

    type: str
    text: str
    unit: str = ""
    format: str = ""

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the column, which may be null."""
        unit = f" Unit: {self.unit}." if self.unit else ""
        form = {"format": self.format} if self.format else {}
        return {
            "type": [self.type, "null"],
            **form,
            "description": f"{self.text}{unit}",
        }


def _count(text: str, unit: str = "") -> Column:
    return Column("integer", text, unit)


def _rate(text: str, unit: str = FRACTION) -> Column:
    return Column("number", f"{text} {NOT_ADDITIVE}", unit)


def _name(text: str) -> Column:
    return Column("string", text)


def _video(part: str) -> Column:
    return _count(f"Videos that were played {part}.")


METRICS: Mapping[str, Column] = {
    "wins": _count("Auctions won."),
    "impressions": _count("Ad impressions served."),
    "clicks": _count("Clicks."),
    "conversions": _count(
        "Conversions, as the `conversion_object` of the request defines them. "
        "Restated for some days."
    ),
    "unique_users_v2": _count(f"Unique devices. {NOT_ADDITIVE}"),
    "unique_users": _count(
        f"Unique users who did the conversion action; of older documentation. "
        f"{NOT_ADDITIVE}"
    ),
    "new_uniques": _count(
        f"Estimated new unique devices within a rolling 90 days. {NOT_ADDITIVE}"
    ),
    "ct_installs": _count("Click-through installs; deprecated by Kayzen."),
    "vt_installs": _count("View-through installs; deprecated by Kayzen."),
    "installs": _count(
        "Installs, by the attribution source (Kayzen's default: mmp) and type "
        "(Kayzen's default: Total) of the request. Restated for some days."
    ),
    "win_rate": _rate("Auctions won of those bid for."),
    "ctr": _rate("Clicks per impression."),
    "conversion_rate": _rate("Installs per click."),
    "ipm": _rate("Installs per 1,000 impressions.", ""),
    "video_start": _video("from the start"),
    "video_first_quartile": _video("to the first quarter"),
    "video_midpoint": _video("to the middle"),
    "video_third_quartile": _video("to the third quarter"),
    "video_complete": _video("to the end"),
    "advertiser_ecpm": _rate("Cost per 1,000 impressions.", DOLLARS),
    "advertiser_ecpc": _rate("Cost per click.", DOLLARS),
    "advertiser_ecpi": _rate("Cost per install.", DOLLARS),
    "advertiser_ecpa": _rate("Cost per conversion.", DOLLARS),
    "advertiser_spend": Column("number", "Cost to the advertiser.", DOLLARS),
    "revenue_ltv": Column(
        "number", "Total revenue generated. Restated for some days.", DOLLARS
    ),
}
"""The documented metrics (docs/kayzen-api.md#metrics); types are inferred."""

DIMENSIONS: Mapping[str, Column] = {
    DAY: Column("string", "Day, in the report's time zone.", format="date"),
    "hour": _name("Hour, in the report's time zone, as Kayzen writes it."),
    "week": _name("Week, in the report's time zone, as Kayzen writes it."),
    "month": _name("Month, in the report's time zone, as Kayzen writes it."),
    "advertiser_id": _count("Kayzen's number of the advertiser."),
    "advertiser_name": _name("Name of the advertiser."),
    "order_id": _count("Kayzen's number of the order."),
    "order_name": _name("Name of the order."),
    "campaign_id": _count("Kayzen's number of the campaign."),
    "campaign_name": _name("Name of the campaign."),
    "creative_id": _count("Kayzen's number of the creative."),
    "creative_name": _name("Name of the creative."),
    "creative_type": _name("Kind of the creative."),
    "exchange_id": _count("Kayzen's number of the ad exchange."),
    "exchange_name": _name("Name of the ad exchange."),
    "country": _name("Country of the device."),
    "state": _name("State or province of the device."),
    "city": _name("City of the device."),
    "os": _name("Operating system of the device."),
    "app_bundle": _name("Bundle of the app in which the ad was shown."),
    "app_name": _name("Name of the app in which the ad was shown."),
    "placement_id": _name("Place in the app or site where the ad was shown."),
    "connection_type": _name("How the device was connected."),
    "auction_type": _name("Kind of the auction."),
    "device": _name("Device."),
    "tag": _name("Tag of the campaign."),
    "app_object_id": _count("Kayzen's number of the app that is promoted."),
    "is_rewarded": _name("Whether the ad was shown for a reward, as Kayzen writes it."),
}
"""The dimensions known or very likely (docs/kayzen-api.md#dimensions)."""

OWN_ADVERTISER = Column(
    "integer",
    "Advertiser of the row; where Kayzen does not say it, the one that the report was "
    "read for; null if that is the API key's own.",
)

RANGE = {
    "range_start": Column("string", "First day that was asked for.", format="date"),
    "range_end": Column("string", "Last day that was asked for.", format="date"),
}
"""Columns of reports without a day, whose rows speak of a whole range."""

_EXTRA = Column(
    "object",
    "Fields that Kayzen sent beyond these columns, and values that a column's type "
    "cannot hold, under their names.",
)


def schema(description: str, key: str, columns: Mapping[str, Column]) -> dict[str, Any]:
    """Make the JSON Schema of a stream of report rows.

    Args:
        description: What the stream is.
        key: What the column `KEY` is made of, in words.
        columns: The other columns, `EXTRA` aside.
    """
    identity = {
        "type": "string",
        "description": f"Tells the rows apart: a hash of {key}.",
    }
    return {
        "type": "object",
        "description": description,
        "required": [KEY],
        "properties": {
            KEY: identity,
            **{name: column.schema for name, column in columns.items()},
            EXTRA: _EXTRA.schema,
        },
    }


def names_by_id(names: list[str]) -> set[str]:
    """Find the names of things whose number is among the columns too.

    They say nothing more about which row it is, and they change.
    """
    return {
        name
        for name in names
        if name.endswith("_name") and f"{name.removesuffix('_name')}_id" in names
    }
