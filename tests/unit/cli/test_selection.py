from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support import SAMPLE_CONFIG, catalog_of

from tap_kayzen.cli.check import selecting_all
from tap_kayzen.messages import selection_messages
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from collections.abc import Collection

SPEND = {"name": "Spend", "metrics": ["advertiser_spend"], "group_by": ["day"]}
CONFIG = {**SAMPLE_CONFIG, "reports": [SPEND]}


def lines(
    caplog: pytest.LogCaptureFixture,
    catalog: dict[str, Any] | None,
    config: dict[str, Any] = CONFIG,
    level: str = "WARNING",
) -> list[str]:
    """Return the lines that a tap logs when it is built."""
    caplog.clear()
    caplog.set_level("INFO")
    TapKayzen(config=dict(config), catalog=catalog)
    return [each.getMessage() for each in caplog.records if each.levelname == level]


def catalog_with(selected: Collection[str], **renamed: str) -> dict[str, Any]:
    """Return the catalog of `CONFIG`, with only some streams selected."""
    catalog = selecting_all(TapKayzen(config=dict(CONFIG)).catalog_dict)
    for entry in catalog["streams"]:
        name = entry["tap_stream_id"]
        for each in entry["metadata"]:
            each["metadata"]["selected"] = name in selected
        entry["tap_stream_id"] = entry["stream"] = renamed.get(name, name)
    return catalog


@pytest.mark.parametrize(
    ("now", "question"),
    [
        ("spent", "did you mean `spend`?"),
        ("costs_by_day", selection_messages.WAS_IT_REMOVED()),
    ],
)
def test_an_unknown_stream_is_named(
    now: str, question: str, caplog: pytest.LogCaptureFixture
) -> None:
    catalog = catalog_with({"campaigns", "spend"}, spend=now)
    assert lines(caplog, catalog) == [
        selection_messages.UNKNOWN_STREAM(stream=now, hint=question),
        selection_messages.REPORTS_NOT_IN_CATALOG(reports="`spend`"),
    ]


def test_a_deselected_unknown_stream_is_ignored(
    caplog: pytest.LogCaptureFixture,
) -> None:
    catalog = catalog_with({"campaigns", "spend"}, tags="labels")
    assert lines(caplog, catalog) == []


def test_audiences_need_their_key(caplog: pytest.LogCaptureFixture) -> None:
    (line,) = lines(caplog, catalog_of("audiences", "campaigns"), SAMPLE_CONFIG)
    assert line == selection_messages.NEEDS_SETTING(
        stream="audiences", setting="audience_api_key"
    )


def test_a_report_that_is_not_selected_is_named_with_the_line_to_add(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reports = [SPEND, {**SPEND, "name": "2nd Report"}]
    config = {**CONFIG, "reports": reports}
    catalog = TapKayzen(config=dict(config)).catalog_dict
    for entry in catalog["streams"]:
        for each in entry["metadata"]:
            each["metadata"]["selected"] = entry["tap_stream_id"] == "campaigns"
    assert lines(caplog, catalog, config) == [
        selection_messages.REPORTS_DESELECTED(
            reports="`report_2nd_report`, `spend`",
            patterns="'report_2nd_report.*', 'spend.*'",
        )
    ]


def test_the_default_report_can_be_left_out(caplog: pytest.LogCaptureFixture) -> None:
    assert lines(caplog, catalog_of("campaigns"), SAMPLE_CONFIG) == []


@pytest.mark.parametrize("catalog", [{"streams": []}, catalog_with(())])
def test_selecting_nothing_is_logged(
    catalog: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    (line,) = lines(caplog, catalog, SAMPLE_CONFIG)
    assert line == selection_messages.NOTHING_SELECTED()


def test_one_line_names_the_selected_streams(caplog: pytest.LogCaptureFixture) -> None:
    catalog = catalog_with({"campaigns", "spend", "campaign_details"})
    assert lines(caplog, catalog, level="INFO")[-1] == (
        f"3 of {len(catalog['streams'])} streams are selected: campaigns, "
        "campaign_details, spend"
    )
    everything = catalog_with({each["tap_stream_id"] for each in catalog["streams"]})
    assert not any(
        "selected" in line for line in lines(caplog, everything, level="INFO")
    )


def test_a_catalog_for_discovery_logs_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    TapKayzen(config=dict(CONFIG), setup_mapper=False)
    assert not any("selected" in line for line in caplog.messages)
