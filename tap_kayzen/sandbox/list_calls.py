"""The sandbox's list calls and the calls for single records and campaign parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from tap_kayzen.sandbox.data import Dataset
from tap_kayzen.sandbox.fixed_lists import LOOKUPS
from tap_kayzen.sandbox.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_kayzen.sandbox.basics import Record

LOOKUP_PER_PAGE = 25
"""Default page size of the /meta lists; documented."""

DEFAULT_PER_PAGE = 30
"""Default page size of the other lists; known for /reports, assumed for the rest."""

MAX_PER_PAGE = 100
"""Maximum page size; known for /reports, assumed for the other lists."""

AUDIENCES_PER_PAGE = 30
"""Page size of the audiences, whatever the request asks for; documented."""

ListCall: TypeAlias = "Callable[[Dataset, int], list[Record]]"


def _campaigns(dataset: Dataset, advertiser: int) -> list[Record]:
    return dataset.campaigns[advertiser]


def _campaign_lookup(dataset: Dataset, advertiser: int) -> list[Record]:
    """Return the lookup list: shorter records, likely but not documented."""
    return [
        {"id": campaign["id"], "name": campaign["name"]}
        for campaign in dataset.campaigns[advertiser]
    ]


def _of_advertiser(kind: str) -> ListCall:
    return lambda dataset, advertiser: dataset.lists(kind)[advertiser]


def _of_everybody(name: str) -> ListCall:
    return lambda dataset, _: dataset.lookups[name]


LISTS: dict[str, ListCall] = {
    "/v1/campaigns": _campaigns,
    "/v1/meta/campaigns": _campaign_lookup,
    # The audiences are on another host.
    **{f"/v1/{kind}": _of_advertiser(kind) for kind in KINDS if kind != "audiences"},
    **{f"/v1/meta/{name}": _of_everybody(name) for name in LOOKUPS},
}
"""The list calls: path, and the function that returns an advertiser's records.

To add one, add a generator and its line in `KINDS` or `LOOKUPS`.
"""

PRE_ENCODED = ("/v1/campaigns", "/v1/meta/campaigns")
"""The lists whose JSON can be encoded at startup: those that can be very long."""

FILTERS = {
    "/v1/meta/cities": {"country_ids[]": "country_id", "state_ids[]": "state_id"},
    "/v1/meta/states": {"country_id": "country_id"},
}
"""The documented filters of lists: parameter and field.

The notation for several values is not documented; this is the one of Rails.
"""

WITH_RECORDS = (
    "/v1/app_lists",
    "/v1/asset_files",
    "/v1/campaigns",
    "/v1/creatives",
    "/v1/orders",
    "/v1/reports",
    "/v1/tracker_assets",
)
"""The lists whose records can also be read one by one, by ID."""

CAMPAIGN_PARTS: dict[str, Callable[[Dataset, Record], Record]] = {
    "bid_multipliers": Dataset.bid_multipliers,
    "changelogs": Dataset.changelogs,
    "detail": Dataset.detail,
}
"""The calls below a campaign: last part of the path, and what makes the body."""
