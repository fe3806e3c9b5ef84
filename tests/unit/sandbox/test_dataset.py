"""The sandbox's data: one seed, one world, in which every number leads somewhere."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from support import SCHEMAS

from tap_kayzen.output.secret_names import is_secret_or_key
from tap_kayzen.records.converter import RecordConverter
from tap_kayzen.sandbox.data import DEFAULT_ADVERTISER, Dataset
from tap_kayzen.sandbox.fixed_lists import LOOKUPS
from tap_kayzen.sandbox.list_calls import LISTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from syrupy.assertion import SnapshotAssertion

    from tap_kayzen.sandbox.basics import Record

REFERENCES = {
    "campaigns": {
        "order_id": "orders",
        "creative_ids": "creatives",
        "app_group_id_whitelist": "app_lists",
        "app_group_id_blacklist": "app_lists",
        "cloned_from": "campaigns",
    },
    "orders": {"app_object_id": "app_objects", "website_object_id": "website_objects"},
    "creatives": {
        "asset_file_id": "asset_files",
        "end_card_id": "asset_files",
        "tracker_id": "tracker_assets",
    },
    "reports": {"time_zone_id": "meta/time_zones"},
    "meta/states": {"country_id": "meta/countries"},
    "meta/cities": {"state_id": "meta/states", "country_id": "meta/countries"},
}
KEYS_BY_NUMBER = {
    "app_id": "meta/app_objects",
    "city_id": "meta/cities",
    "country_id": "meta/countries",
    "exchange_id": "meta/exchanges",
    "state_id": "meta/states",
}
PATHS = {
    "app_lookups": "meta/app_objects",
    "site_lookups": "meta/site_objects",
    **{name: f"meta/{name}" for name in LOOKUPS if not name.endswith("_objects")},
}
"""Paths of the streams whose names differ from their paths."""

MADE_UP = {
    "app_objects": {"bundle", "postbacks"},
    "campaign_details": {"creatives", "targeting"},
    "orders": {
        "app_object_id",
        "daily_budget_cap",
        "total_budget_cap",
        "website_object_id",
    },
    "website_objects": {"tracking"},
}
"""Fields that the sandbox made up: they have no column."""

OF_THE_TAP = {
    "app_lists": {"app_bundles_list", "placement_ids_list", "websites_list"},
    "balance": {"date"},
    "campaign_bid_multipliers": {"bid_multipliers_enabled", "campaign_id"},
    "campaign_changelogs": {"campaign_id"},
    "campaign_details": {"campaign_id"},
}
"""Columns that are not in the API's records, in addition to `advertiser_id`."""


@pytest.fixture(params=range(1, 4))
def dataset(request: pytest.FixtureRequest) -> Dataset:
    return Dataset(campaigns=300, seed=request.param)


def rows_of(
    dataset: Dataset, path: str, advertiser: int = DEFAULT_ADVERTISER
) -> list[Record]:
    return LISTS[f"/v1/{path}"](dataset, advertiser)


def everything(dataset: Dataset) -> dict[str, Any]:
    all_campaigns = [each for rows in dataset.campaigns.values() for each in rows]
    return {
        **{
            path: [rows(dataset, advertiser) for advertiser in dataset.campaigns]
            for path, rows in LISTS.items()
        },
        "audiences": dataset.lists("audiences"),
        "balance": dataset.balance,
        "detail": list(map(dataset.detail, all_campaigns)),
        "bid_multipliers": list(map(dataset.bid_multipliers, all_campaigns)),
        "changelogs": list(map(dataset.changelogs, all_campaigns)),
    }


def test_a_seed_makes_the_same_data_everywhere(snapshot: SnapshotAssertion) -> None:
    """Only a change of the generators changes it; `make snapshot` accepts that."""
    once, again = (everything(Dataset(campaigns=30, seed=5)) for _ in range(2))
    assert once == again
    text = json.dumps(once, ensure_ascii=False).encode()
    assert hashlib.sha256(text).hexdigest() == snapshot


def test_another_seed_makes_different_data() -> None:
    one, other = (everything(Dataset(campaigns=30, seed=seed)) for seed in (5, 6))
    varied = ("campaigns", "orders", "creatives", "app_lists", "tracker_assets")
    assert all(one[f"/v1/{name}"] != other[f"/v1/{name}"] for name in varied)


def test_data_does_not_depend_on_earlier_requests() -> None:
    one, other = (Dataset(campaigns=30, seed=5) for _ in range(2))
    last = one.campaigns[DEFAULT_ADVERTISER][-1]
    changes = one.changelogs(last)
    creatives = one.lists("creatives")
    assert other.lists("creatives") == creatives
    assert other.changelogs(last) == changes


def test_lists_grow_with_the_number_of_campaigns() -> None:
    dataset = Dataset(campaigns=250, seed=1)

    def lengths(path: str) -> list[int]:
        return [len(rows_of(dataset, path, each)) for each in dataset.campaigns]

    assert lengths("campaigns") == [250, 25, 25]
    assert lengths("orders") == [25, 3, 3]
    assert lengths("creatives") == [125, 13, 13]


