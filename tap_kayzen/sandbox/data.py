"""The sandbox's data: made from a seed, the same on every machine."""

from __future__ import annotations

import random
from bisect import bisect_left
from datetime import timedelta
from operator import itemgetter
from typing import TYPE_CHECKING, TypeAlias
from zoneinfo import ZoneInfo

from tap_kayzen.sandbox import campaign_generators, generators
from tap_kayzen.sandbox.basics import EPOCH, NO_END, Record, chance, money, time_text
from tap_kayzen.sandbox.fixed_lists import LOOKUPS
from tap_kayzen.sandbox.kinds import KINDS, advertisers_of
from tap_kayzen.sandbox.performance import Performance
from tap_kayzen.sandbox.periods import now_in
from tap_kayzen.sandbox.report_builder import OF_CAMPAIGNS, Report

if TYPE_CHECKING:
    from datetime import date

    from tap_kayzen.sandbox.generators import Advertiser
    from tap_kayzen.sandbox.report_builder import ReportRequest

    Lists: TypeAlias = dict[int, list[Record]]

DEFAULT_ADVERTISER = 108993
"""The advertiser of the API key; that of a sample in Kayzen's documentation."""

FIRST_CAMPAIGN = 135000
REPORTED_FIELDS = (
    *OF_CAMPAIGNS.values(),
    "created_at",
    "creative_type",
    "end_time",
)
"""The fields of campaigns that reports depend on, besides their creatives."""

MARKETS = ("US", "DE", "BR", "JP", "IN", "TR", "GB", "KR")


class Dataset:
    """What one sandbox holds.

    All but the campaigns is made when it is first asked for; what belongs to one
    campaign is made whenever it is asked for, and is the same each time.

    Attributes:
        campaigns: The campaigns of each advertiser, in the order of the list calls,
            numbers rising.
        balance: The balance of each advertiser.
        lookups: The lists that are the same for everybody, by the names of
            `fixed_lists.LOOKUPS`.
        performance: What the campaigns achieved.
        today: The day as of which reports are given, in every time zone; None for the
            real one.
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
        self._seed = seed
        wanted = {
            DEFAULT_ADVERTISER + index: campaigns if index == 0 else campaigns // 10
            for index in range(advertisers)
        }
        self._advertisers = advertisers_of(wanted)
        self._lists: dict[str, Lists] = {}
        source = self._source("campaigns")
        number = FIRST_CAMPAIGN
        for advertiser in self._advertisers:
            previous = 0
            for _ in range(wanted[advertiser.id]):
                number += source.randint(1, 9)
                campaign = _campaign(source, number, advertiser, previous)
                advertiser.campaigns.append(campaign)
                previous = number
        self.campaigns: Lists = {each.id: each.campaigns for each in self._advertisers}
        self.balance = {
            each.id: _balance(self._source("balance", each.id))
            for each in self._advertisers
        }
        self.lookups = {name: make() for name, make in LOOKUPS.items()}
        self.performance = Performance(seed)
        self.today: date | None = None

    def _source(self, what: str, number: int = 0) -> random.Random:
        """Start the random numbers of one thing, whatever else has been made."""
        return random.Random(f"{self._seed} {what} {number}")  # noqa: S311

    def lists(self, kind: str) -> Lists:
        """Give what each advertiser has of one kind, numbers rising.

        Args:
            kind: One of `kinds.KINDS`, such as ``orders``.
        """
        if kind not in self._lists:
            self._lists[kind] = {
                each.id: self._generate(kind, each) for each in self._advertisers
            }
        return self._lists[kind]

    def _generate(self, kind: str, owner: Advertiser) -> list[Record]:
        generate, source = KINDS[kind].generate, self._source(kind, owner.id)
        return [generate(source, number, owner) for number in owner.numbers[kind]]

    def detail(self, campaign: Record) -> Record:
        """Make the details of a campaign."""
        return campaign_generators.detail(
            self._source("detail", campaign["id"]), campaign
        )

    def bid_multipliers(self, campaign: Record) -> Record:
        """Make the bid multipliers of a campaign."""
        source = self._source("bid_multipliers", campaign["id"])
        return campaign_generators.bid_multipliers(source, campaign)

    def changelogs(self, campaign: Record) -> Record:
        """Make the change log of a campaign."""
        source = self._source("changelogs", campaign["id"])
        return campaign_generators.changelogs(source, campaign)

    def report(self, advertiser: int, request: ReportRequest) -> Report:
        """Make a report on an advertiser's campaigns."""
        now = now_in(ZoneInfo(request.time_zone), self.today)
        return Report(request, self.campaigns[advertiser], self.performance, now)

    def report_rows(self, advertiser: int, request: ReportRequest) -> list[Record]:
        """Give the rows of a report as they are sent; decimals are `Decimal`."""
        return self.report(advertiser, request).records()

    def report_version(self, advertiser: int, request: ReportRequest) -> object:
        """Give what differs whenever the rows of a report may be others."""
        now = now_in(ZoneInfo(request.time_zone), self.today)
        fields = itemgetter(*REPORTED_FIELDS)
        return now, tuple(map(fields, self.campaigns[advertiser]))

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

    def insert_campaign(self, advertiser: int, place: int) -> Record | None:
        """Add a campaign to an advertiser's, in the middle of them.

        Args:
            advertiser: Whose it is; it is a copy of the one that it stands before.
            place: Where it stands at the earliest, since numbers rise.

        Returns:
            The campaign, or None if there is no free number from that place on.
        """
        campaigns = self.campaigns[advertiser]
        for index in range(max(1, place), len(campaigns)):
            number = campaigns[index]["id"] - 1
            if campaigns[index - 1]["id"] < number:
                campaign = {**campaigns[index], "id": number}
                campaigns.insert(index, campaign)
                return campaign
        return None

    def move_campaigns(self, advertiser: int, dice: random.Random) -> None:
        """Delete one campaign of an advertiser, or insert another, anywhere."""
        campaigns = self.campaigns[advertiser]
        if campaigns and dice.random() < 1 / 2:
            self.delete_campaign(dice.choice(campaigns)["id"])
        elif campaigns:
            self.insert_campaign(advertiser, dice.randrange(len(campaigns) + 1))


