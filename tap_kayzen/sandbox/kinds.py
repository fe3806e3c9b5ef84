"""Kinds of records that an advertiser has, and how many of each."""

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
    """A kind of record that advertisers have.

    Attributes:
        first: The first number; some are those of samples in the documentation.
        generate: Makes one record.
        count: How many an advertiser has, or
        campaigns_each: for how many campaigns it has one.
    """

    first: int
    generate: Callable[[random.Random, int, Advertiser], Record]
    count: int = 0
    campaigns_each: int = 1

    def how_many(self, campaigns: int) -> int:
        """Say how many there are beside so many campaigns."""
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
"""Everything that advertisers have beside campaigns, by the last part of its path."""


def advertisers_of(campaigns: Mapping[int, int]) -> list[Advertiser]:
    """Hand out the numbers of all records, none of them twice.

    Args:
        campaigns: How many campaigns each advertiser is going to have.
    """
    free = {name: kind.first for name, kind in KINDS.items()}
    result = []
    for advertiser, wanted in campaigns.items():
        numbers = {}
        for name, kind in KINDS.items():
            numbers[name] = range(free[name], free[name] + kind.how_many(wanted))
            free[name] = numbers[name].stop
        result.append(Advertiser(advertiser, numbers, []))
    return result
