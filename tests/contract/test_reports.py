"""Report rows over a real socket: windows and bookmarks."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from report_api import (
    DAYS,
    NAME,
    PATH,
    asked,
    between,
    bookmarks,
    days_of,
    paged,
    read,
    row_of,
    state_of,
    two_rows,
    warnings_in,
)
from support import (
    SAMPLE_CONFIG,
    WARNINGS,
    ScriptedApi,
    contains,
    regex,
    run_process,
    selecting,
    sync,
)
from watchdog import watched

from tap_kayzen.messages import report_messages
from tap_kayzen.sandbox.server import running
from tap_kayzen.streams.failures import IncompleteError

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Serve
    from starlette.types import Receive, Scope, Send

    Row = dict[str, Any]
    Config = dict[str, Any]


def test_a_report_is_requested_as_documented(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, api = serve(paged(two_rows))
    report = {
        "name": "Spend by Country",
        "metrics": ["advertiser_spend", "impressions"],
        "group_by": ["day", "campaign_id"],
        "filters": {"campaign_id": [1, 2]},
        "time_zone": "America/New_York",
        "window_days": 30,
        "options": {"attribution_source": "skan", "time_zone": "Eastern Time"},
    }
    config = {**SAMPLE_CONFIG, "api_url": url, **DAYS, "reports": [report]}
    run = sync({**config, "advertiser_ids": [7]}, capsys, streams=["spend_by_country"])
    call = api.to(PATH)[0]
    assert call.method == "POST"
    assert call.query == ""
    assert call.headers["content-type"] == "application/json"
    assert call.headers["authorization"] == "Bearer token-1"
    assert json.loads(call.body) == {
        "advertiser_id": 7,
        "start_date": "2026-09-01",
        "end_date": "2026-09-20",
        "metrics": ["advertiser_spend", "impressions"],
        "group_by": ["day", "campaign_id"],
        "filters": {"campaign_id": [1, 2]},
        "attribution_source": "skan",
        "time_zone": "Eastern Time",
        "page": 1,
        "per_page": 1000,
    }
    assert len(run.records) == 40
    assert all(row["advertiser_id"] == 7 for row in run.records)


def test_windows_come_in_order_and_each_is_followed_by_its_state(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, api = serve(paged(two_rows))
    run = read(url, capsys)
    assert asked(api) == [
        ("2026-09-01", "2026-09-07"),
        ("2026-09-08", "2026-09-14"),
        ("2026-09-15", "2026-09-20"),
    ]
    seen = ""
    ends = []
    for message in run.messages:
        if message["type"] == "RECORD":
            assert message["record"]["day"] >= seen
            seen = message["record"]["day"]
        elif message["type"] == "STATE":
            bookmark = message["value"]["bookmarks"][NAME]
            assert bookmark["replication_key_value"] == seen
            assert bookmark["replication_key"] == "day"
            ends.append(seen)
    assert ends[:3] == ["2026-09-07", "2026-09-14", "2026-09-20"]
    left = [each["unfinished"]["next_day"] for each in bookmarks(run)]
    assert left[:2] == ["2026-09-08", "2026-09-15"]
    assert left[-1] is None


def test_a_window_without_rows_moves_the_bookmark_too(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, api = serve(paged(lambda _: []))
    run = read(url, capsys)
    assert run.records == []
    values = [each["replication_key_value"] for each in bookmarks(run)]
    assert values[:3] == ["2026-09-07", "2026-09-14", "2026-09-20"]
    # An empty page says enough: a call for each window.
    assert len(api.to(PATH)) == 3


def test_states_of_many_partitions_do_not_flood_the_output(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = serve(paged(two_rows))
    advertisers = [*range(1, 61)]
    run = read(url, capsys, advertiser_ids=advertisers, start_date="2026-09-15")
    assert len(run.records) == 60 * 12
    # Each window has 12 records: a STATE for every 60 of them.
    assert len(run.of_type("STATE")) == 12
    partitions = bookmarks(run)[-1]["partitions"]
    assert {each["replication_key_value"] for each in partitions} == {"2026-09-20"}


def test_the_output_does_not_depend_on_concurrency(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = serve(paged(two_rows))

    def output(**changes: Any) -> list[Any]:
        run = read(url, capsys, **changes)
        return [message.get("record") or message["type"] for message in run.messages]

    one = output(concurrency=1)
    assert output(concurrency=16) == one
    assert output(concurrency=16, report_page_size=3) == one


class Together:
    """Lets the first report calls wait for each other."""

    def __init__(self, app: ScriptedApi, count: int) -> None:
        self.app = app
        self.missing = count
        self.all_here = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == PATH:
            self.missing -= 1
            if self.missing == 0:
                self.all_here.set()
            await self.all_here.wait()
        await self.app(scope, receive, send)


def test_windows_and_advertisers_are_read_concurrently(
    capsys: pytest.CaptureFixture[str],
) -> None:
    api = ScriptedApi(paged(two_rows))
    with running(Together(api, 6)) as url:
        run = read(
            url,
            capsys,
            concurrency=6,
            advertiser_ids=[1, 2],
            request_timeout=20,
            max_retries=0,
        )
    assert [row["advertiser_id"] for row in run.records] == [1] * 40 + [2] * 40


def test_each_advertiser_has_its_own_bookmark(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, api = serve(paged(two_rows))
    run = read(url, capsys, advertiser_ids=[1, 2])
    state = run.of_type("STATE")[-1]["value"]
    partitions = state["bookmarks"][NAME]["partitions"]
    assert [
        (each["context"], each["replication_key_value"]) for each in partitions
    ] == [({"advertiser_id": 1}, "2026-09-20"), ({"advertiser_id": 2}, "2026-09-20")]
    assert len({row["_key"] for row in run.records}) == 80

    api.calls.clear()
    partitions[0]["replication_key_value"] = "2026-09-10"
    read(url, capsys, advertiser_ids=[1, 2], state=state, lookback_days=2)
    first = {
        number: min(
            days_of(call)[0]
            for call in api.to(PATH)
            if json.loads(call.body)["advertiser_id"] == number
        )
        for number in (1, 2)
    }
    assert first == {1: "2026-09-08", 2: "2026-09-18"}


@pytest.mark.parametrize(
    ("state", "changes", "first"),
    [
        (state_of("2026-09-15"), {}, "2026-09-08"),
        (state_of("2026-09-15"), {"lookback_days": 0}, "2026-09-15"),
        (state_of("2026-09-15"), {"start_date": "2026-09-12"}, "2026-09-12"),
        (state_of("2026-09-20"), {}, "2026-09-13"),
    ],
)
def test_a_run_begins_before_the_bookmark(
    state: dict[str, Any],
    changes: Config,
    first: str,
    serve: Serve,
    capsys: pytest.CaptureFixture[str],
) -> None:
    url, api = serve(paged(two_rows))
    run = read(url, capsys, state=state, **{"start_date": "2026-01-01", **changes})
    assert asked(api)[0][0] == first
    assert bookmarks(run)[-1]["replication_key_value"] == "2026-09-20"


def test_nothing_is_read_beyond_the_end(
    serve: Serve, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    url, api = serve(paged(two_rows))
    caplog.set_level("INFO")
    run = read(url, capsys, state=state_of("2026-10-20"))
    assert api.to(PATH) == []
    assert run.records == []
    text = report_messages.NOTHING_TO_READ(first="2026-10-13", last="2026-09-20")
    assert f"{NAME}: n{text[1:]}" in caplog.messages
    assert bookmarks(run)[-1]["replication_key_value"] == "2026-10-20"


def test_a_broken_state_is_refused(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = serve(paged(two_rows))
    expected = f"{NAME}: {regex(report_messages.BAD_BOOKMARK)}"
    with pytest.raises(IncompleteError, match=expected):
        read(url, capsys, state=state_of("yesterday"))


@pytest.mark.parametrize("lines", [1, 3, 40, 90, 130])
def test_a_killed_run_resumes_without_a_gap(
    lines: int, serve: Serve, tmp_path: Path
) -> None:
    def rows(day: str) -> list[Row]:
        return [row_of(day, number) for number in range(4)]

    url, api = serve(paged(rows))
    config = tmp_path / "config.json"
    days = {"start_date": "2026-08-01", "end_date": "2026-09-20"}
    config.write_text(json.dumps({**SAMPLE_CONFIG, "api_url": url, **days}))
    command = [sys.executable, *WARNINGS, "-m", "tap_kayzen", "--config", str(config)]
    with watched(
        [*command, *map(str, selecting(tmp_path, NAME))],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        first = [process.stdout.readline() for _ in range(lines)]
        process.kill()
    messages = [json.loads(line) for line in first]
    states = [each["value"] for each in messages if each["type"] == "STATE"]
    state = tmp_path / "state.json"
    state.write_text(json.dumps(states[-1] if states else {}))
    api.calls.clear()
    second = run_process(
        "--config", config, *selecting(tmp_path, NAME), "--state", state
    )
    assert second.code == 0
    sent = [each["record"] for each in messages if each["type"] == "RECORD"]
    every = [row for day in between("2026-08-01", "2026-09-20") for row in rows(day)]
    came = {(row["day"], row["campaign_id"]) for row in [*sent, *second.records]}
    assert came == {(row["day"], row["campaign_id"]) for row in every}
    # Of what had come before the last STATE, nothing is read again.
    if states:
        done = states[-1]["bookmarks"][NAME]["replication_key_value"]
        assert asked(api)[0][0] == str(date.fromisoformat(done) + timedelta(days=1))


def test_a_changed_report_is_logged_once(
    serve: Serve, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    url, _ = serve(paged(lambda day: [row_of(day, country="DE")]))
    state = read(url, capsys).of_type("STATE")[-1]["value"]
    report = {
        "name": NAME,
        "metrics": ["impressions", "wins"],
        "group_by": ["day", "campaign_id", "country"],
    }
    run = read(url, capsys, state=state, reports=[report])
    text = report_messages.REPORT_CHANGED(
        parts="`metrics`, `group_by`", day="2026-09-13"
    )
    (warning,) = [each for each in warnings_in(caplog) if "has changed" in each]
    assert warning == f"{NAME}: t{text[1:]}"
    state = run.of_type("STATE")[-1]["value"]
    caplog.clear()
    read(url, capsys, state=state, reports=[report])
    assert "has changed" not in caplog.text


def test_future_days_never_count_as_read(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, api = serve(paged(two_rows))
    days = {"start_date": "2026-11-01", "end_date": "2030-12-31"}
    with time_machine.travel(datetime(2026, 11, 10, 12, tzinfo=timezone.utc)):
        run = read(url, capsys, **days)
        assert bookmarks(run)[-1]["replication_key_value"] == "2026-11-10"
        api.calls.clear()
        run = read(url, capsys, **days, state=state_of("2030-12-31"))
        assert asked(api)[0][0] == "2026-11-03"
        assert bookmarks(run)[-1]["replication_key_value"] == "2026-11-10"


def test_a_bookmark_without_an_advertiser_is_logged(
    serve: Serve,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    url, _ = serve(paged(two_rows))
    state = read(url, capsys).of_type("STATE")[-1]["value"]
    read(url, capsys, state=state, advertiser_ids=[1])
    (warning,) = warnings_in(caplog)
    assert contains(warning, report_messages.BOOKMARK_WITHOUT_ADVERTISER)


def test_a_run_with_an_earlier_end_leaves_the_rest_to_the_next(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, api = serve(paged(two_rows))
    cut = {"next_day": "2026-09-05", "end_date": "2026-09-20"}
    state = state_of("2026-09-15", unfinished=cut)
    run = read(url, capsys, state=state, end_date="2026-09-08")
    state = run.of_type("STATE")[-1]["value"]
    assert bookmarks(run)[-1]["unfinished"]["next_day"] == "2026-09-09"
    api.calls.clear()
    read(url, capsys, state=state)
    assert asked(api)[0][0] == "2026-09-09"


def test_empty_windows_of_several_advertisers_leave_a_state_too(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = serve(paged(lambda _: []))
    run = read(url, capsys, advertiser_ids=[1, 2], start_date="2026-06-01")
    assert len(run.of_type("STATE")) > 20


@pytest.mark.parametrize("bookmarks", [{NAME: "2026-09-01"}, {NAME: []}, []])
def test_a_file_that_is_not_a_state_is_refused_in_one_line(
    bookmarks: object, tmp_path: Path
) -> None:
    state = tmp_path / "state.json"
    state.write_text(json.dumps({"bookmarks": bookmarks}))
    config = tmp_path / "config.json"
    config.write_text(json.dumps(SAMPLE_CONFIG))
    run = run_process("--config", config, "--state", state)
    (error,) = run.errors
    assert run.code == 1
    whose = f"the bookmark of `{NAME}`" if bookmarks else "`bookmarks`"
    assert error == f"--state {state}: {whose} must be an object"
