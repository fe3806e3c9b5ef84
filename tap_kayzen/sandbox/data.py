"""The sandbox's data, generated from a seed and the same on every machine."""

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
from tap_kayzen.sandbox.report_builder import CAMPAIGN_DIMENSIONS, Report

if TYPE_CHECKING:
    from datetime import date

    from tap_kayzen.sandbox.generators import Advertiser
    from tap_kayzen.sandbox.report_builder import ReportRequest

    Lists: TypeAlias = dict[int, list[Record]]

DEFAULT_ADVERTISER = 108993
"""ID of the API key's advertiser, from an example in Kayzen's documentation."""

FIRST_CAMPAIGN_ID = 135000
REPORTED_FIELDS = (
    *CAMPAIGN_DIMENSIONS.values(),
    "created_at",
    "creative_type",
    "end_time",
)
"""Campaign fields that reports depend on, in addition to `creative_ids`."""

MARKETS = ("US", "DE", "BR", "JP", "IN", "TR", "GB", "KR")


class Dataset:
    """All data of one sandbox.

    Campaigns are generated at startup, other records on first use. The parts of a
    campaign are generated for each request, always with the same result.

    Attributes:
        campaigns: The campaigns of each advertiser, in ascending order of ID.
        balance: The balance of each advertiser.
        lookups: The lists shared by all advertisers, by their names in
            `fixed_lists.LOOKUPS`.
        performance: The performance of the campaigns, for reports.
        today: The current day of reports in every time zone; None for the system
            clock.
    """

    def __init__(self, *, campaigns: int, seed: int, advertisers: int = 3) -> None:
        """Generate the campaigns and balances.

        Args:
            campaigns: Number of campaigns of the default advertiser. Each of the
                other advertisers has a tenth of that.
            seed: Seed of the random numbers.
            advertisers: Number of advertisers that the login can read, including the
                default one. Their IDs are consecutive.
        """
        self._seed = seed
        wanted = {
            DEFAULT_ADVERTISER + index: campaigns if index == 0 else campaigns // 10
            for index in range(advertisers)
        }
        self._advertisers = advertisers_of(wanted)
        self._lists: dict[str, Lists] = {}
        rng = self._rng("campaigns")
        campaign_id = FIRST_CAMPAIGN_ID
        for advertiser in self._advertisers:
            previous = 0
            for _ in range(wanted[advertiser.id]):
                campaign_id += rng.randint(1, 9)
                campaign = _campaign(rng, campaign_id, advertiser, previous)
                advertiser.campaigns.append(campaign)
                previous = campaign_id
        self.campaigns: Lists = {each.id: each.campaigns for each in self._advertisers}
        self.balance = {
            each.id: _balance(self._rng("balance", each.id))
            for each in self._advertisers
        }
        self.lookups = {name: make() for name, make in LOOKUPS.items()}
        self.performance = Performance(seed)
        self.today: date | None = None

    def _rng(self, what: str, record_id: int = 0) -> random.Random:
        """Return a generator that does not depend on what was generated before."""
        return random.Random(f"{self._seed} {what} {record_id}")  # noqa: S311

    def lists(self, kind: str) -> Lists:
        """Return the records of one kind by advertiser, in ascending order of ID.

        Args:
            kind: One of `kinds.KINDS`, such as ``orders``.
        """
        if kind not in self._lists:
            self._lists[kind] = {
                each.id: self._generate(kind, each) for each in self._advertisers
            }
        return self._lists[kind]

    def _generate(self, kind: str, owner: Advertiser) -> list[Record]:
        generate, rng = KINDS[kind].generate, self._rng(kind, owner.id)
        return [generate(rng, record_id, owner) for record_id in owner.ids[kind]]

    def detail(self, campaign: Record) -> Record:
        """Return the details of a campaign."""
        return campaign_generators.detail(self._rng("detail", campaign["id"]), campaign)

    def bid_multipliers(self, campaign: Record) -> Record:
        """Return the bid multipliers of a campaign."""
        rng = self._rng("bid_multipliers", campaign["id"])
        return campaign_generators.bid_multipliers(rng, campaign)

    def changelogs(self, campaign: Record) -> Record:
        """Return the changelog of a campaign."""
        rng = self._rng("changelogs", campaign["id"])
        return campaign_generators.changelogs(rng, campaign)

    def report(self, advertiser: int, request: ReportRequest) -> Report:
        """Return a report on the campaigns of an advertiser."""
        now = now_in(ZoneInfo(request.time_zone), self.today)
        return Report(request, self.campaigns[advertiser], self.performance, now)

    def report_rows(self, advertiser: int, request: ReportRequest) -> list[Record]:
        """Return the rows of a report, with decimals as `Decimal`."""
        return self.report(advertiser, request).records()

    def report_version(self, advertiser: int, request: ReportRequest) -> object:
        """Return a value that changes whenever the rows of a report may change."""
        now = now_in(ZoneInfo(request.time_zone), self.today)
        fields = itemgetter(*REPORTED_FIELDS)
        return now, tuple(map(fields, self.campaigns[advertiser]))

    def delete_campaign(self, campaign_id: int) -> bool:
        """Delete a campaign of any advertiser.

        Returns:
            Whether the campaign existed.
        """
        for campaigns in self.campaigns.values():
            for campaign in campaigns:
                if campaign["id"] == campaign_id:
                    campaigns.remove(campaign)
                    return True
        return False

    def insert_campaign(self, advertiser: int, place: int) -> Record | None:
        """Insert a copy of a campaign before the original, with an unused ID.

        Args:
            advertiser: ID of the advertiser.
            place: First position to try; IDs must stay in ascending order.

        Returns:
            The new campaign; None if no ID is unused from that position on.
        """
        campaigns = self.campaigns[advertiser]
        for index in range(max(1, place), len(campaigns)):
            campaign_id = campaigns[index]["id"] - 1
            if campaigns[index - 1]["id"] < campaign_id:
                campaign = {**campaigns[index], "id": campaign_id}
                campaigns.insert(index, campaign)
                return campaign
        return None

    def move_campaigns(self, advertiser: int, rng: random.Random) -> None:
        """Delete or insert a campaign of an advertiser, at a random position."""
        campaigns = self.campaigns[advertiser]
        if campaigns and rng.random() < 1 / 2:
            self.delete_campaign(rng.choice(campaigns)["id"])
        elif campaigns:
            self.insert_campaign(advertiser, rng.randrange(len(campaigns) + 1))


