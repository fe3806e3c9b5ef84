"""The main job on real parts: Meltano, the targets and a PostgreSQL."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import demo
import landing
import psycopg
import pytest
import yaml
from databases import without_schemas
from jsonschema import Draft202012Validator
from plugin_definitions import EXAMPLE, FOR_HUB, HUB, LOADERS, dumped_lock, loader_lock
from support import (
    REPORT_DAYS,
    SAMPLE_CONFIG,
    SCHEMAS,
    catalog_of,
    refusing,
    truth,
)

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Broken
    from starlette.requests import Request
    from support import Fault, Sandbox

pytestmark = pytest.mark.xdist_group("meltano")


@pytest.fixture
def database(server: str) -> str:
    return without_schemas(server, demo.SCHEMA)


@pytest.fixture(autouse=True)
def _own_meltano_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MELTANO_DATABASE_URI", f"sqlite:///{tmp_path}/meltano.db")
    # As a .env with somebody's account would: the sandbox's login is used all the same.
    monkeypatch.setenv("TAP_KAYZEN_USERNAME", "somebody")
    monkeypatch.setenv("TAP_KAYZEN_ADVERTISER_IDS", "[5]")


def query(database: str, sql: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as connection:
        connection.execute("SET search_path TO kayzen_demo")
        return connection.execute(sql.encode()).fetchall()


def load(
    sandbox: Sandbox,
    database: str,
    *command: str,
) -> int:
    return demo.meltano(
        *(command or ("run", "tap-kayzen", "target-postgres")),
        api_url=sandbox.url,
        database=database,
        environment={"TAP_KAYZEN__SELECT": '["campaigns.*"]'},
    )


TYPES = {
    "id": "bigint",
    "advertiser_id": "bigint",
    "name": "text",
    "is_active": "boolean",
    "creative_statuses": "ARRAY",
    "creative_ids": "ARRAY",
    "start_time": "timestamp without time zone",
    "end_time": "timestamp without time zone",
    "budget_cap_amount": "numeric",
    "billing_price": "numeric",
    "target_bid": "numeric",
    "total_budget": "bigint",
    "day_budget": "bigint",
    "tags": "jsonb",
    "_extra": "jsonb",
}


def test_campaigns_are_loaded_changed_and_deleted(
    sandbox: Sandbox, database: str
) -> None:
    campaigns = next(iter(sandbox.dataset.campaigns.values()))
    assert load(sandbox, database) == 0

    assert query(
        database, "SELECT count(*), count(DISTINCT id) FROM kayzen_demo.campaigns"
    ) == [(250, 250)]
    types = dict(
        query(
            database,
            "SELECT column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = 'kayzen_demo' AND table_name = 'campaigns'",
        )
    )
    assert TYPES.items() <= types.items()
    landed = query(
        database,
        "SELECT id, name, target_bid::text::float8, creative_ids, tags,"
        ' to_char(end_time, \'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"\')'
        " FROM kayzen_demo.campaigns ORDER BY id",
    )
    names = ("id", "name", "target_bid", "creative_ids", "tags", "end_time")
    assert landed == [tuple(campaign[name] for name in names) for campaign in campaigns]

    # The next day: one budget is raised, one campaign deleted, one is new.
    gone = campaigns[3]["id"]
    assert sandbox.dataset.delete_campaign(gone)
    campaigns[0]["day_budget"] = 4242
    campaigns.append({**campaigns[0], "id": 999_999, "pacing": 7})
    assert load(sandbox, database, "schedule", "run", "kayzen-daily") == 0

    assert query(
        database, "SELECT count(*), count(DISTINCT id) FROM kayzen_demo.campaigns"
    ) == [(251, 251)]
    assert query(
        database,
        "SELECT id FROM kayzen_demo.campaigns WHERE _sdc_deleted_at IS NOT NULL",
    ) == [(gone,)]
    assert query(
        database,
        "SELECT id, day_budget, _extra FROM kayzen_demo.campaigns"
        f" WHERE id IN (999999, {campaigns[0]['id']}) ORDER BY id",
    ) == [(campaigns[0]["id"], 4242, None), (999_999, 4242, {"pacing": 7})]


def test_a_failed_stream_fails_the_run_and_keeps_the_state_of_the_others(
    broken: Broken, database: str
) -> None:
    def run(fault: Fault, end: str) -> int:
        return demo.meltano(
            *("run", "--state-id-suffix=partial", "tap-kayzen", "target-postgres"),
            api_url=broken(fault)["api_url"],
            database=database,
            environment={
                "TAP_KAYZEN__SELECT": '["app_lists.*", "campaign_performance.*"]',
                "TAP_KAYZEN_START_DATE": "2025-03-01",
                "TAP_KAYZEN_END_DATE": end,
                "TAP_KAYZEN_LOOKBACK_DAYS": "0",
            },
        )

    def note(request: Request, body: bytes) -> None:
        if request.url.path == "/v1/report_data":
            asked.append(json.loads(body)["start_date"])

    asked: list[str] = []
    assert run(refusing("/v1/app_lists"), "2025-03-02") == 1
    days = "SELECT DISTINCT day::date::text FROM campaign_performance ORDER BY 1"
    assert query(database, days) == [("2025-03-01",), ("2025-03-02",)]
    assert run(note, "2025-03-03") == 0
    assert set(asked) == {"2025-03-02"}, "the bookmark of the failed run"
    assert query(database, "SELECT count(*) > 0 FROM app_lists") == [(True,)]


# What would be a broken reference; null is none.
ORPHANS = {
    "campaigns": "SELECT order_id FROM campaigns EXCEPT SELECT id FROM orders",
    "creatives of campaigns": (
        "SELECT unnest(creative_ids) FROM campaigns EXCEPT SELECT id FROM creatives"
    ),
    "asset files": (
        "SELECT asset_file_id FROM creatives EXCEPT SELECT id FROM asset_files"
    ),
    "trackers": "SELECT tracker_id FROM creatives EXCEPT SELECT id FROM tracker_assets",
    "details": (
        "SELECT campaign_id FROM campaign_details EXCEPT SELECT id FROM campaigns"
    ),
    "multipliers": (
        "SELECT campaign_id FROM campaign_bid_multipliers"
        " EXCEPT SELECT id FROM campaigns"
    ),
    "countries of multipliers": (
        "SELECT key_name::bigint FROM campaign_bid_multipliers"
        " WHERE type = 'country_id' EXCEPT SELECT id FROM countries"
    ),
    "logs": (
        "SELECT campaign_id FROM campaign_changelogs EXCEPT SELECT id FROM campaigns"
    ),
    "states": "SELECT country_id FROM states EXCEPT SELECT id FROM countries",
    "cities": "SELECT state_id FROM cities EXCEPT SELECT id FROM states",
    "time zones": "SELECT time_zone_id FROM reports EXCEPT SELECT id FROM time_zones",
}


@pytest.mark.parametrize("campaigns", [60])
def test_all_streams_load_and_join(sandbox: Sandbox, database: str) -> None:
    environment = {
        "TAP_KAYZEN__SELECT": '["*.*"]',
        "TAP_KAYZEN_AUDIENCE_API_KEY": sandbox.access.credentials.audience_api_key,
        "TAP_KAYZEN_AUDIENCE_URL": sandbox.url,
        **{f"TAP_KAYZEN_{name.upper()}": day for name, day in REPORT_DAYS.items()},
    }
    code = demo.meltano(
        "run",
        "tap-kayzen",
        "target-postgres",
        api_url=sandbox.url,
        database=database,
        environment=environment,
    )
    assert code == 0
    catalog = {entry["tap_stream_id"]: entry for entry in catalog_of()["streams"]}
    assert {
        name: query(database, f"SELECT count(*) FROM kayzen_demo.{name}")[0][0]
        for name in catalog
    } == {name: len(truth(sandbox.dataset, name)) for name in catalog}
    for what, orphans in ORPHANS.items():
        rows = query(database, orphans)
        assert [row for row in rows if row[0] is not None] == [], what

    types = {
        (table, column): kind
        for table, column, kind in query(
            database,
            "SELECT table_name, column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = 'kayzen_demo'",
        )
    }
    for table, entry in catalog.items():
        assert all((table, column) in types for column in entry["schema"]["properties"])
    assert types["balance", "balance"] == "numeric"
    assert types["balance", "date"] == "date"
    assert types["app_lists", "app_bundles_list"] == "ARRAY"
    assert types["campaign_changelogs", "data_diff"] == "jsonb"
    expiry = types["campaign_bid_multipliers", "expiry_date"]
    assert expiry == "timestamp without time zone"


def test_a_run_that_dies_marks_nothing_as_deleted(
    sandbox: Sandbox, database: str
) -> None:
    assert load(sandbox, database) == 0
    sandbox.dataset.campaigns = {
        advertiser: [*campaigns[:5], {"name": "without a key"}]
        for advertiser, campaigns in sandbox.dataset.campaigns.items()
    }
    marked = "SELECT id FROM kayzen_demo.campaigns WHERE _sdc_deleted_at IS NOT NULL"
    assert load(sandbox, database) != 0
    assert query(database, marked) == []


def test_campaigns_load_into_csv_files(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    monkeypatch.setenv("TARGET_CSV_OUTPUT_PATH", str(folder))
    code = demo.meltano(
        "--environment=ci",
        "run",
        "kayzen-to-csv",
        api_url=sandbox.url,
        database="://",
    )
    assert code == 0
    landed = landing.csv_tables(folder)["campaigns"]
    truth = next(iter(sandbox.dataset.campaigns.values()))
    columns = SCHEMAS["campaigns"]["properties"]
    losses = {
        landing.difference(
            landing.kind_of(columns[name]), campaign.get(name), row[name]
        )
        for campaign, row in zip(truth, landed, strict=True)
        for name in columns
    }
    assert losses == {None, landing.NULL}
    # Not the state that the other environments go on from.
    with closing(sqlite3.connect(tmp_path / "meltano.db")) as system:
        states = system.execute("SELECT state_id FROM state").fetchall()
    assert states == [("ci:tap-kayzen-to-target-csv",)]


@pytest.mark.parametrize(
    ("password", "code"), [(SAMPLE_CONFIG["password"], 0), ("wrong", 1)]
)
def test_meltano_can_test_the_settings(
    sandbox: Sandbox, password: str, code: int
) -> None:
    assert code == demo.meltano(
        "--environment=dev",
        "config",
        "test",
        "tap-kayzen",
        api_url=sandbox.url,
        database="://",
        environment={"TAP_KAYZEN_PASSWORD": password},
    )


@pytest.mark.parametrize("name", LOADERS)
def test_each_targets_lock_file_is_up_to_date(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """`make plugins` regenerates the definition."""
    asked = ("invoke", name, "--about", "--format=json")
    assert demo.meltano(*asked, api_url="", database="://") == 0
    about = json.loads(capfd.readouterr().out)
    path, lock = dumped_lock(loader_lock(about))
    assert path.read_text() == lock


def test_projects_and_the_hub_definition_are_valid() -> None:
    schema = json.loads((files("meltano.schemas") / "meltano.schema.json").read_text())
    validator = Draft202012Validator(schema)
    for project in (demo.ROOT / "meltano.yml", EXAMPLE):
        validator.validate(yaml.safe_load(project.read_text()))
    definition = yaml.safe_load(HUB.read_text())
    # These are the hub's own.
    for name in (*FOR_HUB, "supported_python_versions"):
        del definition[name]
    validator.validate({"plugins": {"extractors": [definition]}})


ENDLESS = (sys.executable, "-c", "import signal; signal.pause()")


def test_a_command_that_does_not_end_is_killed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ours, theirs = os.pipe()
    started: list[subprocess.Popen[bytes]] = []

    class Deaf(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs["pass_fds"] = [theirs]
            super().__init__(*args, **kwargs)
            started.append(self)
            assert os.read(ours, 1) == b"."

    code = f"""
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.write({theirs}, b".")
signal.pause()
"""
    monkeypatch.setattr("demo.subprocess.Popen", Deaf)
    monkeypatch.setattr(demo, "COMMAND_SECONDS", 0.1)
    monkeypatch.setattr(demo, "GRACE_SECONDS", 0.1)
    command = (sys.executable, "-c", code)
    with pytest.raises(subprocess.TimeoutExpired):
        demo.run(*command, folder=tmp_path, environment=os.environ)
    assert [process.returncode for process in started] == [-signal.SIGKILL]
    os.close(ours)
    os.close(theirs)


def test_a_signal_at_the_start_of_a_command_ends_it_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Interrupted(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            started.append(self)
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("demo.subprocess.Popen", Interrupted)
    before = signal.signal(signal.SIGTERM, demo.stop)
    try:
        with pytest.raises(SystemExit):
            demo.run(*ENDLESS, folder=tmp_path, environment=os.environ)
    finally:
        signal.signal(signal.SIGTERM, before)
        (process,) = started
        code = process.poll()
        process.kill()
        process.wait()
    assert code == -signal.SIGTERM
