from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft7Validator
from project import DEFAULT_REPORTS
from singer_sdk.exceptions import ConfigurationError, ConfigValidationError
from support import SAMPLE_CONFIG, regex

from tap_kayzen.messages import (
    report_setting_messages,
    selection_messages,
    settings_messages,
)
from tap_kayzen.reports.columns import DIMENSIONS, METRICS
from tap_kayzen.reports.definition import Report, safe_name
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from tap_kayzen.streams.base import KayzenStream

NOT_ADDITIVE = "Do not sum across rows."
SPEND = "`reports[0]` (spend)"
"""Name of `REPORT` in messages."""

REPORT: dict[str, Any] = {
    "name": "spend",
    "metrics": ["advertiser_spend"],
    "group_by": ["day", "country"],
}


def problems(*reports: object) -> list[str]:
    with pytest.raises(ConfigValidationError) as caught:
        TapKayzen(config={**SAMPLE_CONFIG, "reports": [*reports]})
    return caught.value.errors


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"metrics": []}, "`reports[0].metrics` must not be empty"),
        ({"group_by": []}, "`reports[0].group_by` must not be empty"),
        (
            {"metrics": "clicks"},
            "`reports[0].metrics` must be of type array, not string",
        ),
        (
            {"metrics": ["clicks", 5]},
            "`reports[0].metrics[1]` must be of type string, not integer",
        ),
        ({"name": ""}, "`reports[0].name` must not be empty"),
        (
            {"name": "Ж"},
            report_setting_messages.NAME_WITHOUT_LETTERS(place="`reports[0]` (Ж)"),
        ),
        (
            {"name": "x" * 64},
            report_setting_messages.NAME_TOO_LONG(
                place=f"`reports[0]` ({'x' * 64})", limit=63
            ),
        ),
        (
            {"name": "Campaigns"},
            report_setting_messages.NAME_OF_STREAM(
                place="`reports[0]` (Campaigns)", stream="campaigns"
            ),
        ),
        (
            {"name": "audiences"},
            report_setting_messages.NAME_OF_STREAM(
                place="`reports[0]` (audiences)", stream="audiences"
            ),
        ),
        (
            {"time_zone": "Mars/Base"},
            report_setting_messages.NOT_A_ZONE(place=SPEND, zone="Mars/Base"),
        ),
        (
            {"time_zone": "../etc/passwd"},
            report_setting_messages.NOT_A_ZONE(place=SPEND, zone="../etc/passwd"),
        ),
        (
            {"group_by": ["country"], "window_days": 7},
            report_setting_messages.NO_WINDOWS(place=SPEND),
        ),
        ({"window_days": 0}, "`reports[0].window_days` must be at least 1"),
        (
            {"window_days": Decimal("1.5")},
            "`reports[0].window_days` must be of type integer, not number",
        ),
        (
            {"metrics": ["clicks", "clicks"]},
            report_setting_messages.COLUMN_TAKEN(
                place=SPEND, name="clicks", column="clicks", other="clicks"
            ),
        ),
        (
            {"metrics": ["ROAS d7", "roas-D7"]},
            report_setting_messages.COLUMN_TAKEN(
                place=SPEND, name="roas-D7", column="roas_d7", other="ROAS d7"
            ),
        ),
        (
            {"metrics": ["%"]},
            report_setting_messages.COLUMN_WITHOUT_LETTERS(place=SPEND, name="%"),
        ),
        (
            {"metrics": ["x" * 64]},
            report_setting_messages.COLUMN_TOO_LONG(
                place=SPEND, name="x" * 64, limit=63
            ),
        ),
        (
            {"filter": {}},
            report_setting_messages.UNKNOWN_KEY(
                place=SPEND, key="filter", hint="did you mean `filters`?"
            ),
        ),
        (
            {"zzz": 1},
            report_setting_messages.UNKNOWN_KEY(
                place=SPEND, key="zzz", hint="see docs/reports.md"
            ),
        ),
        (
            {"filters": {"country": "DE"}},
            "`reports[0].filters.country` must be of type array, not string",
        ),
        (
            {"filters": {"country": []}},
            "`reports[0].filters.country` must not be empty",
        ),
        (
            {"options": {"time_zone": "Berlin"}},
            report_setting_messages.ZONE_ONLY_IN_OPTIONS(place=SPEND),
        ),
        (
            {"group_by": ["week"]},
            report_setting_messages.WEEK_WITHOUT_START(place=SPEND),
        ),
        (
            {"options": {"page": 2}},
            report_setting_messages.RESERVED_OPTION(place=SPEND, key="page"),
        ),
        (
            {"columns": {"date": "dya"}},
            report_setting_messages.MAPPED_TO_UNKNOWN(
                place=SPEND, name="date", wanted="dya", hint="; did you mean `day`?"
            ),
        ),
        (
            {"columns": {"date": "impressions"}},
            report_setting_messages.MAPPED_TO_UNKNOWN(
                place=SPEND, name="date", wanted="impressions", hint=""
            ),
        ),
        (
            {"columns": {"day": "date"}},
            report_setting_messages.MAPPED_BACKWARD(place=SPEND, name="day"),
        ),
        (
            {"columns": {"date": "day", "dt": "day"}},
            report_setting_messages.MAPPED_TWICE(
                place=SPEND, name="dt", other="date", wanted="day"
            ),
        ),
        (
            {"columns": {"date": 5}},
            "`reports[0].columns.date` must be of type string, not integer",
        ),
        ({"columns": 5}, "`reports[0].columns` must be of type object, not integer"),
    ],
)
def test_a_bad_report_is_named_in_one_line(
    changes: dict[str, object], problem: str
) -> None:
    assert problems({**REPORT, **changes}) == [problem]


