"""The recipes of docs/cookbook.md, for the tests that try them."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import yaml
from support import ROOT

from tap_kayzen.sandbox.access import Access, Credentials
from tap_kayzen.sandbox.app import create_app
from tap_kayzen.sandbox.data import Dataset
from tap_kayzen.sandbox.server import running

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

PATH = ROOT / "docs" / "cookbook.md"
PAGE = PATH.read_text(encoding="utf-8")
BLOCK = re.compile(
    r"^```(json|sql|yaml)\n(.*?)^```\n(?:\n((?:\|[^\n]*\n)+))?",
    re.MULTILINE | re.DOTALL,
)
DAYS = {"start_date": "2026-09-01", "end_date": "2026-09-07"}


@dataclass(frozen=True)
class Recipe:
    """A section of the page.

    Attributes:
        title: Its heading.
        entry: The `config` and `select` of the tap in meltano.yml.
        settings: The same settings, for the command line.
        queries: The SQL, each with the result that the page shows.
    """

    title: str
    entry: dict[str, Any]
    settings: dict[str, Any]
    queries: list[tuple[str, str]]

    @property
    def config(self) -> dict[str, Any]:
        """The settings, for the days that the page shows."""
        return {**self.entry["config"], **DAYS}

    @property
    def streams(self) -> set[str]:
        """Streams that the page selects."""
        return {pattern.removesuffix(".*") for pattern in self.entry["select"]}

    @property
    def tables(self) -> set[str]:
        """Tables that the queries read."""
        text = " ".join(query for query, _ in self.queries)
        return {*re.findall(r"\b(?:FROM|JOIN) (\w+)", text)}


def recipes() -> list[Recipe]:
    """Find them in the page."""
    _, *sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    found = []
    for section in sections:
        blocks = BLOCK.findall(section)
        (entry,) = (text for kind, text, _ in blocks if kind == "yaml")
        (settings,) = (text for kind, text, _ in blocks if kind == "json")
        queries = [(text, result) for kind, text, result in blocks if kind == "sql"]
        title = section.split("\n", 1)[0]
        found.append(
            Recipe(title, yaml.safe_load(entry), json.loads(settings), queries)
        )
    return found


@contextmanager
def api() -> Generator[str]:
    """Serve the data that the results are of."""
    dataset = Dataset(campaigns=50, seed=1)
    dataset.today = date(2026, 9, 8)
    with running(create_app(dataset, Access(Credentials()))) as url:
        yield url


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a result as the page does."""
    cells = [[_cell(each) for each in row] for row in rows]
    lines = [head, ["---" for _ in head], *cells]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def update(query: str, result: str) -> None:
    """Replace the result that the page shows under a query."""
    page = PATH.read_text(encoding="utf-8")
    before, after = page.split(f"{query}```\n\n")
    rest = after[after.index("\n\n") + 1 :]
    PATH.write_text(f"{before}{query}```\n\n{result}{rest}", encoding="utf-8")


def _cell(value: object) -> str:
    # PostgreSQL gives sums of integers as decimals without a place.
    is_decimal = isinstance(value, Decimal) and value.as_tuple().exponent != 0
    is_amount = isinstance(value, float) or is_decimal
    return f"{value:,.2f}" if is_amount else str(value)