def test_without_campaigns_their_lists_are_empty() -> None:
    dataset = Dataset(campaigns=0, seed=1)
    assert not any(dataset.lists("orders").values())
    assert not any(dataset.lists("creatives").values())
    assert all(dataset.lists("reports").values())


def test_ids_rise_and_are_unique(dataset: Dataset) -> None:
    for path, rows in LISTS.items():
        lists = [rows(dataset, advertiser) for advertiser in dataset.campaigns]
        if path.startswith("/v1/meta/") and path != "/v1/meta/campaigns":
            lists = lists[:1]
        numbers = [record["id"] for each in lists for record in each]
        assert len(numbers) == len(set(numbers)), path
        assert numbers == sorted(numbers), path
    logs = [
        entry["id"]
        for campaigns in dataset.campaigns.values()
        for campaign in campaigns
        for entry in dataset.changelogs(campaign)["data"]
    ]
    assert len(logs) == len(set(logs))


def references(dataset: Dataset, advertiser: int) -> Iterator[tuple[str, str, Any]]:
    """Yield kind, field, and target of every reference; some targets are 0 or null."""
    for kind, fields in REFERENCES.items():
        for record in rows_of(dataset, kind, advertiser):
            for field, target in fields.items():
                value = record[field]
                for number in value if isinstance(value, list) else [value]:
                    yield f"{kind}.{field}", target, number
    for app_list in rows_of(dataset, "app_lists", advertiser):
        for exchange in re.findall(r"(\d+)-[^,]+", app_list["placement_ids"]):
            yield "app_lists.placement_ids", "meta/exchanges", int(exchange)
    for campaign in dataset.campaigns[advertiser]:
        yield from references_below(dataset, campaign)


def references_below(
    dataset: Dataset, campaign: Record
) -> Iterator[tuple[str, str, Any]]:
    detail = dataset.detail(campaign)
    for kind in ("country", "exchange"):
        for number in detail["targeting"][f"{kind}_ids"]:
            yield f"detail.{kind}_ids", KEYS_BY_NUMBER[f"{kind}_id"], number
    for entry in dataset.changelogs(campaign)["data"]:
        yield "changelogs.loggable_id", "campaigns", entry["loggable_id"]
        diff = entry["data_diff"].get("creatives", {"new": []})
        for creative in detail["creatives"] + diff["new"]:
            yield "changelogs.creatives", "creatives", creative["id"]
    for each in dataset.bid_multipliers(campaign)["bid_multipliers"]:
        if target := KEYS_BY_NUMBER.get(each["type"], ""):
            yield f"bid_multipliers.{target}", target, int(each["key_name"])


def test_every_id_leads_to_a_record(dataset: Dataset) -> None:
    seen: Counter[str] = Counter()
    for advertiser in dataset.campaigns:
        numbers: dict[str, set[int]] = {}
        for name, target, number in references(dataset, advertiser):
            if target not in numbers:
                rows = rows_of(dataset, target, advertiser)
                numbers[target] = {record["id"] for record in rows}
            if number:
                assert number in numbers[target], name
                seen[name] += 1
    wanted = {f"{kind}.{field}" for kind in REFERENCES for field in REFERENCES[kind]}
    wanted |= {f"bid_multipliers.{kind}" for kind in KEYS_BY_NUMBER.values()}
    assert wanted < seen.keys()


def test_records_that_name_their_advertiser_name_the_right_one(
    dataset: Dataset,
) -> None:
    for path in ("campaigns", "orders", "reports"):
        for advertiser in dataset.campaigns:
            records = rows_of(dataset, path, advertiser)
            assert {each["advertiser_id"] for each in records} == {advertiser}


def test_a_campaign_agrees_with_the_records_it_names(dataset: Dataset) -> None:
    for advertiser, campaigns in dataset.campaigns.items():
        orders = {each["id"]: each for each in dataset.lists("orders")[advertiser]}
        creatives = {
            each["id"]: each for each in dataset.lists("creatives")[advertiser]
        }
        tags = {each["name"] for each in dataset.lists("tags")[advertiser]}
        used: set[int] = set()
        for campaign in campaigns:
            assert campaign["order_active"] == orders[campaign["order_id"]]["is_active"]
            assert campaign["creative_statuses"] == [
                creatives[number]["status"] for number in campaign["creative_ids"]
            ]
            assert tags.issuperset(campaign["tags"])
            used.update(campaign["app_group_id_whitelist"] or ())
            used.update(campaign["app_group_id_blacklist"] or ())
        assert used == {
            each["id"]
            for each in dataset.lists("app_lists")[advertiser]
            if each["has_associated_campaigns"]
        }


