"""Public reports about other software, tried on this tap.

docs/reliability.md lists them.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import socketserver
import sys
import threading
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from report_api import (
    NAME,
    asked,
    between,
    bookmarks,
    one_page,
    paged,
    read,
    row_of,
    state_of,
    two_rows,
    warnings_in,
)
from report_api import (
    PATH as REPORT_PATH,
)
from singer_sdk.exceptions import FatalAPIError
from starlette.responses import Response
from support import (
    SAMPLE_CONFIG,
    TOKEN_PATH,
    ScriptedApi,
    catalog_of,
    contains,
    page_response,
    regex,
    run_process,
    selecting,
    sync,
    token_response,
)
from watchdog import finished

from tap_kayzen.messages import (
    file_messages,
    network_messages,
    report_messages,
    settings_messages,
    stream_map_messages,
    stream_messages,
)
from tap_kayzen.reading.windows import DateRange
from tap_kayzen.sandbox.server import LOOPBACK, server_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from conftest import Serve
    from support import Call, Run

ROWS: list[dict[str, Any]] = [
    {"id": 1, "name": "самых \N{PARTY POPPER} ü", "status": "active", "tags": ["a"]},
    {"id": 2, "name": None, "status": "paused", "new": {"a": {"b": [1]}}},
]
RECORDS = [
    ROWS[0],
    {"id": 2, "name": None, "status": "paused", "_extra": {"new": ROWS[1]["new"]}},
]
NOWHERE = "http://127.0.0.1:9"
"""An address without a server."""

ACTIVATE = {"emit_activate_version_messages": True}


def kayzen(rows: list[dict[str, Any]]) -> Callable[[Call], Response]:
    """Answer as Kayzen with a list of one page; also where this is a proxy."""

    def answer(call: Call) -> Response:
        if call.path.endswith(TOKEN_PATH):
            return token_response()
        return page_response(rows, total_pages=1, total_entries=len(rows))

    return answer


@pytest.fixture
def url(serve: Serve) -> str:
    """Return the address of a Kayzen with two campaigns."""
    address, _ = serve(kayzen(ROWS))
    return address


def campaigns(url: str, capsys: pytest.CaptureFixture[str], **options: Any) -> Run:
    """Read the campaigns in this process."""
    own = {name: options.pop(name) for name in ("catalog", "state") if name in options}
    return sync({**SAMPLE_CONFIG, "api_url": url, **options}, capsys, **own)


def tap(
    folder: Path,
    config: dict[str, Any],
    *arguments: str | Path,
    stream: str = "campaigns",
    **environment: str,
) -> Run:
    """Read one stream in its own process."""
    path = folder / "config.json"
    path.write_text(json.dumps({**SAMPLE_CONFIG, "max_retries": 0, **config}))
    return run_process(
        *("--config", path, *selecting(folder, stream), *arguments),
        cwd=folder,
        env={**os.environ, **environment},
    )


# Days and time zones


@pytest.mark.parametrize(
    "zone",
    [
        "America/Santiago",  # Clocks go forward at midnight: no 00:00 on that day.
        "Africa/Cairo",
        "Australia/Lord_Howe",  # By half an hour.
        "Pacific/Kiritimati",  # Up to 14 hours ahead,
        "Etc/GMT+12",  # or 12 behind.
    ],
)
def test_yesterday_is_right_at_any_time_of_a_year(zone: str) -> None:
    moment = datetime(2027, 12, 25, tzinfo=timezone.utc)
    last = None
    with time_machine.travel(moment, tick=False) as clock:
        while moment.year < 2029:
            clock.move_to(moment)
            days = DateRange.from_config({"lookback_days": 7}, zone)
            assert days.end == moment.astimezone(ZoneInfo(zone)).date() - timedelta(1)
            assert last in {None, days.end, days.end - timedelta(1)}
            last = days.end
            moment += timedelta(minutes=97)


def test_an_hour_that_occurs_twice_loads_twice(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    hours = [f"{hour:02}" for hour in (0, 1, *range(1, 24))]
    rows = [
        {"day": "2026-11-01", "hour": hour, "clicks": number}
        for number, hour in enumerate(hours)
    ]
    url, _ = serve(one_page(rows))
    report = {
        "name": NAME,
        "metrics": ["clicks"],
        "group_by": ["hour"],
        "time_zone": "America/New_York",
    }
    days = {"start_date": "2026-11-01", "end_date": "2026-11-01"}
    run = read(url, capsys, reports=[report], **days)
    assert len({record["_key"] for record in run.records}) == 25
    assert [record["clicks"] for record in run.records] == list(range(25))


@pytest.mark.parametrize(
    ("first", "last", "state"),
    [
        ("2023-12-28", "2024-03-02", {}),
        ("2024-02-29", "2024-02-29", {}),
        ("2024-02-27", "2025-01-02", state_of("2024-03-05")),
        ("2025-02-27", "2025-03-12", state_of("2025-03-06 00:00:00")),
        ("2025-02-27", "2025-03-12", state_of("2025-03-06T00:00:00Z")),
        ("2025-02-27", "2025-03-12", state_of("2025-03-06T23:30:00+09:00")),
    ],
)
def test_each_day_is_requested_once(
    serve: Serve,
    capsys: pytest.CaptureFixture[str],
    first: str,
    last: str,
    state: dict[str, Any],
) -> None:
    url, api = serve(paged(two_rows))
    start = {} if state else {"start_date": first}
    run = read(
        url, capsys, **{"start_date": "2023-01-01", **start}, end_date=last, state=state
    )
    days = [day for window in asked(api) for day in between(*window)]
    assert days == between(first, last)
    assert len(run.records) == 2 * len(days)


def test_today_is_read_on_request_and_again_the_next_day(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, api = serve(paged(two_rows))
    with time_machine.travel(datetime(2026, 9, 20, 12, tzinfo=timezone.utc)):
        run = read(url, capsys, start_date="2026-09-20", end_date="2026-10-01")
    assert asked(api) == [("2026-09-20", "2026-09-20")]
    state = run.of_type("STATE")[-1]["value"]
    assert bookmarks(run)[-1]["replication_key_value"] == "2026-09-20"
    days = {"start_date": "2020-01-01", "end_date": None}
    with time_machine.travel(datetime(2026, 9, 21, 12, tzinfo=timezone.utc)):
        again = read(url, capsys, **days, state=state)
    keys = [{record["_key"] for record in each.records} for each in (run, again)]
    assert keys[0] < keys[1], "the rows of that day come again, with their keys"


def test_a_bookmark_in_the_future_does_not_skip_days(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, api = serve(paged(two_rows))
    days = {"start_date": "2020-01-01", "end_date": None}
    with time_machine.travel(datetime(2026, 9, 20, 12, tzinfo=timezone.utc)):
        read(url, capsys, **days, state=state_of("2027-04-01"))
    assert asked(api) == [("2026-09-13", "2026-09-19")]


# State


@pytest.mark.parametrize(
    ("bookmark", "names"),
    [
        ({"day": "2026-08-01"}, "`day`"),
        (
            {"replication_key": "date", "replication_key_value": "2026-08-01"},
            "`replication_key`, `replication_key_value`",
        ),
        (
            {
                "partitions": [
                    {
                        "context": {"advertiser_id": 1},
                        "replication_key": "day",
                        "replication_key_value": "2026-08-01",
                    }
                ]
            },
            "`partitions`",
        ),
    ],
)
def test_a_bookmark_of_another_kind_is_not_silently_ignored(
    serve: Serve,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    bookmark: dict[str, Any],
    names: str,
) -> None:
    url, _ = serve(paged(two_rows))
    read(url, capsys, start_date="2026-09-18", state={"bookmarks": {NAME: bookmark}})
    (line,) = [each for each in caplog.records if each.levelname == "WARNING"]
    assert line.name == f"tap-kayzen.{NAME}"
    text = report_messages.OTHER_BOOKMARKS(column="day", others=names, day="2026-09-18")
    assert line.getMessage() == f"{NAME}: t{text[1:]}"


def test_a_bookmark_need_not_name_its_column(
    serve: Serve, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    url, api = serve(paged(two_rows))
    state = {"bookmarks": {NAME: {"replication_key_value": "2026-09-18"}}}
    read(url, capsys, start_date="2026-01-01", state=state)
    assert asked(api)[0][0] == "2026-09-11"
    assert warnings_in(caplog) == []


@pytest.mark.parametrize(
    "marks",
    [
        {},
        {"gone": {"replication_key": "x", "replication_key_value": 1}},
        {NAME: {"starting_replication_value": "2026-01-01"}},
        {NAME: {"progress_markers": {"Note": "Progress is not resumable"}}},
    ],
)
def test_a_state_without_a_bookmark_logs_nothing(
    serve: Serve,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    marks: dict[str, Any],
) -> None:
    url, _ = serve(paged(two_rows))
    state = {"bookmarks": marks, "currently_syncing": NAME}
    run = read(url, capsys, start_date="2026-09-18", state=state)
    bookmark = run.of_type("STATE")[-1]["value"]["bookmarks"][NAME]
    assert bookmark["replication_key_value"] == "2026-09-20"
    assert warnings_in(caplog) == []


@pytest.mark.parametrize(
    "partitions",
    [{"0": {"context": {"advertiser_id": 1}}}, [{"replication_key": "day"}]],
)
def test_partitions_in_another_format_are_named(
    url: str, tmp_path: Path, partitions: object
) -> None:
    state = tmp_path / "state.json"
    state.write_text(
        json.dumps({"bookmarks": {"campaigns": {"partitions": partitions}}})
    )
    config = {"api_url": url, "advertiser_ids": [1]}
    run = tap(tmp_path, config, "--state", state)
    assert run.code == 1
    (error,) = run.errors
    assert error.startswith(f"--state {state}: ")
    assert "`partitions` of `campaigns`" in error


def test_a_flat_state_is_named(url: str, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text(json.dumps({NAME: "2026-08-01"}))
    run = tap(tmp_path, {"api_url": url}, "--state", state)
    assert run.code == 1
    (error,) = run.errors
    assert "`bookmarks`" in error


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", file_messages.EMPTY_FILE(option="--state")),
        ("{}\n{}\n", file_messages.SEVERAL_LINES(count=2)),
    ],
)
def test_an_empty_or_multiline_state_file_is_named(
    url: str, tmp_path: Path, text: str, reason: str
) -> None:
    state = tmp_path / "state.json"
    state.write_text(text)
    run = tap(tmp_path, {"api_url": url}, "--state", state)
    assert run.errors[0].endswith(reason)


def test_a_partition_can_have_a_text_id(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, api = serve(paged(two_rows))
    marks = {"replication_key": "day", "replication_key_value": "2026-09-18"}
    partition = {"context": {"advertiser_id": "7"}, **marks}
    state = {"bookmarks": {NAME: {"partitions": [partition]}}}
    run = read(url, capsys, start_date="2026-01-01", advertiser_ids=[7, 8], state=state)
    bodies = [json.loads(call.body) for call in api.to(REPORT_PATH)]
    first_days = {
        number: min(
            body["start_date"] for body in bodies if body["advertiser_id"] == number
        )
        for number in (7, 8)
    }
    assert first_days == {7: "2026-09-11", 8: "2026-01-01"}
    contexts = [
        each["context"]
        for each in run.of_type("STATE")[-1]["value"]["bookmarks"][NAME]["partitions"]
    ]
    assert contexts == [{"advertiser_id": 7}, {"advertiser_id": 8}]


def test_a_stream_without_rows_has_schema_and_state(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = serve(one_page([]))
    run = read(url, capsys, start_date="2026-09-18")
    kinds = [message["type"] for message in run.messages]
    assert kinds == ["SCHEMA", "STATE"]
    assert bookmarks(run)[-1]["replication_key_value"] == "2026-09-20"


def test_each_schema_is_sent_once_and_first(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = serve(paged(two_rows))
    run = read(url, capsys, advertiser_ids=[1, 2], state=state_of("2026-09-01"))
    kinds = [message["type"] for message in run.messages]
    assert kinds.count("SCHEMA") == 1
    assert kinds.index("SCHEMA") < kinds.index("RECORD")


# Catalogs


def edited(**root: object) -> dict[str, Any]:
    """Make a catalog of the campaigns with more metadata of the stream."""
    catalog = catalog_of("campaigns")
    for each in catalog["streams"][0]["metadata"]:
        if each["breadcrumb"] == []:
            each["metadata"] |= root
    return catalog


def with_more_than_discovered() -> dict[str, Any]:
    catalog = edited(**{"view-key-properties": ["id"], "fieldExclusions": []})
    (entry,) = catalog["streams"]
    entry |= {"stream_alias": "c", "table_name": "t", "is_view": False, "row_count": 2}
    entry["metadata"] += [
        {
            "breadcrumb": ["properties", "no_such_column"],
            "metadata": {"selected": True},
        },
        {
            "breadcrumb": ["properties", "_extra", "properties", "new"],
            "metadata": {"selected": True},
        },
    ]
    return {**catalog, "version": 1}


def without_metadata() -> dict[str, Any]:
    catalog = catalog_of("campaigns")
    del catalog["streams"][0]["metadata"]
    return catalog


def with_an_entry_twice() -> dict[str, Any]:
    catalog = catalog_of("campaigns")
    catalog["streams"] *= 2
    return catalog


def with_other_types() -> dict[str, Any]:
    catalog = catalog_of("campaigns")
    columns = catalog["streams"][0]["schema"]["properties"]
    columns["name"] = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    columns["status"] = {}
    columns["more"] = {"type": ["null", "integer"]}
    return catalog


@pytest.mark.parametrize(
    "catalog",
    [
        with_more_than_discovered,
        without_metadata,
        with_an_entry_twice,
        with_other_types,
        lambda: edited(selected=None),
    ],
)
def test_an_edited_catalog_selects_the_same(
    url: str,
    capsys: pytest.CaptureFixture[str],
    catalog: Callable[[], dict[str, Any]],
) -> None:
    assert campaigns(url, capsys, catalog=catalog()).records == RECORDS


def test_unsupported_columns_are_not_sent(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    catalog = catalog_of("campaigns")
    for each in catalog["streams"][0]["metadata"]:
        if each["breadcrumb"] == ["properties", "name"]:
            each["metadata"]["inclusion"] = "unsupported"
    run = campaigns(url, capsys, catalog=catalog)
    assert "name" not in run.of_type("SCHEMA")[0]["schema"]["properties"]
    assert not any("name" in record for record in run.records)


def test_replication_can_be_set_in_singer_metadata(
    serve: Serve, tmp_path: Path
) -> None:
    url, _ = serve(kayzen([{"id": 1, "updated_at": "2026-01-02T03:04:05.000Z"}]))
    root = {"replication-method": "INCREMENTAL", "replication-key": "updated_at"}
    path = tmp_path / "edited.json"
    path.write_text(json.dumps(edited(**root)), encoding="utf-8")
    run = tap(tmp_path, {"api_url": url}, "--catalog", path)
    state = run.of_type("STATE")[-1]["value"]["bookmarks"]["campaigns"]
    assert state["replication_key"] == "updated_at"


# Stream maps and flattening


@pytest.mark.parametrize(
    ("maps", "records"),
    [
        (
            {"id": "id", "n": "name", "__else__": None},
            [{"id": each["id"], "n": each["name"]} for each in ROWS],
        ),
        # What Meltano can pass on, which drops null.
        ({"id": "id", "__else__": "__NULL__"}, [{"id": 1}, {"id": 2}]),
        ({"__filter__": "status == 'paused'"}, RECORDS[1:]),
        ({"__filter__": "id in config['ids']"}, RECORDS[1:]),
        (
            {"day": "datetime.date(2026, 9, 1).isoformat()"},
            [{**each, "day": "2026-09-01"} for each in RECORDS],
        ),
    ],
)
def test_stream_maps_work_as_documented(
    url: str,
    capsys: pytest.CaptureFixture[str],
    maps: dict[str, Any],
    records: list[dict[str, Any]],
) -> None:
    run = campaigns(
        url, capsys, stream_maps={"campaigns": maps}, stream_map_config={"ids": [2]}
    )
    assert run.records == records
    (schema,) = run.of_type("SCHEMA")
    assert all(
        record.keys() <= schema["schema"]["properties"].keys() for record in records
    )


def test_a_copy_and_an_alias_are_activated_under_their_names(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = {"__source__": "campaigns", "id": "id", "__else__": None}
    maps = {"campaigns": {"__alias__": "ads"}, "ids": copy}
    run = campaigns(url, capsys, stream_maps=maps, **ACTIVATE)
    for kind in ("SCHEMA", "RECORD", "ACTIVATE_VERSION"):
        assert {each["stream"] for each in run.of_type(kind)} == {"ads", "ids"}
    kinds = [message["type"] for message in run.messages if message["type"] != "STATE"]
    assert kinds[-2:] == ["ACTIVATE_VERSION"] * 2


def test_key_properties_of_a_map_reach_the_schema(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    maps = {"new_id": "str(id)", "__key_properties__": ["new_id"]}
    run = campaigns(url, capsys, stream_maps={"campaigns": maps})
    assert run.of_type("SCHEMA")[0]["key_properties"] == ["new_id"]


def test_a_schema_without_keys_has_empty_key_properties(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    maps = {"campaigns": {"__key_properties__": None}}
    run = campaigns(url, capsys, stream_maps=maps)
    assert run.of_type("SCHEMA")[0]["key_properties"] == []


def test_a_map_works_without_records(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = serve(kayzen([]))
    maps = {"campaigns": {"upper": "name.upper()", "__filter__": "id > 1"}}
    run = campaigns(url, capsys, stream_maps=maps)
    assert [each["type"] for each in run.messages] == ["SCHEMA", "STATE"]


@pytest.mark.parametrize("depth", [1, 5])
def test_flattened_records_fit_their_schema(
    url: str, capsys: pytest.CaptureFixture[str], depth: int
) -> None:
    flat = {"flattening_enabled": True, "flattening_max_depth": depth}
    run = campaigns(url, capsys, **flat)
    columns = run.of_type("SCHEMA")[0]["schema"]["properties"]
    for name in ("tags", "_extra"):
        assert set(columns[name]["type"]) == {"string", "null"}
    assert [record.get("tags") for record in run.records] == ['["a"]', None]
    assert json.loads(run.records[1]["_extra"]) == RECORDS[1]["_extra"]
    assert all(record.keys() <= columns.keys() for record in run.records)


def test_flattened_names_that_collide_are_named(url: str, tmp_path: Path) -> None:
    flat = {"flattening_enabled": True, "flattening_max_depth": 1}
    run = tap(tmp_path, {"api_url": url, **flat, "flattening_max_key_length": 10})
    assert run.code == 1
    (error,) = run.errors
    assert error.startswith("campaigns: ")
    assert contains(error, stream_map_messages.DUPLICATE_COLUMN)


def test_a_deselected_stream_can_have_colliding_names(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    flat = {"flattening_enabled": True, "flattening_max_depth": 1}
    catalog = catalog_of("campaigns", "tags")
    for entry in catalog["streams"]:
        for each in entry["metadata"]:
            each["metadata"]["selected"] = entry["tap_stream_id"] == "tags"
    options = {**flat, "flattening_max_key_length": 10}
    run = campaigns(url, capsys, catalog=catalog, **options)
    assert {each["stream"] for each in run.of_type("RECORD")} == {"tags"}


# Values


def test_values_in_odd_formats_are_kept_whole(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    row = (
        '{"id": 9007199254740993, "name": "first", "day_budget": 1.79E+3,'
        ' "billing_price": 1E-7, "target_bid": "1e3", "end_time": "", "order_id": "-",'
        ' "start_time": "0000-00-00 00:00:00", "A": 1, "a": 2, "name": "last"}'
    )
    url, _ = serve(
        lambda call: (
            token_response()
            if call.path == TOKEN_PATH
            else Response(f'{{"data": [{row}], "meta": {{"total_pages": 1}}}}')
        )
    )
    run = campaigns(url, capsys)
    record = json.loads(run.stdout.splitlines()[1], parse_float=Decimal)["record"]
    assert record == {
        "id": 9007199254740993,
        "name": "last",
        "day_budget": 1790,
        "billing_price": Decimal("1E-7"),
        "target_bid": 1000,
        "start_time": None,
        "end_time": None,
        "order_id": None,
        "_extra": {
            "start_time": "0000-00-00 00:00:00",
            "end_time": "",
            "order_id": "-",
            "A": 1,
            "a": 2,
        },
    }


def test_non_numeric_metrics_and_days_with_a_time_are_kept_whole(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    row = row_of("2026-09-20 00:00:00", clicks="-", installs="")
    url, _ = serve(one_page([row]))
    (record,) = read(url, capsys, start_date="2026-09-20").records
    assert record["day"] == "2026-09-20"
    assert (record["clicks"], record["installs"]) == (None, None)
    assert record["_extra"] == {"clicks": "-", "installs": ""}


def test_columns_that_postgres_would_truncate_alike_are_named(
    tmp_path: Path,
) -> None:
    long = "in_app_event_" + "x" * 50
    report = {"name": "r", "metrics": [f"{long}_1", f"{long}_2"], "group_by": ["day"]}
    run = tap(tmp_path, {"api_url": NOWHERE, "reports": [report]})
    assert run.code == 1
    assert "63" in run.errors[0]


# Encodings, settings, logs


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "cp1252"},
    ],
)
def test_messages_are_utf_8_on_any_console(
    url: str, tmp_path: Path, environment: dict[str, str]
) -> None:
    run = tap(tmp_path, {"api_url": url}, **environment)
    assert run.code == 0, run.stderr
    assert run.records == RECORDS


def test_a_dotenv_from_windows_with_odd_passwords(serve: Serve, tmp_path: Path) -> None:
    url, api = serve(kayzen(ROWS))
    lines = [
        f"TAP_KAYZEN_API_URL={url}",
        "export TAP_KAYZEN_USERNAME = me",
        "TAP_KAYZEN_PASSWORD='a$HOME${X}#b'",
        "TAP_KAYZEN_API_KEY=12345678",
        "TAP_KAYZEN_API_SECRET=true",
        "",
    ]
    (tmp_path / ".env").write_bytes("\r\n".join(lines).encode())
    run = run_process(
        "--config", "ENV", *selecting(tmp_path, "campaigns"), cwd=tmp_path
    )
    assert run.records == RECORDS, run.stderr
    (login,) = api.to(TOKEN_PATH)
    assert login.body.endswith(b"username=me&password=a%24HOME%24%7BX%7D%23b")


def test_a_password_of_digits_needs_quotes_and_is_not_shown(tmp_path: Path) -> None:
    run = tap(tmp_path, {"password": 12345678})
    assert run.errors == ["`password` must be of type string, not integer"]
    assert "12345678" not in run.stderr


def test_numbers_and_booleans_can_be_text(url: str, tmp_path: Path) -> None:
    settings = {"page_size": "50", "request_timeout": "2.5", "concurrency": "4"}
    flags = {"emit_activate_version_messages": "true"}
    run = tap(tmp_path, {"api_url": url, **settings, **flags})
    assert run.records == RECORDS, run.errors


def test_an_empty_text_counts_as_not_set(url: str, tmp_path: Path) -> None:
    empty = dict.fromkeys(("start_date", "end_date", "audience_api_key"), "")
    run = tap(tmp_path, {"api_url": url, **empty})
    assert run.records == RECORDS, run.errors


@pytest.mark.parametrize("name", ["username", "api_key", "api_secret", "api_url"])
def test_spaces_around_a_pasted_setting_are_named(tmp_path: Path, name: str) -> None:
    config = {**SAMPLE_CONFIG, "api_url": NOWHERE}
    run = tap(tmp_path, {**config, name: f"{config[name]}\n"})
    assert [error for error in run.errors if f"`{name}`" in error and "space" in error]


def test_logs_can_be_json(url: str, tmp_path: Path) -> None:
    path = tmp_path / "log.yml"
    path.write_text(
        "version: 1\n"
        "disable_existing_loggers: false\n"
        "formatters: {json: {(): singer_sdk.logging.StructuredFormatter}}\n"
        "handlers: {err: {class: logging.StreamHandler, formatter: json}}\n"
        "root: {level: INFO, handlers: [err]}\n"
    )
    run = tap(tmp_path, {"api_url": url}, SINGER_SDK_LOG_CONFIG=str(path))
    assert run.records == RECORDS
    lines = [json.loads(line) for line in run.stderr.splitlines()]
    outcome = stream_messages.KEPT()
    text = stream_messages.UNKNOWN_FIELD(field="new", outcome=outcome)
    assert f"campaigns: f{text[1:]}" in {
        line["message"] for line in lines if line["level"] == "warning"
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("version: 1\nroot: {handlers: [no_such]}", "Unable to add handler 'no_such'"),
        ("{", "while parsing a flow node expected the node content"),
        ("", "'NoneType' object is not iterable"),
    ],
)
def test_a_broken_log_configuration_is_named(
    tmp_path: Path, text: str, reason: str
) -> None:
    path = tmp_path / "log.yml"
    path.write_text(text)
    run = run_process(
        "--version", env={**os.environ, "SINGER_SDK_LOG_CONFIG": str(path)}
    )
    assert run.code == 1
    start = settings_messages.LOG_CONFIG(path=str(path), reason=reason)
    assert run.stderr.startswith(start)
    assert len(run.stderr.splitlines()) == 1


def test_the_log_level_can_be_set_as_in_the_sdk(url: str, tmp_path: Path) -> None:
    run = tap(tmp_path, {"api_url": url}, TAP_KAYZEN_LOGLEVEL="error")
    assert run.records == RECORDS
    assert run.stderr == ""


# Processes


def test_concurrent_runs_in_one_folder_do_not_interfere(
    url: str, tmp_path: Path
) -> None:
    assert tap(tmp_path, {"api_url": url}).records == RECORDS
    before = sorted(tmp_path.iterdir())
    results: list[Run] = []
    arguments = (
        "--config",
        tmp_path / "config.json",
        "--catalog",
        tmp_path / "catalog.json",
    )
    threads = [
        threading.Thread(
            target=lambda: results.append(run_process(*arguments, cwd=tmp_path))
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [run.records for run in results] == [RECORDS] * 3
    assert sorted(tmp_path.iterdir()) == before, "nothing is written"


def closed(folder: Path, url: str, redirection: str) -> tuple[int, str, str]:
    """Run the tap with a stream of the process closed; return code and output."""
    (folder / "config.json").write_text(json.dumps({**SAMPLE_CONFIG, "api_url": url}))
    arguments = ["--config", folder / "config.json", *selecting(folder, "campaigns")]
    command = shlex.join(map(str, [sys.executable, "-m", "tap_kayzen", *arguments]))
    done = finished(["sh", "-c", f"{command} {redirection}"])
    return done.returncode, done.stdout, done.stderr


def test_stdin_can_be_closed(url: str, tmp_path: Path) -> None:
    code, stdout, _ = closed(tmp_path, url, "<&-")
    assert (code, stdout.count('"RECORD"')) == (0, 2)


def test_stderr_can_be_closed(url: str, tmp_path: Path) -> None:
    code, stdout, _ = closed(tmp_path, url, "2>&-")
    assert (code, stdout.count('"RECORD"')) == (0, 2)


@pytest.mark.parametrize("also", ["", "--test", "--discover"])
def test_a_closed_stdout_is_named(url: str, tmp_path: Path, also: str) -> None:
    code, _, stderr = closed(tmp_path, url, f"{also} >&-")
    assert code == 1
    (line,) = stderr.splitlines()
    assert network_messages.STDOUT_CLOSED() in line


def test_with_stdout_and_stderr_closed_the_tap_just_fails(
    url: str, tmp_path: Path
) -> None:
    assert closed(tmp_path, url, ">&- 2>&-") == (1, "", "")


# The network


@pytest.mark.parametrize(
    ("environment", "is_direct"),
    [
        ({"http_proxy": "{proxy}"}, False),
        ({"HTTP_PROXY": "http://{proxy}"}, False),
        ({"https_proxy": "{proxy}"}, True),
        ({"http_proxy": "{proxy}", "no_proxy": "10.0.0.1 , 127.0.0.1 "}, True),
        ({"http_proxy": "{proxy}", "NO_PROXY": "127.0.0.0/8"}, True),
        ({"http_proxy": "{proxy}", "NO_PROXY": "*"}, True),
    ],
)
def test_proxies_come_from_the_environment(
    serve: Serve,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    *,
    is_direct: bool,
) -> None:
    url, direct = serve(kayzen(ROWS))
    proxy, through = serve(kayzen(ROWS))
    for name, value in environment.items():
        monkeypatch.setenv(name, value.format(proxy=proxy.removeprefix("http://")))
    assert campaigns(url, capsys).records == RECORDS
    assert (bool(direct.calls), bool(through.calls)) == (is_direct, not is_direct)


@pytest.mark.parametrize(
    "proxy", ["socks5://127.0.0.1:9", "ftp://127.0.0.1:9", "http://"]
)
def test_a_proxy_that_cannot_be_used_is_named(tmp_path: Path, proxy: str) -> None:
    run = tap(tmp_path, {"api_url": NOWHERE}, ALL_PROXY=proxy)
    (error,) = run.errors
    assert "ALL_PROXY" in error


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_the_address_can_be_ipv6(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        server = server_of(ScriptedApi(kayzen(ROWS)))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            url = f"http://[::1]:{listener.getsockname()[1]}"
            assert campaigns(url, capsys).records == RECORDS
        finally:
            server.should_exit = True
            thread.join()


class Impatient(socketserver.StreamRequestHandler):
    """Promises to keep the connection, and closes it."""

    def handle(self) -> None:
        head = b"".join(iter(self.rfile.readline, b"\r\n")).decode()
        if length := re.search(r"content-length: (\d+)", head, re.IGNORECASE):
            self.rfile.read(int(length[1]))
        page = re.search(r"[?&]page=(\d+)", head)
        body: dict[str, Any] = {"access_token": "token-1", "expires_in": "1799"}
        if page:
            body = {"data": [{"id": int(page[1])}], "meta": {"total_pages": 5}}
        content = json.dumps(body).encode()
        self.wfile.write(
            b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n"
            b"Content-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(content), content)
        )


@contextmanager
def impatient() -> Generator[str]:
    with socketserver.ThreadingTCPServer((LOOPBACK, 0), Impatient) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://{LOOPBACK}:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.usefixtures("waits")
def test_closed_connections_lose_no_rows(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with impatient() as url:
        run = campaigns(url, capsys)
    assert [record["id"] for record in run.records] == [1, 2, 3, 4, 5]


def first(response: Response) -> Callable[[Call], Response]:
    """Answer the first call of a list with something else."""
    left = [response]

    def answer(call: Call) -> Response:
        if call.path != TOKEN_PATH and left:
            return left.pop()
        return kayzen(ROWS)(call)

    return answer


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize(
    "response",
    [
        Response(b""),
        Response("<html><title>Sign in</title>", media_type="text/html"),
        Response(b'{"data": []}', headers={"content-encoding": "gzip"}),
        Response(b"", 429, {"retry-after": "99999999999999999999"}),
        Response(b"", 429, {"retry-after": "-1"}),
        Response(b"", 520),
    ],
)
def test_transient_error_responses_lose_no_rows(
    serve: Serve, capsys: pytest.CaptureFixture[str], response: Response
) -> None:
    url, _ = serve(first(response))
    assert campaigns(url, capsys).records == RECORDS


def test_a_web_page_instead_of_json_points_to_its_likely_sender(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    page = Response("<html><title>Sign in</title>", media_type="text/html")
    url, _ = serve(lambda call: token_response() if call.path == TOKEN_PATH else page)
    with pytest.raises(FatalAPIError, match=regex(network_messages.WEB_PAGE)):
        campaigns(url, capsys, max_retries=0)


def test_no_content_means_no_rows(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = serve(
        lambda call: (
            token_response() if call.path == TOKEN_PATH else Response(status_code=204)
        )
    )
    run = campaigns(url, capsys, max_retries=0, **ACTIVATE)
    assert [message["type"] for message in run.messages] == ["SCHEMA", "STATE"]


# BATCH


@pytest.mark.parametrize("has_scheme", [True, False])
def test_batch_files_can_go_to_a_path(
    url: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, *, has_scheme: bool
) -> None:
    root = tmp_path.as_uri() if has_scheme else str(tmp_path)
    batch = {
        "encoding": {"format": "jsonl", "compression": "none"},
        "storage": {"root": root},
    }
    run = campaigns(url, capsys, batch_config=batch)
    (message,) = run.of_type("BATCH")
    assert message["encoding"]["format"] == "jsonl"
    assert len(list(tmp_path.glob("*campaigns*"))) == 1


@pytest.mark.parametrize(
    ("batch", "missing"),
    [
        ({"encoding": {}, "storage": {"root": "file:///tmp"}}, "encoding.format"),
        ({"storage": {"root": "file:///tmp"}}, "encoding"),
        ({"encoding": {"format": "jsonl"}}, "storage"),
    ],
)
def test_an_incomplete_batch_config_is_named(
    tmp_path: Path, batch: dict[str, Any], missing: str
) -> None:
    run = tap(tmp_path, {"api_url": NOWHERE, "batch_config": batch})
    (error,) = run.errors
    assert error.startswith(f"`batch_config.{missing}` is missing")
