from __future__ import annotations

import pytest
from singer_sdk.exceptions import ConfigValidationError
from support import SAMPLE_CONFIG

from tap_kayzen.messages import settings_messages
from tap_kayzen.tap import TapKayzen

SPEND = {"name": "Spend", "metrics": ["advertiser_spend"], "group_by": ["day"]}


def problems(streams: object, **changes: object) -> list[str]:
    with pytest.raises(ConfigValidationError) as caught:
        TapKayzen(config={**SAMPLE_CONFIG, "streams": streams, **changes})
    return caught.value.errors


def no_match(index: int, pattern: str, hint: str) -> str:
    return settings_messages.NO_MATCHING_STREAM(index=index, pattern=pattern, hint=hint)


@pytest.mark.parametrize(
    ("streams", "problem"),
    [
        (
            ["orders", "campagins"],
            no_match(1, "campagins", "did you mean `campaigns`?"),
        ),
        (["!tag"], no_match(0, "tag", "did you mean `tags`?")),
        # As Meltano has it.
        (["tags.*"], no_match(0, "tags.*", "did you mean `tags`?")),
        (["Orders"], no_match(0, "Orders", "did you mean `orders`?")),
        (["zzz*"], no_match(0, "zzz*", "--discover lists all streams")),
        (["campaigns", "spend"], no_match(1, "spend", "--discover lists all streams")),
        (["audiences"], settings_messages.STREAM_NEEDS_KEY(index=0)),
        (["tags", "!t*"], settings_messages.ALL_STREAMS_EXCLUDED()),
        (["!*"], settings_messages.ALL_STREAMS_EXCLUDED()),
        # Without its key, there is no stream `audiences`.
        (["*", "![b-z]*", "!app*", "!ass*"], settings_messages.ALL_STREAMS_EXCLUDED()),
        ([], "`streams` must not be empty"),
        ([""], "`streams[0]` must not be empty"),
        ("orders,,tags", "`streams[1]` must not be empty"),
        (["orders", 5], "`streams[1]` must be of type string, not integer"),
        (5, "`streams` must be of type array, not integer"),
        (
            '["orders", "tags"',
            "`streams` must be of type array, not text that is not valid JSON",
        ),
    ],
)
def test_a_bad_choice_of_streams_is_named(streams: object, problem: str) -> None:
    assert problems(streams) == [problem]


def test_the_default_report_is_not_a_stream_if_there_are_others() -> None:
    (problem,) = problems(["campaign_performance"], reports=[SPEND])
    assert problem.startswith(no_match(0, "campaign_performance", ""))


@pytest.mark.parametrize(
    "streams",
    [
        ["orders", "cities"],
        "orders,cities",
        " orders , cities ",
        "[orders, cities]",
        '["orders", "cities"]',
    ],
)
def test_streams_can_be_written_in_several_ways(streams: object) -> None:
    tap = TapKayzen(config={**SAMPLE_CONFIG, "streams": streams})
    selected = [name for name, stream in tap.streams.items() if stream.selected]
    assert selected == ["cities", "orders"]


@pytest.mark.parametrize("streams", [None, ""])
def test_without_the_setting_the_default_streams_are_selected(streams: object) -> None:
    tap = TapKayzen(config={**SAMPLE_CONFIG, "streams": streams})
    plain = TapKayzen(config=dict(SAMPLE_CONFIG))
    assert [each.selected for each in tap.streams.values()] == [
        each.selected for each in plain.streams.values()
    ]


def test_excluded_streams_need_not_exist() -> None:
    tap = TapKayzen(config={**SAMPLE_CONFIG, "streams": ["!audiences"]})
    assert tap.streams["orders"].selected


@pytest.mark.parametrize("streams", [5, [5], ["campagins"], "campagins"])
def test_discovery_does_not_validate_settings(streams: object) -> None:
    tap = TapKayzen(
        config={"streams": streams}, validate_config=False, setup_mapper=False
    )
    assert len(tap.catalog_dict["streams"]) > 20
