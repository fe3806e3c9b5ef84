from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from merging import merged
from singer_sdk.exceptions import ConfigurationError
from support import SAMPLE_CONFIG

from tap_kayzen.messages import file_messages
from tap_kayzen.reading.state import find_fault, repair
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from tap_kayzen.messages.message import Message

NAME = "campaign_performance"


def partition(
    day: str | None, advertiser: object = 7, **more: object
) -> dict[str, Any]:
    context = {"advertiser_id": advertiser}
    bookmark = {"replication_key": "day", "replication_key_value": day}
    return {"context": context, **bookmark, **more}


def with_partitions(*partitions: object) -> dict[str, Any]:
    return {"bookmarks": {NAME: {"partitions": [*partitions]}}}


def loaded(state: dict[str, Any]) -> dict[str, Any]:
    """Return the state of a tap started with `state`, which must stay unchanged."""
    before = deepcopy(state)
    tap = TapKayzen(config=dict(SAMPLE_CONFIG), state=state)
    assert state == before
    return dict(tap.state)


def test_a_valid_state_is_loaded_unchanged() -> None:
    state = with_partitions(partition("2026-01-05", 7), partition("2026-01-04", 8))
    state["bookmarks"]["campaigns"] = {"replication_key": "updated_at"}
    assert loaded(state) == state
    assert repair(state)[1] == []


@pytest.mark.parametrize(
    ("same", "kept"),
    [
        (["2026-01-05", "2026-01-04", "2026-01-06"], "2026-01-04"),
        ([None, "2026-01-05"], "2026-01-05"),
        (["2026-01-05", "2026-01-05"], "2026-01-05"),
        ([None, None], None),
    ],
)
def test_the_earliest_bookmark_of_a_partition_counts(
    same: list[str | None], kept: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    first, *others = [partition(day) for day in same]
    another = partition("2026-01-01", 8)
    state = with_partitions(first, another, *others)
    assert loaded(state) == with_partitions(partition(kept), another)
    (warning,) = [each for each in caplog.records if each.levelname == "WARNING"]
    assert warning.getMessage() == file_messages.PARTITION_REPEATED(
        stream=NAME, partition='{"advertiser_id": 7}', count=len(same), bookmark=kept
    )


def test_remaining_days_stay_with_their_bookmark() -> None:
    left = {"next_day": "2026-01-02", "end_date": "2026-01-09"}
    early = partition("2026-01-04", unfinished=left)
    late = partition("2026-01-09")
    assert loaded(with_partitions(late, early)) == with_partitions(early)


@pytest.mark.parametrize("nothing", [None, {}, {"context": None}, {"context": {}}])
def test_a_partition_without_a_context_is_ignored_with_a_warning(
    nothing: object, caplog: pytest.LogCaptureFixture
) -> None:
    sound = partition("2026-01-05")
    assert loaded(with_partitions(nothing, sound)) == with_partitions(sound)
    assert file_messages.PARTITION_WITHOUT_CONTEXT(stream=NAME) in caplog.text


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"bookmarks": None},
        {"bookmarks": {NAME: None}},
        {"currently_syncing": None},
    ],
)
def test_nulls_count_as_missing(state: dict[str, Any]) -> None:
    assert loaded(state).get("bookmarks", {}) == {}


@pytest.mark.parametrize("key", ["advertiser_id", "report_id"])
def test_an_id_that_is_text_is_the_same_partition(
    key: str, caplog: pytest.LogCaptureFixture
) -> None:
    text, number = partition("2026-01-05"), partition("2026-01-05")
    text["context"], number["context"] = {key: "7"}, {key: 7}
    assert loaded(with_partitions(text)) == with_partitions(number)
    assert not [each for each in caplog.records if each.levelname == "WARNING"]
    early = {**number, "replication_key_value": "2026-01-02"}
    assert loaded(with_partitions(text, early)) == with_partitions(early)


@pytest.mark.parametrize("value", ["07", "x", "", "-7", "7.0", 7.5, None, True])
def test_other_text_is_not_an_id(value: object) -> None:
    state = with_partitions(partition("2026-01-05", value))
    assert loaded(state) == state


def test_null_partitions_count_as_missing() -> None:
    assert loaded({"bookmarks": {NAME: {"partitions": None, "x": 1}}}) == {
        "bookmarks": {NAME: {"x": 1}}
    }


def test_entries_for_a_single_run_are_dropped() -> None:
    of_a_run = {
        "progress_markers": {"Note": "", "replication_key_value": "2026-01-09"},
        "replication_key_signpost": "2026-01-09",
    }
    state = with_partitions(partition("2026-01-05", **of_a_run))
    state["bookmarks"]["campaigns"] = {"replication_key_value": "x", **of_a_run}
    assert loaded(state)["bookmarks"] == {
        "campaigns": {"replication_key_value": "x"},
        **with_partitions(partition("2026-01-05"))["bookmarks"],
    }


@pytest.mark.parametrize(
    ("bookmarks", "message"),
    [
        ([], file_messages.BOOKMARKS_NOT_AN_OBJECT),
        ({NAME: "2026"}, file_messages.BOOKMARK_NOT_AN_OBJECT),
        ({NAME: {"partitions": {}}}, file_messages.BAD_PARTITIONS),
        ({NAME: {"partitions": [7]}}, file_messages.BAD_PARTITIONS),
        (
            {NAME: {"partitions": [{"replication_key_value": "2026-01-31"}]}},
            file_messages.BAD_PARTITIONS,
        ),
        ({NAME: {"partitions": [{"context": 7}]}}, file_messages.BAD_PARTITIONS),
    ],
)
def test_a_state_of_another_shape_is_refused(
    bookmarks: object, message: Message
) -> None:
    found = message(stream=NAME)
    assert find_fault({"bookmarks": bookmarks}) == found
    with pytest.raises(ConfigurationError) as caught:
        loaded({"bookmarks": bookmarks})
    assert str(caught.value) == file_messages.BAD_STATE(fault=found)


STATES = st.recursive(
    st.integers() | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
).filter(lambda state: isinstance(state, dict))


@given(STATES, STATES)
def test_the_tests_merge_as_meltano_does(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    theirs = pytest.importorskip("meltano.core.utils").merge
    try:
        expected = theirs(deepcopy(new), deepcopy(old))
    except (AttributeError, TypeError) as error:
        with pytest.raises(type(error)):
            merged(old, new)
    else:
        assert merged(old, new) == expected


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({NAME: "2026-08-01"}, file_messages.STATE_OF_OTHERS(names=f"`{NAME}`")),
        (
            {"bookmarks": None, "a": 1, "b": {"c": 2}},
            file_messages.STATE_OF_OTHERS(names="`a`, `b`"),
        ),
        (
            {"value": {"bookmarks": {}}},
            file_messages.STATE_IN_ENVELOPE(name="value"),
        ),
        (
            {"completed": {"bookmarks": None}},
            file_messages.STATE_IN_ENVELOPE(name="completed"),
        ),
    ],
)
def test_a_state_without_bookmarks_is_refused(
    state: dict[str, Any], words: str
) -> None:
    assert find_fault(state) == words
    with pytest.raises(ConfigurationError) as caught:
        loaded(state)
    assert str(caught.value) == file_messages.BAD_STATE(fault=words)
