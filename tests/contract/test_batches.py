"""BATCH files: what is in them, and which rows of a target they let it delete."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from project import DEFAULT_REPORTS
from starlette.responses import Response
from support import (
    ALL_STREAMS,
    TOKEN_PATH,
    catalog_of,
    page_response,
    run_process,
    selecting,
    sync,
    token_response,
)

from tap_kayzen.sandbox.data import DEFAULT_ADVERTISER
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from conftest import Serve
    from support import Call, Run, Sandbox

MESSAGES = {"emit_activate_version_messages": True}


@pytest.fixture
def campaigns() -> int:
    return 60


@pytest.mark.parametrize("file_format", ["jsonl", "parquet"])
@pytest.mark.parametrize("stream", ALL_STREAMS)
def test_batch_files_contain_every_row(
    stream: str,
    file_format: str,
    everything: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    batch = batch_in(tmp_path, file_format)
    plain = sync(everything, capsys, catalog=catalog_of(stream)).records
    run = sync(
        {**everything, "batch_config": batch}, capsys, catalog=catalog_of(stream)
    )
    assert len(rows_of(run)) == len(plain)


def test_parquet_includes_columns_that_only_some_rows_have(
    sandbox: Sandbox,
    config: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    campaigns = sandbox.dataset.campaigns[DEFAULT_ADVERTISER]
    del campaigns[0]["order_id"]
    campaigns[1]["pacing"] = {"mode": "even", "shares": [0.25, None, "é"]}
    campaigns[2]["pacing"] = 7
    campaigns[0]["tags"] = [1, "é", {"name": None}]
    sync({**config, "batch_config": batch_in(tmp_path, "parquet")}, capsys)
    (file,) = tmp_path.glob("*campaigns*")
    with file.open("rb") as content:
        rows = pq.read_table(content).to_pylist()
    orders = [campaign.get("order_id") for campaign in campaigns]
    assert [row["order_id"] for row in rows] == orders
    # Text, since Parquet has no type for values of any shape.
    assert [json.loads(row["_extra"] or "null") for row in rows[:3]] == [
        None,
        {"pacing": campaigns[1]["pacing"]},
        {"pacing": 7},
    ]
    tags = [campaign["tags"] for campaign in campaigns]
    assert [json.loads(row["tags"]) for row in rows] == tags


@pytest.mark.parametrize("column", ["campaign_id", "_extra", "clicks"])
def test_parquet_has_the_columns_of_the_schema_message(
    column: str,
    everything: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    catalog = catalog_of("campaign_performance")
    for each in catalog["streams"][0]["metadata"]:
        if column in each["breadcrumb"]:
            each["metadata"]["selected"] = False
    batch = batch_in(tmp_path, "parquet")
    run = sync({**everything, "batch_config": batch}, capsys, catalog=catalog)
    (schema,) = run.of_type("SCHEMA")
    columns = schema["schema"]["properties"].keys()
    assert column not in columns
    (file,) = tmp_path.iterdir()
    assert set(pq.read_schema(file).names) == columns


@pytest.mark.parametrize("order", [1, -1])
def test_parquet_stores_integers_among_decimals(
    order: int,
    sandbox: Sandbox,
    config: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    bids = [0.5, 100, None, 2**62, 1e3][::order]
    campaigns = sandbox.dataset.campaigns[DEFAULT_ADVERTISER]
    for campaign, bid in zip(campaigns, bids, strict=False):
        campaign["target_bid"] = bid
    run = sync({**config, "batch_config": batch_in(tmp_path, "parquet")}, capsys)
    assert [row["target_bid"] for row in rows_of(run)[:5]] == bids


# Rows that Parquet cannot hold

HUGE = 1e80


def run_batches(
    config: dict[str, Any],
    folder: Path,
    *streams: str,
    form: str = "parquet",
    **settings: object,
) -> Run:
    batch = {**batch_in(folder / "files", form), "batch_size": 25}
    path = folder / "config.json"
    config = {**config, **settings, "batch_config": batch}
    path.write_text(json.dumps(config), encoding="utf-8")
    (folder / "files").mkdir(exist_ok=True)
    return run_process("--config", path, *selecting(folder, *streams))


@pytest.mark.parametrize("place", [0, 30, 59])
def test_a_row_that_parquet_cannot_store_fails_only_its_stream(
    place: int, sandbox: Sandbox, config: dict[str, Any], tmp_path: Path
) -> None:
    sandbox.dataset.campaigns[DEFAULT_ADVERTISER][place]["target_bid"] = HUGE
    streams = ("balance", "campaign_details", "campaigns", "orders")
    run = run_batches(config, tmp_path, *streams, emit_activate_version_messages=True)
    assert run.code == 1
    (error,) = run.errors
    assert error.startswith("campaigns: Parquet cannot hold the values of `target_bid`")
    assert error.endswith(
        "; deselect the column, or set `batch_config.encoding.format` to `jsonl`"
    )
    assert run.table[0].startswith("Incomplete: 1 of 4 streams failed")
    assert len(run.table) == 3
    files = Counter(message["stream"] for message in run.of_type("BATCH"))
    # The files before that of the row, and all of the other streams.
    assert files["campaigns"] == place // 25
    assert files["campaign_details"] == 3
    assert files["balance"] == files["orders"] == 1
    activated = {message["stream"] for message in run.of_type("ACTIVATE_VERSION")}
    assert activated == {"campaign_details", "orders"}


def test_the_bookmark_of_a_report_stays_at_its_last_file(
    serve: Serve, config: dict[str, Any], tmp_path: Path
) -> None:
    """Rows of five days, 20 each, in files of 25; the fourth day has the huge one."""
    days = [f"2025-03-0{day}" for day in range(1, 6)]

    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        asked = json.loads(call.body)
        spend = "1E+80" if asked["start_date"] == days[3] else "1.5"
        rows = ", ".join(
            f'{{"day": "{asked["start_date"]}", "campaign_id": {number}, '
            f'"campaign_name": "x", "advertiser_spend": {spend}}}'
            for number in range(20)
        )
        page = (
            f'{{"data": [{rows}], "meta": {{"total_pages": 1, "total_entries": 20}}}}'
        )
        return Response(page, media_type="application/json")

    url, _ = serve(answer)
    report = {**DEFAULT_REPORTS[0], "window_days": 1}
    settings = {"api_url": url, "start_date": days[0], "end_date": days[-1]}
    stream = "campaign_performance"
    run = run_batches(config, tmp_path, stream, reports=[report], **settings)
    assert run.code == 1
    (error,) = run.errors
    assert error.startswith(f"{stream}: Parquet cannot hold the values of `advertiser_")
    # Two files with 50 of the first 60 rows: two days are whole.
    assert len(rows_of(run)) == 50
    bookmark = run.of_type("STATE")[-1]["value"]["bookmarks"][stream]
    assert bookmark["replication_key_value"] == days[1]


def test_text_that_is_not_unicode_names_its_column(
    serve: Serve, config: dict[str, Any], tmp_path: Path
) -> None:
    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        page = rb'{"data": [{"id": 1, "name": "\ud800"}], "meta": {"total_pages": 1}}'
        return Response(page, media_type="application/json")

    url, _ = serve(answer)
    run = run_batches(config, tmp_path, "orders", api_url=url)
    assert run.code == 1
    (error,) = run.errors
    assert error.startswith("orders: Parquet cannot hold the values of `name`: ")


@pytest.mark.parametrize("depth", [960, 963, 966, 969])
@pytest.mark.parametrize("file_format", ["jsonl", "parquet"])
def test_deep_nesting_is_kept_whole_or_fails_only_its_stream(
    file_format: str, depth: int, serve: Serve, config: dict[str, Any], tmp_path: Path
) -> None:
    """The depth that fails, and the step that fails, depend on Python's version."""
    deep = "[" * depth + "]" * depth
    rows = {
        "/v1/orders": f'{{"id": 1, "new": {deep}}}',
        "/v1/tags": '{"id": 2}',
    }

    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        meta = '{"total_pages": 1, "total_entries": 1}'
        page = f'{{"data": [{rows[call.path]}], "meta": {meta}}}'
        return Response(page, media_type="application/json")

    url, _ = serve(answer)
    settings = {"api_url": url, "max_retries": 0}
    run = run_batches(config, tmp_path, "orders", "tags", form=file_format, **settings)
    read = {message["stream"] for message in run.of_type("BATCH")}
    if run.code == 0:
        assert read == {"orders", "tags"}
        return
    assert read == {"tags"}
    (error,) = run.errors
    assert error.startswith("orders: ")
    assert "fault" not in error


