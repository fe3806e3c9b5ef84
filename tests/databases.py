"""Databases of end-to-end tests."""

from __future__ import annotations

import psycopg
from psycopg import sql


def without_schemas(address: str, *schemas: str) -> str:
    """Drop schemas that earlier tests left in a database; return its address."""
    with psycopg.connect(address) as connection:
        for schema in schemas:
            drop = sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE")
            connection.execute(drop.format(sql.Identifier(schema)))
    return address