def find(rows: list[Record], record_id: int) -> Record | None:
    """Return a record by ID from a list in ascending order of ID; None if missing."""
    place = bisect_left(rows, record_id, key=itemgetter("id"))
    if place < len(rows) and rows[place]["id"] == record_id:
        return rows[place]
    return None


def _balance(rng: random.Random) -> Record:
    """Return a balance: money as text, and the only documented warning."""
    return {"balance": f"{money(rng, 0, 50_000):.2f}", "warning": "ok"}


def _campaign(
    rng: random.Random, campaign_id: int, owner: Advertiser, previous: int
) -> Record:
    """Return a campaign.

    The documented fields come first, in the documented order; the last two are assumed.
    """
    created = EPOCH + timedelta(milliseconds=rng.randrange(200_000_000_000))
    start = created + timedelta(hours=rng.randint(1, 96))
    status = rng.choice(("paused", "running"))
    creatives = [rng.choice(owner.ids["creatives"]) for _ in range(rng.randint(0, 6))]
    statuses = [generators.creative_status(each) for each in creatives]
    capped = chance(rng, 0.2)
    order = rng.choice(owner.ids["orders"])
    title = rng.choice(generators.TITLES)
    return {
        "id": campaign_id,
        "name": f"{title}_{rng.choice(MARKETS)}_{rng.randint(1, 99)}",
        "status": status,
        "detail_id": campaign_id + 7,
        "is_active": status == "running",
        "order_active": generators.order_is_active(order),
        "has_running_creatives": "running" in statuses,
        "creative_statuses": statuses,
        "exchange_statuses": ["approved" for _ in range(rng.randint(0, 12))],
        "start_time": time_text(start),
        "end_time": time_text(start + timedelta(days=rng.randint(7, 400)))
        if chance(rng, 0.3)
        else NO_END,
        "cap_type": "budget" if capped else "none",
        "budget_cap_amount": rng.randint(50, 5_000) if capped else None,
        "budget_cap_interval": "day" if capped else None,
        "objective_cap_amount": None,
        "objective_cap_interval": None,
        "cloned_from": rng.choice((0, 0, 0, previous)),
        # The first value is from a documented example.
        "creative_type": rng.choice(
            ("javascript", "video", generators.non_video_type(campaign_id))
        ),
        "billing_type": generators.billing_type(campaign_id),
        "billing_price": 0.0,
        "creative_ids": creatives,
        "updated_at": time_text(created + timedelta(hours=rng.randint(0, 9_000))),
        "created_at": time_text(created),
        "tags": rng.sample(generators.TAGS, k=2) if chance(rng, 0.5) else [],
        "bid_multipliers_enabled": chance(rng, 0.4),
        "skan_enabled": chance(rng, 0.3),
        "app_group_id_whitelist": _app_lists(rng, owner),
        "app_group_id_blacklist": _app_lists(rng, owner),
        "total_budget": rng.randint(1, 200) * 500,
        "target_bid": money(rng, 0, 300),
        "day_budget": rng.randint(1, 80) * 25,
        "order_id": order,
        "advertiser_id": owner.id,
    }


def _app_lists(rng: random.Random, owner: Advertiser) -> list[int] | None:
    """Return the IDs of app lists of a campaign; most have none."""
    if chance(rng, 0.9):
        return None
    return rng.sample(owner.ids["app_lists"], k=rng.randint(1, 3))
