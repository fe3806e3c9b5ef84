"""The SQL of docs/cookbook.md on the tables that target-postgres makes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import cookbook
import psycopg
import pytest
import targets
from databases import without_schemas
from psycopg import sql
from support import SAMPLE_CONFIG, sync
from targets import POSTGRES, Place
from watchdog import finished

from tap_kayzen.cli.check import selecting_all
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.xdist_group("targets")

RECIPES = [recipe for recipe in cookbook.recipes() if recipe.queries]


def test_each_query_returns_the_documented_rows_on_postgres(
    server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reports = {each["name"]: each for r in RECIPES for each in r.config["reports"]}
    maps = {k: v for r in RECIPES for k, v in r.config.get("stream_maps", {}).items()}
    streams = {name for recipe in RECIPES for name in recipe.streams}
    with cookbook.api() as url:
        config = {
            **SAMPLE_CONFIG,
            **cookbook.DAYS,
            "api_url": url,
            "reports": [*reports.values()],
            "stream_maps": maps,
        }
        catalog = selecting_all(TapKayzen(config=config).catalog_dict)
        catalog["streams"] = [
            each for each in catalog["streams"] if each["tap_stream_id"] in streams
        ]
        run = sync(config, capsys, catalog=catalog)
    settings = tmp_path / "target.json"
    settings.write_text(json.dumps(POSTGRES.settings(Place(tmp_path, server))))
    schema = sql.Identifier(targets.SCHEMA)
    without_schemas(server, targets.SCHEMA)
    command: list[str | Path] = [POSTGRES.command, "--config", settings]
    done = finished(command, limit=targets.LIMIT_SECONDS, given=run.stdout)
    assert done.returncode == 0, done.stderr[-2000:]
    with psycopg.connect(server) as connection:
        connection.execute(sql.SQL("SET search_path TO {}").format(schema))
        for recipe in RECIPES:
            for query, shown in recipe.queries:
                rows = connection.execute(query.encode())
                head = [column.name for column in rows.description or ()]
                assert cookbook.table(head, rows) == shown
