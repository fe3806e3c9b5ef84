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
"""Page size of the audiences, regardless of `per_page`; documented."""

ListCall: TypeAlias = "Callable[[Dataset, int], list[Record]]"


def _campaigns(dataset: Dataset, advertiser: int) -> list[Record]:
    return dataset.campaigns[advertiser]


def _campaign_lookup(dataset: Dataset, advertiser: int) -> list[Record]:
    """Return shorter records; probable, but not documented."""
    return [
        {"id": campaign["id"], "name": campaign["name"]}
        for campaign in dataset.campaigns[advertiser]
    ]


def _advertiser_list(kind: str) -> ListCall:
    return lambda dataset, advertiser: dataset.lists(kind)[advertiser]


def _lookup_list(name: str) -> ListCall:
    return lambda dataset, _: dataset.lookups[name]


LISTS: dict[str, ListCall] = {
    "/v1/campaigns": _campaigns,
    "/v1/meta/campaigns": _campaign_lookup,
    # Kayzen serves the audiences from another host.
    **{f"/v1/{kind}": _advertiser_list(kind) for kind in KINDS if kind != "audiences"},
    **{f"/v1/meta/{name}": _lookup_list(name) for name in LOOKUPS},
}
"""The list calls, by path; values return an advertiser's records.

To add a list, write a generator and add it to `KINDS` or `LOOKUPS`.
"""

PRE_ENCODED = ("/v1/campaigns", "/v1/meta/campaigns")
"""Lists that can be encoded at startup, because they can be very long."""

FILTERS = {
    "/v1/meta/cities": {"country_ids[]": "country_id", "state_ids[]": "state_id"},
    "/v1/meta/states": {"country_id": "country_id"},
}
"""The documented filters of lists, by path: ``{parameter: field}``.

The notation for several values is not documented; ``[]`` is that of Rails.
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
"""Lists with a call for a single record, by ID."""

CAMPAIGN_PARTS: dict[str, Callable[[Dataset, Record], Record]] = {
    "bid_multipliers": Dataset.bid_multipliers,
    "changelogs": Dataset.changelogs,
    "detail": Dataset.detail,
}
"""The calls below a campaign, by the last part of the path."""