def find(rows: list[Record], number: int) -> Record | None:
    """Find a record by its number in a list whose numbers rise."""
    place = bisect_left(rows, number, key=itemgetter("id"))
    if place < len(rows) and rows[place]["id"] == number:
        return rows[place]
    return None


def _balance(source: random.Random) -> Record:
    """Make a balance: money as text and a warning, the only known one."""
    return {"balance": f"{money(source, 0, 50_000):.2f}", "warning": "ok"}


def _campaign(
    source: random.Random, number: int, owner: Advertiser, previous: int
) -> Record:
    """Make one campaign.

    First the documented fields in the documented order, then two that are only
    expected.
    """
    created = EPOCH + timedelta(milliseconds=source.randrange(200_000_000_000))
    start = created + timedelta(hours=source.randint(1, 96))
    status = source.choice(("paused", "running"))
    creatives = [
        source.choice(owner.numbers["creatives"]) for _ in range(source.randint(0, 6))
    ]
    statuses = [generators.creative_status(each) for each in creatives]
    capped = chance(source, 0.2)
    order = source.choice(owner.numbers["orders"])
    title = source.choice(generators.TITLES)
    return {
        "id": number,
        "name": f"{title}_{source.choice(MARKETS)}_{source.randint(1, 99)}",
        "status": status,
        "detail_id": number + 7,
        "is_active": status == "running",
        "order_active": generators.order_is_active(order),
        "has_running_creatives": "running" in statuses,
        "creative_statuses": statuses,
        "exchange_statuses": ["approved" for _ in range(source.randint(0, 12))],
        "start_time": time_text(start),
        "end_time": time_text(start + timedelta(days=source.randint(7, 400)))
        if chance(source, 0.3)
        else NO_END,
        "cap_type": "budget" if capped else "none",
        "budget_cap_amount": source.randint(50, 5_000) if capped else None,
        "budget_cap_interval": "day" if capped else None,
        "objective_cap_amount": None,
        "objective_cap_interval": None,
        "cloned_from": source.choice((0, 0, 0, previous)),
        # The first is that of a documented sample.
        "creative_type": source.choice(
            ("javascript", "video", generators.type_beside_video(number))
        ),
        "billing_type": generators.billing_type(number),
        "billing_price": 0.0,
        "creative_ids": creatives,
        "updated_at": time_text(created + timedelta(hours=source.randint(0, 9_000))),
        "created_at": time_text(created),
        "tags": source.sample(generators.TAGS, k=2) if chance(source, 0.5) else [],
        "bid_multipliers_enabled": chance(source, 0.4),
        "skan_enabled": chance(source, 0.3),
        "app_group_id_whitelist": _app_lists(source, owner),
        "app_group_id_blacklist": _app_lists(source, owner),
        "total_budget": source.randint(1, 200) * 500,
        "target_bid": money(source, 0, 300),
        "day_budget": source.randint(1, 80) * 25,
        "order_id": order,
        "advertiser_id": owner.id,
    }


def _app_lists(source: random.Random, owner: Advertiser) -> list[int] | None:
    """Choose the app lists of some campaigns; most have none."""
    if chance(source, 0.9):
        return None
    return source.sample(owner.numbers["app_lists"], k=source.randint(1, 3))
