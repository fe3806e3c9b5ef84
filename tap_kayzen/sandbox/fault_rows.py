"""Lasting faults of rows: undocumented fields, names, and formats."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tap_kayzen.sandbox.fixed_lists import OWN_KEY

if TYPE_CHECKING:
    import random

    from tap_kayzen.sandbox.basics import Record

NUMBER = (int, Decimal)


def secret_field(content: Record, _: random.Random) -> None:
    """Add two secrets to each row, one of them nested."""
    for row in content["data"]:
        row["api_key"] = OWN_KEY
        row["integration"] = {"steps": [{"accessToken": OWN_KEY}]}


def day_renamed(content: Record, _: random.Random) -> None:
    """Rename the `day` of report rows to `date`."""
    for row in content["data"]:
        if "day" in row:
            row["date"] = row.pop("day")


def total_row(content: Record, _: random.Random) -> None:
    """Append a row of totals to a report page; `meta` does not count it."""
    rows = content["data"]
    if rows and "day" in rows[0]:
        totals = {
            name: sum(each for row in rows if isinstance(each := row[name], NUMBER))
            for name, value in rows[0].items()
            if isinstance(value, NUMBER) and not name.endswith("_id")
        }
        rows.append({"day": "Total", **totals})


def amount_text(content: Record, _: random.Random) -> None:
    """Format spend as text, such as ``$1,234.50``."""
    for row in content["data"]:
        if isinstance(row.get("advertiser_spend"), NUMBER):
            row["advertiser_spend"] = f"${row['advertiser_spend']:,.2f}"
