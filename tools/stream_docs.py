"""Renders docs/streams.md: the overview and a section for each stream.

Used by `docs_pages.py`.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from project import SAMPLE_CONFIG
from stream_diagram import JOINS, split
from stream_examples import example_records

from tap_kayzen.config.settings import SETTINGS
from tap_kayzen.records.converter import ADVERTISER, EXTRA
from tap_kayzen.reports.columns import DIMENSIONS, METRICS
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream_diagram import Join

    from tap_kayzen.streams.base import KayzenStream


class About(NamedTuple):
    """The description of a stream in the overview.

    Attributes:
        contents: Contents of the stream.
        evidence: Source of its schema; a term of the section "Evidence".
    """

    contents: str
    evidence: str


DOCUMENTED = "Documented"
PARTLY = "Partly documented"
SECOND_HAND = "Second hand"
CLIENT = "Client code"
PATH_ONLY = "Path only"

ABOUT: Mapping[str, About] = {
    "app_lists": About("Lists of apps, placements, or websites for targeting", PARTLY),
    "app_lookups": About("Lookup list of apps", PATH_ONLY),
    "app_objects": About("Apps that an advertiser promotes", PATH_ONLY),
    "asset_files": About("Files and ad code shown by creatives", PARTLY),
    "audiences": About("Lists of devices for targeting", DOCUMENTED),
    "balance": About("Amount left to spend, one row per day", SECOND_HAND),
    "campaign_bid_multipliers": About(
        "Bid multipliers, for example by app or exchange", PARTLY
    ),
    "campaign_changelogs": About("Who changed what in a campaign", CLIENT),
    "campaign_details": About(
        "Details of campaigns, probably targeting and bids", PATH_ONLY
    ),
    "campaign_performance": About(
        "Impressions, clicks, installs, spend, and revenue by day and campaign",
        SECOND_HAND,
    ),
    "campaigns": About("Campaigns with status, schedule, and budgets", PARTLY),
    "cities": About("Lookup list of cities", DOCUMENTED),
    "countries": About("Lookup list of countries", PATH_ONLY),
    "creatives": About("Ads shown by campaigns", PARTLY),
    "exchanges": About("Lookup list of ad exchanges", PATH_ONLY),
    "orders": About("Groups of campaigns for one app or website", PARTLY),
    "report_results": About("Rows of saved reports", CLIENT),
    "reports": About("Definitions of saved reports", CLIENT),
    "site_lookups": About("Lookup list of websites", PATH_ONLY),
    "states": About("Lookup list of states and provinces", DOCUMENTED),
    "tags": About("Tags of campaigns", PATH_ONLY),
    "time_zones": About("Lookup list of time zones", PATH_ONLY),
    "tracker_assets": About(
        "Tracking URLs for clicks, impressions, and videos", PARTLY
    ),
    "website_objects": About("Websites that an advertiser promotes", PATH_ONLY),
}

PER_CAMPAIGN = (
    "The tap sends one request per campaign, many in parallel. Campaigns deleted "
    "during the sync are skipped with a warning."
)
NOTES: Mapping[str, str] = {
    "audiences": (
        "The stream exists only if [`audience_api_key`](settings.md#audience_api_key) "
        "is set. With Meltano, also add `audiences.*` to `select`."
    ),
    "balance": (
        "Rows of earlier days are never deleted. `balance` is not the amount paid in."
    ),
    "campaign_bid_multipliers": PER_CAMPAIGN,
    "campaign_changelogs": PER_CAMPAIGN,
    "campaign_details": PER_CAMPAIGN,
    "campaign_performance": (
        "This is the default of the [`reports`](settings.md#reports) setting, which "
        "adds other [reports](reports.md)."
    ),
    "campaigns": (
        "[`campaigns_endpoint`](settings.md#campaigns_endpoint) selects the list. The "
        "default, `meta/campaigns`, is in Kayzen's documentation, but probably returns "
        "little more than `id` and `name`; the other columns are then null. "
        "`campaigns` returns full objects with status, budgets, and schedule. It is "
        "known second hand, and public clients use it. Set it if your key has access."
    ),
    "cities": "The list is long: IDs above 265,000 have been seen.",
}
"""Additional paragraphs in the sections of streams."""

CONDITIONS = {
    "audiences": "if `audience_api_key` is set",
    "report_results": "if `report_ids` is set",
}
"""Streams that are selected by default only with a setting."""


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(
        f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |"
        for line in lines
    )


def type_of(schema: Mapping[str, Any]) -> str:
    """Return the type of a column in words, without null."""
    given = schema["type"]
    (kind,) = {given} if isinstance(given, str) else {*given} - {"null"}
    items = schema.get("items")
    forms = [each.get("format", "") for each in schema.get("anyOf", [schema])]
    form = " or ".join(filter(None, forms))
    if items and "type" in items:
        return f"{kind} of {type_of(items)}s"
    return f"{kind} ({form})" if form else kind


def overview() -> str:
    """Return the table of all streams."""
    return table(
        ("Stream", "Contents", "Default", "Sync", "Evidence"),
        [
            (
                f"[`{name}`](#{name})",
                ABOUT[name].contents,
                _default(stream),
                _sync(stream),
                ABOUT[name].evidence,
            )
            for name, stream in _streams().items()
        ],
    )


def sections() -> str:
    """Return a section for each stream."""
    return "\n".join(_section(stream) for stream in _streams().values())


def _section(stream: KayzenStream) -> str:
    name = stream.name
    keys: Any = stream.primary_keys
    facts = {
        "Endpoint": " or ".join(_endpoints()[name]),
        "Key": ", ".join(f"`{key}`" for key in keys),
        "Sync": _sync(stream),
        "Selected by default": _default(stream),
        "Evidence": f"[{ABOUT[name].evidence}](#evidence)",
        "Refers to": _references(name),
        "Referenced by": _references(name, is_target=True),
    }
    parts = [
        f"## `{name}`",
        stream.schema["description"],
        "\n".join(f"- {fact}: {text}" for fact, text in facts.items() if text),
        NOTES.get(name, ""),
        _columns(stream),
        f"Example record:\n\n{_example(name)}",
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _columns(stream: KayzenStream) -> str:
    """Return the table of a stream's columns, without those described elsewhere."""
    keys: Any = stream.primary_keys
    columns = dict(stream.schema["properties"])
    del columns[EXTRA]
    is_any_report = stream.name == "report_results"
    if is_any_report:
        shared = {*DIMENSIONS, *METRICS} - {ADVERTISER}
        columns = {name: columns[name] for name in columns if name not in shared}
    text = table(
        ("Column", "Type", "Description"),
        [
            (
                f"`{name}`",
                type_of(column),
                "See [common columns](#common-columns)."
                if name == ADVERTISER and name not in keys
                else column["description"],
            )
            for name, column in columns.items()
        ],
    )
    if is_any_report:
        text += (
            "\n\nEach dimension and metric in [report columns](report-columns.md) is "
            "also a column."
        )
    return text


