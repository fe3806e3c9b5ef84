"""Loads the output of one sync into a DuckDB file. README.md shows how to run it.

Like target-postgres, it upserts rows and marks deleted ones in `_sdc_deleted_at`.
"""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import duckdb

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SCHEMA = "kayzen"
AMOUNT = "DECIMAL(38, 12)"
TYPES = {
    "integer": "BIGINT",
    "number": AMOUNT,
    "boolean": "BOOLEAN",
    "date": "DATE",
    "date-time": "TIMESTAMP",
    "object": "JSON",
}
"""SQL types by JSON Schema type or format; all others are VARCHAR."""

METADATA = {
    "_sdc_batched_at": "TIMESTAMP",
    "_sdc_deleted_at": "TIMESTAMP",
    "_sdc_table_version": "BIGINT",
}
NOW = "now() AT TIME ZONE 'UTC'"


@dataclass
class Stream:
    """Columns and keys of one stream, as found in the output.

    Attributes:
        columns: SQL type of each column.
        keys: Columns of the primary key.
        records: File with the RECORD messages.
        version: Version to activate; rows of other versions are deleted ones.
    """

    columns: dict[str, str]
    keys: list[str]
    records: BinaryIO
    version: int | None = None


def type_of(definition: Mapping[str, Any]) -> str:
    """Return the SQL type of a property of a JSON Schema."""
    given = definition["type"]
    (kind,) = {given} if isinstance(given, str) else {*given} - {"null"}
    if kind == "array":
        items = definition.get("items")
        return f"{type_of(items)}[]" if items else "JSON"
    return TYPES.get(definition.get("format", kind), "VARCHAR")


def load(connection: duckdb.DuckDBPyConnection, name: str, stream: Stream) -> None:
    """Load the records of a stream into the table with the same name."""
    table = f'"{name}"'
    columns = {**stream.columns, **METADATA}
    listed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
    connection.execute(f"CREATE TABLE IF NOT EXISTS {table} ({listed})")
    for column, kind in columns.items():
        connection.execute(
            f'ALTER TABLE {table} ADD COLUMN IF NOT EXISTS "{column}" {kind}'
        )
    stream.records.flush()
    # Amounts are read as text, because JSON numbers would become binary floats.
    fields = ", ".join(
        f'"{column}" {"VARCHAR" if kind == AMOUNT else kind}'
        for column, kind in stream.columns.items()
    )
    messages = {"record": f"STRUCT({fields})", "version": "BIGINT"}
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE _new AS SELECT unnest(record),"  # noqa: S608
        f" version AS _sdc_table_version, {NOW} AS _sdc_batched_at"
        " FROM read_json(?, format = 'newline_delimited', columns = ?)",
        [stream.records.name, messages],
    )
    same = " AND ".join(f'_new."{key}" = {table}."{key}"' for key in stream.keys)
    connection.execute(f"DELETE FROM {table} USING _new WHERE {same}")  # noqa: S608
    connection.execute(f"INSERT INTO {table} BY NAME FROM _new")
    if stream.version is not None:
        connection.execute(
            f"UPDATE {table} SET _sdc_deleted_at = {NOW} WHERE _sdc_deleted_at IS NULL"  # noqa: S608
            " AND _sdc_table_version IS DISTINCT FROM ?",
            [stream.version],
        )


def load_all(messages: Iterable[bytes], database: str) -> object:
    """Load all messages in one transaction.

    Args:
        messages: Output of the tap, one message per line.
        database: Path of the DuckDB file.

    Returns:
        The last state; None if there was none.
    """
    state = None
    streams: dict[str, Stream] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for line in messages:
            message = json.loads(line)
            match message["type"]:
                case "SCHEMA" if message["stream"] not in streams:
                    path = folder / f"{len(streams)}.jsonl"
                    properties = message["schema"]["properties"]
                    streams[message["stream"]] = Stream(
                        {name: type_of(each) for name, each in properties.items()},
                        message["key_properties"],
                        stack.enter_context(path.open("wb")),
                    )
                case "RECORD":
                    streams[message["stream"]].records.write(line)
                case "ACTIVATE_VERSION":
                    streams[message["stream"]].version = message["version"]
                case "STATE":
                    state = message["value"]
                case "BATCH":
                    sys.exit("BATCH messages are not supported: remove `batch_config`")
        connection = stack.enter_context(duckdb.connect(database))
        connection.begin()
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        connection.execute(f"USE {SCHEMA}")
        for name, stream in streams.items():
            load(connection, name, stream)
        connection.commit()
    return state


def main(database: str, state_file: str) -> None:
    """Load standard input, then save the state for the tap's next `--state`."""
    if Path(database).stem == SCHEMA:
        # DuckDB names the catalog after the file.
        sys.exit(f"DuckDB mistakes {database} for the schema {SCHEMA}: rename the file")
    state = load_all(sys.stdin.buffer, database)
    if state is not None:
        Path(state_file).write_text(json.dumps(state), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