def test_a_test_writes_no_files(
    config: dict[str, Any], config_file: Path, tmp_path: Path
) -> None:
    files = tmp_path / "files"
    files.mkdir()
    settings = {**config, "batch_config": batch_in(files, "jsonl")}
    config_file.write_text(json.dumps(settings), encoding="utf-8")
    run = run_process("--config", config_file, "--test")
    assert run.code == 0, run.stderr
    assert run.stdout == ""


def test_rows_are_kept_for_one_parquet_file_at_a_time(
    config: dict[str, Any], tmp_path: Path
) -> None:
    batch = {**batch_in(tmp_path, "parquet"), "batch_size": 25}
    tap = TapKayzen(config={**config, "batch_config": batch})
    stream = tap.streams["campaigns"]
    settings = stream.get_batch_config(stream.config)
    assert settings is not None
    kept = [len(stream.parquet_rows) for _ in stream.get_batches(settings)]
    assert len(kept) == 3
    assert kept == [0, 0, 0]


# ACTIVATE_VERSION


@pytest.mark.parametrize("file_format", ["jsonl", "parquet"])
def test_the_version_is_activated_after_the_last_file(
    file_format: str,
    config: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    batch = {**batch_in(tmp_path, file_format), "batch_size": 25}
    run = sync({**config, **MESSAGES, "batch_config": batch}, capsys)
    types = [message["type"] for message in run.messages]
    assert types.count("BATCH") == 3
    assert "BATCH" not in types[types.index("ACTIVATE_VERSION") :]
    (activation,) = run.of_type("ACTIVATE_VERSION")
    versions = [row["_sdc_table_version"] for row in rows_of(run)]
    assert versions == [activation["version"]] * 60


def test_an_incomplete_list_is_not_activated(
    serve: Serve,
    config: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        return page_response([{"id": 1}], total_pages=1, total_entries=58)

    url, _ = serve(answer)
    batch = batch_in(tmp_path, "jsonl")
    run = sync({**config, **MESSAGES, "api_url": url, "batch_config": batch}, capsys)
    assert run.of_type("BATCH")
    assert run.of_type("ACTIVATE_VERSION") == []


def test_rows_have_no_version_without_activation(
    config: dict[str, Any], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run = sync({**config, "batch_config": batch_in(tmp_path, "jsonl")}, capsys)
    assert run.of_type("ACTIVATE_VERSION") == []
    rows = rows_of(run)
    assert len(rows) == 60
    assert not any("_sdc_table_version" in row for row in rows)


def batch_in(folder: Path, file_format: str) -> dict[str, Any]:
    return {
        "encoding": {"format": file_format, "compression": "gzip"},
        "storage": {"root": folder.as_uri()},
    }


def rows_of(run: Run) -> list[dict[str, Any]]:
    """Return the rows of all files that BATCH messages name."""
    rows: list[dict[str, Any]] = []
    for message in run.of_type("BATCH"):
        for url in message["manifest"]:
            path = Path(url.removeprefix("file://"))
            if message["encoding"]["format"] == "parquet":
                with path.open("rb") as content:
                    rows += pq.read_table(content).to_pylist()
            else:
                with gzip.open(path) as content:
                    rows += map(json.loads, content)
    return rows