def test_missing_entries_are_named() -> None:
    assert problems({"name": "spend"}) == [
        settings_messages.PART_MISSING(name="reports[0]", part="metrics"),
        settings_messages.PART_MISSING(name="reports[0]", part="group_by"),
    ]


def test_two_reports_with_one_name_are_refused() -> None:
    assert problems(REPORT, {**REPORT, "name": "Spend!"}) == [
        report_setting_messages.NAME_TAKEN(
            place="`reports[1]` (Spend!)", stream="spend", other=SPEND
        )
    ]


def test_all_problems_are_reported_at_once() -> None:
    assert len(problems(5, {**REPORT, "metrics": [], "time_zone": "x"}, REPORT)) == 4


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Spend by Country", "spend_by_country"),
        ("Ausgaben für Café", "ausgaben_fur_cafe"),
        ("7-day ROAS", "report_7_day_roas"),
        ("__x__", "x"),
        ("a; DROP TABLE b", "a_drop_table_b"),
        ("☃", ""),
    ],
)
def test_names_are_safe_for_sql(text: str, name: str) -> None:
    assert safe_name(text, "report") == name


def tap_of(*, catalog: dict[str, Any] | None = None, **changes: Any) -> TapKayzen:
    config = {**SAMPLE_CONFIG, "reports": [{**REPORT, **changes}]}
    return TapKayzen(config=config, catalog=catalog)


def stream_of(*, catalog: dict[str, Any] | None = None, **changes: Any) -> KayzenStream:
    return tap_of(catalog=catalog, **changes).streams["spend"]


def test_columns_are_the_dimensions_and_metrics() -> None:
    stream = stream_of(
        group_by=["day", "campaign_id", "brand-new"], metrics=["clicks", "D7 ROAS"]
    )
    types = {name: each["type"] for name, each in stream.schema["properties"].items()}
    assert types == {
        "_key": "string",
        "advertiser_id": ["integer", "null"],
        "day": ["string", "null"],
        "campaign_id": ["integer", "null"],
        "brand_new": ["string", "null"],
        "clicks": ["integer", "null"],
        "d7_roas": ["number", "null"],
        "_extra": ["object", "null"],
    }
    assert stream.schema["properties"]["day"]["format"] == "date"
    assert stream.schema["required"] == ["_key"]
    assert stream.primary_keys == ("_key",)
    Draft7Validator.check_schema(stream.schema)


def test_names_of_things_with_ids_are_not_part_of_the_key() -> None:
    def key_of(*group_by: str) -> str:
        schema = stream_of(group_by=[*group_by]).schema
        text: str = schema["properties"]["_key"]["description"]
        return text.removeprefix("Unique key of the row: a hash of ")

    assert key_of("day", "campaign_name", "campaign_id") == (
        "`advertiser_id`, `campaign_id`, `day`."
    )
    assert key_of("day", "campaign_name") == (
        "`advertiser_id`, `campaign_name`, `day`."
    )
    assert key_of("day", "advertiser_id") == "`advertiser_id`, `day`."


def test_hours_add_their_day() -> None:
    stream = stream_of(group_by=["hour", "country"])
    assert stream.replication_key == "day"
    assert Report.from_config({**REPORT, "group_by": ["hour"]}).body["group_by"] == [
        "day",
        "hour",
    ]
    assert stream_of(group_by=["hour"], columns={"date": "day"}).name == "spend"


