"""Kinds of an advertiser's records, with IDs and counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_kayzen.sandbox.generators import (
    TAGS,
    TITLES,
    Advertiser,
    app_list,
    app_object,
    asset_file,
    audience,
    creative,
    order,
    report,
    tag,
    tracker_asset,
    website_object,
)

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

    from tap_kayzen.sandbox.basics import Record


@dataclass(frozen=True)
class Kind:
    """A kind of record.

    Attributes:
        first_id: First ID; some are from examples in the documentation.
        generate: Generates a record.
        count: Number of records per advertiser; 0 if it depends on the campaigns.
        campaigns_each: Number of campaigns per record if `count` is 0.
    """

    first_id: int
    generate: Callable[[random.Random, int, Advertiser], Record]
    count: int = 0
    campaigns_each: int = 1

    def count_for(self, campaigns: int) -> int:
        """Return the number of records of an advertiser with this many campaigns."""
        return self.count or -(-campaigns // self.campaigns_each)


KINDS = {
    "app_lists": Kind(9101, app_list, count=20),
    "app_objects": Kind(3001, app_object, count=len(TITLES)),
    "asset_files": Kind(21_001, asset_file, campaigns_each=5),
    "audiences": Kind(50_451, audience, count=40),
    "creatives": Kind(500_001, creative, campaigns_each=2),
    "orders": Kind(41_001, order, campaigns_each=10),
    "reports": Kind(866_803, report, count=40),
    "tags": Kind(501, tag, count=len(TAGS)),
    "tracker_assets": Kind(1234, tracker_asset, campaigns_each=20),
    "website_objects": Kind(6001, website_object, count=3),
}
"""All kinds except campaigns, by the last part of their paths."""


def advertisers_of(campaigns: Mapping[int, int]) -> list[Advertiser]:
    """Return advertisers, with unique IDs for all of their records.

    Args:
        campaigns: Number of campaigns of each advertiser, by its ID.
    """
    next_ids = {name: kind.first_id for name, kind in KINDS.items()}
    result = []
    for advertiser, count in campaigns.items():
        ids = {}
        for name, kind in KINDS.items():
            first = next_ids[name]
            ids[name] = range(first, first + kind.count_for(count))
            next_ids[name] = ids[name].stop
        result.append(Advertiser(advertiser, ids, []))
    return result
