"""The data that all peers read: a list, and a report in weekly windows."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CAMPAIGNS = "campaigns"
REPORT = "campaign_performance"
KEYS = {CAMPAIGNS: ["id"], REPORT: ["day", "campaign_id"]}
WINDOW_DAYS = 7
PAGE_ROWS = 1000
METRICS = {
    "impressions": "integer",
    "clicks": "integer",
    "installs": "integer",
    "conversions": "integer",
    "advertiser_spend": "number",
    "revenue_ltv": "number",
}


def schema_of(stream: str) -> dict[str, Any]:
    """Return the JSON schema of a stream's records."""
    if stream == CAMPAIGNS:
        path = Path(__file__).parents[3] / "tap_kayzen/schemas/campaigns.json"
        schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return schema
    return {
        "type": "object",
        "properties": {
            "day": {"type": "string", "format": "date"},
            "campaign_id": {"type": "integer"},
            "campaign_name": {"type": ["string", "null"]},
            **{name: {"type": [kind, "null"]} for name, kind in METRICS.items()},
        },
    }


def windows(config: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Yield the first and the last day of each week."""
    day = date.fromisoformat(config["start_date"])
    end = date.fromisoformat(config["end_date"])
    while day <= end:
        last = min(day + timedelta(days=WINDOW_DAYS - 1), end)
        yield {"start_date": str(day), "end_date": str(last)}
        day = last + timedelta(days=1)


def body(window: Mapping[str, str], page: int = 1) -> dict[str, Any]:
    """Return the body of a call for a page of a window."""
    return {
        **window,
        "metrics": [*METRICS],
        "group_by": ["day", "campaign_id", "campaign_name"],
        "time_zone": "UTC",
        "page": page,
        "per_page": PAGE_ROWS,
    }