def _default(stream: KayzenStream) -> str:
    return CONDITIONS.get(stream.name) or (
        "yes" if stream.selected_by_default else "no"
    )


def _sync(stream: KayzenStream) -> str:
    key = stream.replication_key
    return f"incremental on `{key}`" if key else "full table"


def _references(stream: str, *, is_target: bool = False) -> str:
    """Return the streams that a stream refers to, or that refer to it."""
    found: dict[str, list[str]] = {}
    for join in JOINS:
        ends = (join.source, join.target)
        own, other = reversed(ends) if is_target else ends
        if split(own)[0] == stream:
            found.setdefault(split(other)[0], []).append(_by(join))
    return ", ".join(
        f"[`{name}`](#{name}) ({', '.join(columns)})" for name, columns in found.items()
    )


def _by(join: Join) -> str:
    _, column = split(join.source)
    return f"`{column}` {join.condition}".strip()


@cache
def _taps() -> list[TapKayzen]:
    """Return a tap with all streams for each value of `campaigns_endpoint`."""
    return [
        TapKayzen(
            config={
                **SAMPLE_CONFIG,
                "audience_api_key": "x",
                "campaigns_endpoint": each,
            }
        )
        for each in SETTINGS["properties"]["campaigns_endpoint"]["enum"]
    ]


def _streams(tap: TapKayzen | None = None) -> dict[str, KayzenStream]:
    streams = (tap or _taps()[0]).streams
    return dict(sorted(cast("Mapping[str, KayzenStream]", streams).items()))


@cache
def _endpoints() -> dict[str, list[str]]:
    """Return the endpoints of each stream; `campaigns` has two."""
    found: dict[str, list[str]] = {}
    for tap in _taps():
        for name, stream in _streams(tap).items():
            url = stream.url_base.removeprefix(stream.config["api_url"]) + stream.path
            endpoint = f"`{stream.http_method} {url}`"
            if endpoint not in found.setdefault(name, []):
                found[name].append(endpoint)
    return found


def _example(stream: str) -> str:
    """Return a record of a stream as a JSON code block, one field per line."""
    record = example_records()[stream]
    lines = [
        f"  {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}"
        for name, value in record.items()
    ]
    return "```json\n{\n" + ",\n".join(lines) + "\n}\n```"
