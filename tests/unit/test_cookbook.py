"""The recipes of docs/cookbook.md, as they stand there, against the sandbox."""

from __future__ import annotations

import json
import re
import sqlite3
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from support import ROOT, SAMPLE_CONFIG, sync

from tap_kayzen.sandbox.access import Access, Credentials
from tap_kayzen.sandbox.app import create_app
from tap_kayzen.sandbox.data import Dataset
from tap_kayzen.sandbox.server import running
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

PAGE = (ROOT / "docs" / "cookbook.md").read_text(encoding="utf-8")
BLOCK = re.compile(
    r"^```(json|sql)\n(.*?)^```\n(?:\n((?:\|[^\n]*\n)+))?", re.MULTILINE | re.DOTALL
)
DAYS = {"start_date": "2026-09-01", "end_date": "2026-09-07"}


@dataclass(frozen=True)
class Recipe:
    title: str
    entries: str
    queries: list[tuple[str, str]]

    @property
    def config(self) -> dict[str, Any]:
        config: dict[str, Any] = {**json.loads(self.entries), **DAYS}
        return config

    @property
    def streams(self) -> set[str]:
        """Tables that the queries read."""
        text = " ".join(query for query, _ in self.queries)
        return {*re.findall(r"\b(?:FROM|JOIN) (\w+)", text)}


def recipes() -> list[Recipe]:
    _, *sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    found = []
    for section in sections:
        blocks = BLOCK.findall(section)
        (entries,) = (text for kind, text, _ in blocks if kind == "json")
        queries = [(text, result) for kind, text, result in blocks if kind == "sql"]
        found.append(Recipe(section.split("\n", 1)[0], entries, queries))
    return found


RECIPES = {recipe.title: recipe for recipe in recipes()}


@pytest.fixture(scope="module")
def address() -> Generator[str]:
    dataset = Dataset(campaigns=50, seed=1)
    dataset.today = date(2026, 9, 8)
    with running(create_app(dataset, Access(Credentials()))) as url:
        yield url


def stored(
    messages: Iterable[dict[str, Any]], tap: TapKayzen, streams: Iterable[str]
) -> sqlite3.Connection:
    """Put records into tables, as a target does."""
    database = sqlite3.connect(":memory:")
    for name in streams:
        columns = tap.streams[name].schema["properties"]
        database.execute(f"CREATE TABLE {name} ({', '.join(columns)})")
    for message in messages:
        record = {
            column: json.dumps(value) if isinstance(value, (dict, list)) else value
            for column, value in message["record"].items()
        }
        places = ", ".join(f":{column}" for column in record)
        table = f"{message['stream']} ({', '.join(record)})"
        database.execute(f"INSERT INTO {table} VALUES ({places})", record)
    return database


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    cells = [[cell(each) for each in row] for row in rows]
    lines = [head, ["---" for _ in head], *cells]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def cell(value: object) -> str:
    return f"{value:,.2f}" if isinstance(value, float) else str(value)


@pytest.mark.parametrize("title", RECIPES)
def test_each_entry_is_a_good_setting(title: str) -> None:
    config = RECIPES[title].config
    tap = TapKayzen(config={**SAMPLE_CONFIG, **config})
    assert {entry["name"] for entry in config["reports"]} <= tap.streams.keys()


@pytest.mark.parametrize("title", [r.title for r in RECIPES.values() if r.queries])
def test_each_query_gives_what_the_page_shows(
    title: str, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = RECIPES[title]
    config = {**SAMPLE_CONFIG, **recipe.config, "api_url": address}
    run = sync(config, capsys, streams=recipe.streams)
    database = stored(run.of_type("RECORD"), TapKayzen(config=config), recipe.streams)
    for query, shown in recipe.queries:
        result = database.execute(query)
        rows = result.fetchall()
        assert rows
        assert table([column for column, *_ in result.description], rows) == shown
