"""BATCH files: what is in them, and which rows of a target they let it delete."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from support import (
    ALL_STREAMS,
    TOKEN_PATH,
    catalog_of,
    page_response,
    sync,
    token_response,
)

from tap_kayzen.sandbox.data import DEFAULT_ADVERTISER

if TYPE_CHECKING:
    from conftest import Serve
    from starlette.responses import Response
    from support import Call, Run, Sandbox

MESSAGES = {"emit_activate_version_messages": True}


@pytest.fixture
def campaigns() -> int:
    return 60


@pytest.mark.parametrize("file_format", ["jsonl", "parquet"])
@pytest.mark.parametrize("stream", ALL_STREAMS)
def test_batch_files_hold_every_row(
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


def test_parquet_holds_what_only_some_rows_have(
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
