"""States that other software has changed: merged, doubled, or with nulls."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from merging import merged
from report_api import NAME, asked, paged, read, state_of, two_rows, warnings_in
from support import (
    SAMPLE_CONFIG,
    TOKEN_PATH,
    catalog_of,
    contains,
    page_response,
    run_process,
    sync,
    token_response,
)

from tap_kayzen.messages import file_messages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Serve
    from starlette.responses import Response
    from support import Call, Run

LIST = "campaigns"
ADVERTISERS = [7, 8]
LATER = {"end_date": "2026-09-25"}


def states_of(run: Run) -> list[dict[str, Any]]:
    return [each["value"] for each in run.of_type("STATE")]


@pytest.mark.parametrize("advertisers", [None, ADVERTISERS])
def test_reports_read_the_same_after_a_merge(
    advertisers: list[int] | None, serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    """Any STATE of a first run can be merged, even of a killed one."""
    url, api = serve(paged(two_rows))
    first = states_of(read(url, capsys, advertiser_ids=advertisers))
    again = read(url, capsys, advertiser_ids=advertisers, state=first[0], **LATER)
    new = states_of(again)[-1]
    for settings in ({}, LATER):
        api.calls.clear()
        read(url, capsys, advertiser_ids=advertisers, state=new, **settings)
        expected = asked(api)
        for old in first:
            state = merged(old, new)
            api.calls.clear()
            read(url, capsys, advertiser_ids=advertisers, state=state, **settings)
            assert asked(api) == expected


@pytest.mark.parametrize("advertisers", [None, ADVERTISERS])
def test_a_changed_report_is_noticed_with_or_without_a_merge(
    advertisers: list[int] | None,
    serve: Serve,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def report(*metrics: str) -> dict[str, Any]:
        return {"name": NAME, "metrics": [*metrics], "group_by": ["day"]}

    url, _ = serve(paged(two_rows))
    before = {"advertiser_ids": advertisers, "reports": [report("clicks")]}
    after = {"advertiser_ids": advertisers, "reports": [report("clicks", "installs")]}
    old = states_of(read(url, capsys, **before))
    new = states_of(read(url, capsys, **after))
    caplog.clear()
    for each in old:
        read(url, capsys, state=merged(each, new[-1]), **after)
    assert not any("has changed" in line for line in warnings_in(caplog))


def listed(call: Call) -> Response:
    if call.path == TOKEN_PATH:
        return token_response()
    rows = [
        {"id": day, "updated_at": f"2026-09-{day:02}T00:00:00Z"} for day in range(1, 9)
    ]
    return page_response(rows, total_pages=1, total_entries=len(rows))


def incremental() -> dict[str, Any]:
    catalog = catalog_of(LIST)
    (entry,) = catalog["streams"]
    entry |= {"replication_method": "INCREMENTAL", "replication_key": "updated_at"}
    return catalog


def list_states() -> Iterator[dict[str, Any]]:
    """States of a list: never read, being read for the first time or again, read."""
    bookmark = {"replication_key": "updated_at"}
    running = {
        "progress_markers": {
            "Note": "Progress is not resumable if interrupted.",
            "replication_key": "updated_at",
            "replication_key_value": "2026-09-08T00:00:00Z",
        },
        "replication_key_signpost": "2026-09-09T00:00:00Z",
    }
    none = {**bookmark, "replication_key_value": None}
    some = {**bookmark, "replication_key_value": "2026-09-04T00:00:00Z"}
    for each in (none, {**none, **running}, some, {**some, **running}):
        yield {"bookmarks": {LIST: each}}


@pytest.mark.parametrize("new", [*list_states()])
def test_lists_read_the_same_after_a_merge(
    new: dict[str, Any], serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = serve(listed)
    config = {**SAMPLE_CONFIG, "api_url": url}
    expected = sync(config, capsys, catalog=incremental(), state=new)
    assert expected.records
    for old in list_states():
        state = merged(old, new)
        run = sync(config, capsys, catalog=incremental(), state=state)
        assert run.records == expected.records
        assert states_of(run)[-1] == states_of(expected)[-1]


def test_a_list_that_was_never_complete_is_marked_in_the_state(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    """Otherwise, merging with an older state would restore a bookmark."""

    def too_few(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        return page_response([{"id": 1}], total_pages=1, total_entries=2)

    url, _ = serve(too_few)
    config = {**SAMPLE_CONFIG, "api_url": url}
    run = sync(config, capsys, catalog=incremental())
    assert states_of(run)[-1]["bookmarks"][LIST] == {
        "replication_key": "updated_at",
        "replication_key_value": None,
    }


@pytest.mark.parametrize("is_late_first", [False, True])
def test_a_duplicate_partition_resumes_from_the_earlier_bookmark(
    is_late_first: bool,  # noqa: FBT001
    serve: Serve,
    tmp_path: Path,
) -> None:
    url, api = serve(paged(two_rows))
    days = ["2026-09-19", "2026-09-15"]
    context = {"advertiser_id": 7}
    partitions = [
        {"context": context, **state_of(day)["bookmarks"][NAME]} for day in days
    ]
    state = {
        "bookmarks": {
            NAME: {"partitions": partitions[:: 1 if is_late_first else -1]},
            LIST: None,
        }
    }
    paths = {name: tmp_path / name for name in ("config", "state", "catalog")}
    settings = {"api_url": url, "advertiser_ids": [7], "end_date": "2026-09-20"}
    paths["config"].write_text(json.dumps({**SAMPLE_CONFIG, **settings}))
    paths["state"].write_text(json.dumps(state))
    paths["catalog"].write_text(json.dumps(catalog_of(NAME)))
    options = [f"--{name}={path}" for name, path in paths.items()]
    run = run_process(*options)
    assert run.code == 0
    assert asked(api)[0][0] == "2026-09-08"
    (warning,) = [each for each in run.stderr.splitlines() if " | WARNING " in each]
    assert contains(warning, file_messages.PARTITION_REPEATED)
    assert warning.endswith("2 times; using the earliest bookmark, 2026-09-15")
    (partition,) = states_of(run)[-1]["bookmarks"][NAME]["partitions"]
    assert partition["replication_key_value"] == "2026-09-20"