def test_names_next_to_ids_match_the_ids(dataset: Dataset) -> None:
    zones = {each["id"]: each["name"] for each in dataset.lookups["time_zones"]}
    countries = {each["id"]: each for each in dataset.lookups["countries"]}
    states = {each["id"]: each for each in dataset.lookups["states"]}
    for report in rows_of(dataset, "reports"):
        assert report["time_zone_name"] == zones[report["time_zone_id"]]
    for state in dataset.lookups["states"]:
        assert state["country_alpha_2"] == countries[state["country_id"]]["alpha_2"]
    for city in dataset.lookups["cities"]:
        state = states[city["state_id"]]
        assert city["state_name"] == state["name"]
        assert city["country_id"] == state["country_id"]
        assert city["country_name"] == countries[city["country_id"]]["name"]


def test_documented_records_exist(dataset: Dataset) -> None:
    countries = {each["id"]: each["name"] for each in dataset.lookups["countries"]}
    assert {11: "Afghanistan", 59: "Colombia", 93: "Germany"}.items() <= (
        countries.items()
    )
    assert {10035, 10064} < {each["id"] for each in dataset.lookups["exchanges"]}
    days = {each["impression_cap_days"] for each in rows_of(dataset, "orders")}
    assert {999, None} < days
    ends = {each["end_time"] for each in rows_of(dataset, "creatives")}
    assert "2038-01-01T00:00:00.000Z" in ends
    lengths = [
        len(each["app_bundles"].split(",")) for each in rows_of(dataset, "app_lists")
    ]
    assert [length for length in lengths if 20 < length <= 10_000]
    types = {each["type"] for each in rows_of(dataset, "creatives")}
    assert types == {"video", "img", "html", "native"}
    types = {each["creative_type"] for each in rows_of(dataset, "campaigns")}
    assert types == {"javascript", "video", "img", "html", "native"}
    trackers = rows_of(dataset, "tracker_assets")
    assert all("{CAMPAIGN_ID}" in each["click_url"] for each in trackers)


def test_bid_multipliers_are_as_documented(dataset: Dataset) -> None:
    expiries: set[str | None] = set()
    for campaign in dataset.campaigns[DEFAULT_ADVERTISER]:
        body = dataset.bid_multipliers(campaign)
        multipliers = body.pop("bid_multipliers")
        assert body == {"bid_multipliers_enabled": campaign["bid_multipliers_enabled"]}
        keys = Counter((each["type"], each["key_name"]) for each in multipliers)
        assert set(keys.values()) <= {1}
        kinds = Counter(each["type"] for each in multipliers)
        assert all(count <= 20 for count in kinds.values())
        expiries.update(each.get("expiry_date") for each in multipliers)
    assert None in expiries
    assert all(len(each) == len("2022-02-03 14:04:00 UTC") for each in expiries if each)


def test_change_logs_end_with_the_campaigns_current_values(dataset: Dataset) -> None:
    campaigns = dataset.campaigns[DEFAULT_ADVERTISER]
    for campaign in campaigns:
        body = dataset.changelogs(campaign)
        assert body.keys() == {"data"}
        times = [entry["loggable_updated_at"] for entry in body["data"]]
        bounds = campaign["created_at"], campaign["updated_at"]
        assert [bounds[0], *times, bounds[1]] == sorted([*bounds, *times])
        budgets = [entry["data_diff"]["day_budget"] for entry in body["data"]]
        olds = [each["old"] for each in budgets]
        news = [each["new"] for each in budgets]
        assert [*olds[1:], campaign["day_budget"]][: len(news)] == news


def records_of(dataset: Dataset, stream: str) -> list[Record]:
    campaigns = dataset.campaigns[DEFAULT_ADVERTISER]
    if stream == "balance":
        return [dataset.balance[DEFAULT_ADVERTISER]]
    if stream == "campaign_details":
        return [dataset.detail(campaign) for campaign in campaigns]
    if stream == "campaign_changelogs":
        bodies = [dataset.changelogs(campaign) for campaign in campaigns]
        return [entry for body in bodies for entry in body["data"]]
    if stream == "campaign_bid_multipliers":
        bodies = [dataset.bid_multipliers(campaign) for campaign in campaigns]
        return [each for body in bodies for each in body["bid_multipliers"]]
    if stream == "audiences":
        return dataset.lists(stream)[DEFAULT_ADVERTISER]
    return rows_of(dataset, PATHS.get(stream, stream))


@pytest.mark.parametrize("stream", SCHEMAS)
def test_records_fit_the_schemas(stream: str) -> None:
    text = json.dumps(records_of(Dataset(campaigns=300, seed=1), stream))
    records: list[Record] = json.loads(text, parse_float=Decimal)
    converter = RecordConverter(
        SCHEMAS[stream], logger=logging.getLogger(stream), is_secret=is_secret_or_key
    )
    for record in records:
        extra = converter.convert(record).get("_extra", {})
        assert extra.keys() == MADE_UP.get(stream, set())
    sent = {field for record in records for field in record}
    missing = SCHEMAS[stream]["properties"].keys() - sent - {"advertiser_id"}
    assert missing == {"_extra", *OF_THE_TAP.get(stream, ())}
