"""Every record matches its schema, so loaders can skip validation."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import landing
import odd_account
import pytest
from odd_account import Changed
from singer_sdk.sinks.core import JSONSchemaValidator
from starlette.middleware import Middleware
from starlette.responses import Response
from support import (
    REPORT_DAYS,
    SAMPLE_CONFIG,
    SCHEMAS,
    TOKEN_PATH,
    catalog_of,
    json_response,
    run_process,
)

from tap_kayzen.cli.check import selecting_all
from tap_kayzen.records.converter import RecordConverter
from tap_kayzen.sandbox.access import Access, Credentials
from tap_kayzen.sandbox.app import create_app
from tap_kayzen.sandbox.data import Dataset
from tap_kayzen.sandbox.fault_plan import FaultPlan
from tap_kayzen.sandbox.faults import Faults
from tap_kayzen.sandbox.server import running
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from pathlib import Path

    from odd_account import Change
    from support import Run

    from tap_kayzen.sandbox.exchange import Exchange

REPORTS = [
    {
        "name": "campaign_performance",
        "metrics": ["impressions", "clicks", "advertiser_spend", "revenue_ltv"],
        "group_by": ["day", "campaign_id", "campaign_name"],
    },
    {
        "name": "by_country",
        "metrics": ["impressions", "advertiser_spend"],
        "group_by": ["day", "country"],
    },
    {"name": "by_month", "metrics": ["clicks", "installs"], "group_by": ["month"]},
    {"name": "by_hour", "metrics": ["impressions"], "group_by": ["hour", "os"]},
    {"name": "sums", "metrics": ["advertiser_spend"], "group_by": ["campaign_id"]},
]
FAULTS = (
    "wrong-type-field",
    "unknown-field",
    "duplicate-rows",
    "meta-strings",
    "secret-field",
)
VALUES: tuple[Any, ...] = (
    *("", "abc", "200", " 1,234.50 ", "1e5", "NaN", "a NUL \0 inside", "true", "null"),
    *("2026-11-25", "2026-13-45", "2026-11-25T01:02:03.123456789Z", "25/11/2026"),
    *(0, -1, 1.5, 10**30, 12345678901234.123456, 1e-9, 1700000000, True, False),
    *(None, [], {}, [None], ["a", 1, {"b": None}], {"a": [1, "two"]}, [[1.5]]),
)
KEPT = frozenset(
    {
        *("id", "day", "month", "hour", "campaign_id", "campaign_name"),
        *("country", "os", "advertiser_id", "type", "key_name"),
    }
)
"""Fields that tell rows apart, or that other requests are made from."""

ALL = {entry["tap_stream_id"] for entry in catalog_of()["streams"]}


class Everywhere(dict[str, "Change"]):
    """Changes the answers of all paths but the login's."""

    def get(self, key: object, default: Any = None, /) -> Any:  # noqa: ANN401
        return default if key == TOKEN_PATH else anything


def rows_in(answer: object) -> list[dict[str, Any]]:
    """Find the rows of a response, in any envelope or none."""
    wrapped = answer.values() if isinstance(answer, dict) else [answer]
    for value in wrapped:
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return value
    return []


async def anything(exchange: Exchange) -> Response:
    """Put a value of any type into each field, another one in each row."""
    answer = await exchange.call_app()
    if answer.status != HTTPStatus.OK:
        return Response(answer.body, answer.status, answer.headers)
    whole = json.loads(answer.body)
    for number, row in enumerate(rows_in(whole)):
        for place, name in enumerate([*row]):
            if name in KEPT:
                continue
            row[name] = VALUES[(7 * number + place) % len(VALUES)]
    return json_response(whole)


def records_by_stream(run: Run) -> dict[str, int]:
    """Validate each record as target-postgres does; return how many there are."""
    checks: dict[str, JSONSchemaValidator] = {}
    counts: dict[str, int] = {}
    for line in run.stdout.splitlines():
        # As loaders built on the SDK do, which keep all digits.
        message = landing.EXACT.decode(line)
        name = message.get("stream", "")
        if message["type"] == "SCHEMA":
            schema = message["schema"]
            assert "additionalProperties" not in schema
            checks[name] = JSONSchemaValidator(schema)
            counts.setdefault(name, 0)
        elif message["type"] == "RECORD":
            record = message["record"]
            checks[name].validate(record)
            columns = checks[name].schema["properties"]
            assert record.keys() <= columns.keys()
            assert record.keys() >= set(checks[name].schema.get("required", ()))
            for column, value in record.items():
                # Loaders parse these whether they validate or not.
                if columns[column].get("format") in ("date", "date-time"):
                    read = landing.READ["date-time"]
                    assert value is None or read(value), (name, column, value)
            counts[name] += 1
    return counts


def run_all(url: str, folder: Path, **settings: Any) -> Run:
    """Read all streams whole."""
    config = {
        **SAMPLE_CONFIG,
        **REPORT_DAYS,
        "api_url": url,
        "audience_url": url,
        "audience_api_key": Credentials().audience_api_key,
        "reports": REPORTS,
        "emit_activate_version_messages": True,
        **settings,
    }
    catalog = selecting_all(TapKayzen(config=config).catalog_dict)
    for name, written in (("config", config), ("catalog", catalog)):
        (folder / name).write_text(json.dumps(written), encoding="utf-8")
    return run_process("--config", folder / "config", "--catalog", folder / "catalog")


@pytest.mark.parametrize(
    ("faults", "changed"),
    [((), False), (FAULTS, False), ((), True), (FAULTS, True)],
    ids=["sound", "faults", "values", "both"],
)
def test_each_record_of_every_stream_is_valid(
    faults: tuple[str, ...],
    changed: bool,  # noqa: FBT001
    tmp_path: Path,
) -> None:
    dataset = Dataset(campaigns=40, seed=1)
    access = Access(Credentials())
    plan = FaultPlan(rates=dict.fromkeys(faults, 1.0))
    changes = Everywhere() if changed else {}
    app = create_app(
        dataset,
        access,
        middleware=[
            Middleware(Changed, changes=changes, headers={}),
            Middleware(Faults, plan=plan, access=access, dataset=dataset),
        ],
    )
    with running(app) as url:
        run = run_all(url, tmp_path)
    assert run.code == 0, run.stderr
    counts = records_by_stream(run)
    assert counts.keys() == ALL | {report["name"] for report in REPORTS}
    assert all(counts.values()), counts


def test_each_record_of_an_odd_account_is_valid(tmp_path: Path) -> None:
    with odd_account.account(odd_account.odd()) as config:
        changes = {"reports": config["reports"], "max_retries": 0}
        run = run_all(config["api_url"], tmp_path, **changes)
    # Some of its streams are refused; the others go on.
    assert run.code == 1
    counts = records_by_stream(run)
    assert counts["campaigns"]
    assert counts["daily"]


@pytest.mark.parametrize("value", ["null", [1], 5])
def test_a_column_of_objects_contains_nothing_else(value: object) -> None:
    schema = SCHEMAS["asset_files"]
    converter = RecordConverter(schema, logger=logging.getLogger("test"))
    (record,) = converter.convert_all([{"id": 1, "processing": value}])
    JSONSchemaValidator(schema).validate(record)
