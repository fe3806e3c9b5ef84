"""Peer: a minimal loop that loads with COPY, as the practical limit.

Usage: copy_loop.py CONFIG {campaigns|campaign_performance} DATABASE SCHEMA. Reads with
requests and orjson, checks nothing, retries nothing, upserts on the key.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import psycopg
import requests
from account import CAMPAIGNS, KEYS, body, schema_of, windows
from common import log_in
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterator

TYPES = {
    "integer": "bigint",
    "number": "numeric",
    "boolean": "boolean",
    "array": "jsonb",
    "object": "jsonb",
    "string": "text",
}
FORMATS = {"date": "date", "date-time": "timestamp"}

path, stream, database, schema = sys.argv[1:]
config = json.loads(Path(path).read_text(encoding="utf-8"))
session = requests.Session()
session.headers["Authorization"] = f"Bearer {log_in(config)}"
base = f"{config['api_url']}/v1/"


def kinds() -> dict[str, str]:
    """Return the columns with their PostgreSQL types."""
    found = {}
    for name, definition in schema_of(stream)["properties"].items():
        types = definition["type"]
        kind = types if isinstance(types, str) else types[0]
        found[name] = FORMATS.get(definition.get("format", ""), TYPES[kind])
    return found


def pages() -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of each page."""
    calls = [{}] if stream == CAMPAIGNS else windows(config)
    for window in calls:
        page, last = 1, 1
        while page <= last:
            if stream == CAMPAIGNS:
                query = {"page": page, "per_page": 100}
                answer = session.get(f"{base}campaigns", params=query, timeout=60)
            else:
                asked = body(window, page)
                answer = session.post(f"{base}report_data", json=asked, timeout=60)
            content = orjson.loads(answer.content)
            last = content["meta"]["total_pages"]
            yield content["data"]
            page += 1


columns = kinds()
nested = [name for name, kind in columns.items() if kind == "jsonb"]
names = sql.SQL(", ").join(map(sql.Identifier, columns))
key = sql.SQL(", ").join(map(sql.Identifier, KEYS[stream]))
table = sql.Identifier(schema, stream)
with psycopg.connect(database) as connection:
    connection.execute(
        sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema))
    )
    kinds_of = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind))
        for name, kind in columns.items()
    )
    connection.execute(
        sql.SQL("CREATE TABLE IF NOT EXISTS {} ({}, PRIMARY KEY ({}))").format(
            table, kinds_of, key
        )
    )
    connection.execute(sql.SQL("CREATE TEMP TABLE fresh (LIKE {})").format(table))
    copy = sql.SQL("COPY fresh ({}) FROM STDIN").format(names)
    with connection.cursor().copy(copy) as rows_out:
        for rows in pages():
            for row in rows:
                for name in nested:
                    if row.get(name) is not None:
                        row[name] = orjson.dumps(row[name]).decode()
                rows_out.write_row([row.get(name) for name in columns])
    changes = sql.SQL(", ").join(
        sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name)) for name in columns
    )
    connection.execute(
        sql.SQL(
            "INSERT INTO {} SELECT * FROM fresh ON CONFLICT ({}) DO UPDATE SET {}"
        ).format(table, key, changes)
    )
