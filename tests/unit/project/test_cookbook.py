"""The recipes of docs/cookbook.md work unchanged against the sandbox."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

import cookbook
import pytest
from support import SAMPLE_CONFIG, sync

from tap_kayzen.cli.check import selecting_all
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from collections.abc import Generator

    from support import Run

RECIPES = {recipe.title: recipe for recipe in cookbook.recipes()}


@pytest.fixture(scope="module")
def address() -> Generator[str]:
    with cookbook.api() as url:
        yield url


def stored(run: Run) -> sqlite3.Connection:
    """Put records into tables, as a target does."""
    database = sqlite3.connect(":memory:")
    for message in run.of_type("SCHEMA"):
        columns = message["schema"]["properties"]
        database.execute(f"CREATE TABLE {message['stream']} ({', '.join(columns)})")
    for message in run.of_type("RECORD"):
        record = {
            column: json.dumps(value) if isinstance(value, (dict, list)) else value
            for column, value in message["record"].items()
        }
        places = ", ".join(f":{column}" for column in record)
        table = f"{message['stream']} ({', '.join(record)})"
        database.execute(f"INSERT INTO {table} VALUES ({places})", record)
    return database


@pytest.mark.parametrize("title", RECIPES)
def test_each_entry_is_a_valid_setting(title: str) -> None:
    recipe = RECIPES[title]
    tap = TapKayzen(config={**SAMPLE_CONFIG, **recipe.config})
    assert recipe.streams <= tap.streams.keys()
    assert recipe.entry["config"] == recipe.settings, "for the command line"


@pytest.mark.parametrize("title", RECIPES)
def test_each_entry_selects_its_reports_and_all_that_its_queries_read(
    title: str,
) -> None:
    recipe = RECIPES[title]
    reports = {report["name"] for report in recipe.config["reports"]}
    assert recipe.streams == reports | recipe.tables


def test_entries_with_the_same_name_are_equal() -> None:
    """Otherwise, combining two recipes would change a report."""
    entries: dict[str, Any] = {}
    for recipe in RECIPES.values():
        for entry in recipe.config["reports"]:
            assert entries.setdefault(entry["name"], entry) == entry


@pytest.mark.parametrize("title", [r.title for r in RECIPES.values() if r.queries])
def test_each_query_returns_the_documented_rows(
    title: str,
    address: str,
    capsys: pytest.CaptureFixture[str],
    pytestconfig: pytest.Config,
) -> None:
    """`make snapshot` updates the page."""
    recipe = RECIPES[title]
    config = {**SAMPLE_CONFIG, **recipe.config, "api_url": address}
    catalog = selecting_all(TapKayzen(config=config).catalog_dict)
    catalog["streams"] = [
        each for each in catalog["streams"] if each["tap_stream_id"] in recipe.streams
    ]
    database = stored(sync(config, capsys, catalog=catalog))
    for query, shown in recipe.queries:
        result = database.execute(query)
        rows = result.fetchall()
        assert rows
        found = cookbook.table([name for name, *_ in result.description], rows)
        if pytestconfig.getoption("update_snapshots"):
            cookbook.update(query, found)
        else:
            assert found == shown