def test_a_report_without_a_day_is_read_whole() -> None:
    stream = stream_of(group_by=["country"])
    assert stream.replication_key is None
    assert stream.replication_method == "FULL_TABLE"


@pytest.mark.parametrize(
    ("group_by", "key", "words"),
    [
        (["country"], "country", "FULL_TABLE, because its `group_by` has neither"),
        (["day"], "clicks", "INCREMENTAL on `day`, or FULL_TABLE"),
    ],
)
def test_incremental_needs_a_day(group_by: list[str], key: str, words: str) -> None:
    catalog = tap_of(group_by=group_by).catalog_dict
    (entry,) = [each for each in catalog["streams"] if each["stream"] == "spend"]
    entry |= {"replication_key": key, "replication_method": "INCREMENTAL"}
    expected = regex(selection_messages.REPLICATION_NOT_SUPPORTED) + words
    with pytest.raises(ConfigurationError, match=expected):
        stream_of(group_by=group_by, catalog=catalog)


def test_full_table_can_be_requested() -> None:
    catalog = tap_of().catalog_dict
    (entry,) = [each for each in catalog["streams"] if each["stream"] == "spend"]
    entry["replication_method"] = "FULL_TABLE"
    assert stream_of(catalog=catalog).replication_method == "FULL_TABLE"


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"metrics": ["clicks"]}, {"metrics"}),
        ({"group_by": ["day"]}, {"group_by"}),
        ({"filters": {"country": ["DE"]}}, {"filters"}),
        ({"time_zone": "Europe/Berlin"}, {"time_zone"}),
        ({"options": {"attribution_source": "skan"}}, {"options"}),
        # The same rows, requested in another way.
        ({"window_days": 1}, set()),
        ({"columns": {"date": "day"}}, set()),
        ({"group_by": ["country", "day"]}, set()),
        ({"name": "Spend"}, set()),
    ],
)
def test_a_fingerprint_shows_the_changes(
    changes: dict[str, Any], parts: set[str]
) -> None:
    one, other = Report.from_config(REPORT), Report.from_config({**REPORT, **changes})
    assert {
        name
        for name, mark in one.fingerprint.items()
        if other.fingerprint[name] != mark
    } == parts


def test_null_counts_as_not_set() -> None:
    report = Report.from_config({**REPORT, "filters": None, "window_days": None})
    assert report == Report.from_config(REPORT)


def test_decimals_of_a_config_file_are_sent_as_numbers() -> None:
    stream = stream_of(window_days=Decimal("3.0"), options={"x": [Decimal("1.5")]})
    assert repr(stream.config["reports"][0]["options"]) == "{'x': [1.5]}"


def test_the_default_report_is_documented() -> None:
    (entry,) = DEFAULT_REPORTS
    assert {*entry["metrics"]} <= METRICS.keys()
    assert {*entry["group_by"]} <= DIMENSIONS.keys()


def test_documented_columns_are_counts_rates_sums_and_names() -> None:
    documented = {**METRICS, **DIMENSIONS}

    def says(name: str, kind: str, text: str, **more: str) -> None:
        schema = {"type": [kind, "null"], "description": text, **more}
        assert documented[name] == schema

    says("wins", "integer", "Auctions won.")
    says("video_start", "integer", "Video starts.")
    says("ipm", "number", f"Installs per 1,000 impressions. {NOT_ADDITIVE}")
    says(
        "conversion_rate", "number", f"Installs per click, from 0 to 1. {NOT_ADDITIVE}"
    )
    says(
        "advertiser_ecpc",
        "number",
        f"Cost per click, in USD (inferred). {NOT_ADDITIVE}",
    )
    says("advertiser_spend", "number", "Cost to the advertiser, in USD.")
    says("day", "string", "Day in the report's time zone.", format="date")
    says("country", "string", "Country of the device.")


@pytest.mark.parametrize("name", [*METRICS, *DIMENSIONS])
def test_every_documented_column_has_a_description(name: str) -> None:
    text = {**METRICS, **DIMENSIONS}[name]["description"]
    assert text.endswith(".")
    assert safe_name(name, "x") == name
    assert (NOT_ADDITIVE in text) == (
        (name in METRICS and ("unique" in name or text.count("per ") > 0))
        or name in {"win_rate", "ctr", "conversion_rate", "ipm"}
        or name.startswith("advertiser_ec")
    )
