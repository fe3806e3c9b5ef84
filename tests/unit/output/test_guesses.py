from __future__ import annotations

import pytest

from tap_kayzen.output.guesses import did_you_mean, may_mean
from tap_kayzen.reports.columns import DIMENSIONS, METRICS


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("spend", "advertiser_spend"),
        ("Spend", "advertiser_spend"),
        ("advertiser_spent", "advertiser_spend"),
        ("impresions", "impressions"),
        ("click", "clicks"),
        ("Clicks", "clicks"),
        ("revenue", "revenue_ltv"),
        ("ecpm", "advertiser_ecpm"),
        ("advertiserspend", "advertiser_spend"),
        ("conversions_rate", "conversion_rate"),
    ],
)
def test_a_metric_that_is_near_a_documented_one(name: str, guess: str) -> None:
    assert may_mean(name, METRICS) == f"did you mean `{guess}`?"


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("campaign", "campaign_id"),
        ("campain_id", "campaign_id"),
        ("countries", "country"),
        ("days", "day"),
        ("exchange", "exchange_id"),
    ],
)
def test_a_dimension_that_is_near_a_documented_one(name: str, guess: str) -> None:
    assert may_mean(name, DIMENSIONS) == f"did you mean `{guess}`?"


@pytest.mark.parametrize(
    "name",
    [
        "installs_unique",
        "skan_installs",
        "conversions_d7",
        "revenue_d7",
        "bids",
        "cost",
        "Brand New",
        "",
        "_",
    ],
)
def test_a_name_that_is_probably_not_a_typo(name: str) -> None:
    assert may_mean(name, METRICS) == ""
    assert may_mean(name, DIMENSIONS) == ""


def test_a_wrong_name_is_matched_with_the_most_similar_one() -> None:
    assert did_you_mean("pasword", ["username", "password"]) == (
        "did you mean `password`?"
    )
    assert did_you_mean("zzz", ["username", "password"]) == ""
