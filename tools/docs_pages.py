"""Generates the tables of settings, streams, and columns in docs/ from the code.

Run by `make docs-pages`. Each table is enclosed by the comments
``<!-- begin NAME ... -->`` and ``<!-- end NAME -->``. The rest of a page is written by
hand.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, cast

from project import ROOT

from tap_kayzen.config.settings import ALL_SETTINGS, ENVIRONMENT_PREFIX, SETTINGS
from tap_kayzen.reports.columns import DIMENSIONS, METRICS
from tap_kayzen.sandbox.fault_texts import FAULT_TEXTS, GROUPS
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tap_kayzen.streams.base import KayzenStream

DOCS = ROOT / "docs"
BLOCK = re.compile(r"(<!-- begin (\S+).*?-->\n).*?(<!-- end \2 -->)", re.DOTALL)

CERTAINTY: Mapping[str, str] = {
    "app_lists": "Fields documented for the calls that write",
    "app_lookups": "Path only, from a public client",
    "app_objects": "Path only, from a public client",
    "asset_files": "Fields documented for one file; the list is inferred",
    "audiences": "Documented",
    "balance": "Second hand from the documentation",
    "campaign_bid_multipliers": (
        "Fields documented for the call that writes; reading is inferred"
    ),
    "campaign_changelogs": "From code of a Kayzen employee",
    "campaign_details": "Path only, from a public client; all in `_extra`",
    "campaign_performance": "Second hand from the documentation",
    "campaigns": (
        "Fields documented for the edit call, list second hand from the "
        "documentation; what the look-up list has is not known"
    ),
    "cities": "Documented",
    "countries": "Path only, from a public client",
    "creatives": "Fields documented for the call that creates; the list is inferred",
    "exchanges": "Path only, from a public client",
    "orders": "Second hand; fields documented for the call that creates",
    "report_results": "From public clients",
    "reports": "From a public client that follows the documentation",
    "site_lookups": "Path only, from a public client",
    "states": "Documented",
    "tags": "Path only, from a public client",
    "time_zones": "Path only, from a public client",
    "tracker_assets": (
        "Fields documented for the call that updates; the list is inferred"
    ),
    "website_objects": "Path only, from a public client",
}
"""How sure it is what a stream's answers look like."""


def _taps() -> list[TapKayzen]:
    """Make a tap with all streams for each list of campaigns that it can read."""
    required = dict.fromkeys(SETTINGS["required"], "x")
    return [
        TapKayzen(
            config={**required, "audience_api_key": "x", "campaigns_endpoint": each}
        )
        for each in SETTINGS["properties"]["campaigns_endpoint"]["enum"]
    ]


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(
        f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |"
        for line in lines
    )


def _type(schema: Mapping[str, Any]) -> str:
    """Say a JSON Schema type in words; that it may be null is said elsewhere."""
    given = schema["type"]
    (kind,) = {given} if isinstance(given, str) else {*given} - {"null"}
    items = schema.get("items")
    forms = [each.get("format", "") for each in schema.get("anyOf", [schema])]
    form = " or ".join(filter(None, forms))
    if items and "type" in items:
        return f"{kind} of {_type(items)}s"
    return f"{kind} ({form})" if form else kind


def _range(schema: Mapping[str, Any]) -> str:
    values = {
        "minimum": "at least {}",
        "exclusiveMinimum": "more than {}",
        "maximum": "at most {}",
    }
    return ", ".join(
        text.format(f"{schema[name]:,}")
        for name, text in values.items()
        if name in schema
    )


def _setting(name: str, schema: Mapping[str, Any]) -> str:
    default = schema.get("default")
    is_long = isinstance(default, list)
    facts = [
        f"`{ENVIRONMENT_PREFIX}{name.upper()}`",
        _type(schema),
        _range(schema),
        f"one of {', '.join(f'`{each}`' for each in schema.get('enum', ()))}"
        if "enum" in schema
        else "",
        "**required**" if name in SETTINGS["required"] else "",
        "secret" if schema.get("secret") else "",
        f"default `{json.dumps(default).strip(chr(34))}`"
        if default is not None and not is_long
        else "",
    ]
    text = f"### `{name}`\n\n{' · '.join(filter(None, facts))}\n\n"
    text += f"{schema['description']}\n"
    if is_long:
        text += f"\n```json\n{json.dumps(default, indent=2)}\n```\n"
    return text


def _settings() -> str:
    return "\n".join(
        _setting(name, schema) for name, schema in SETTINGS["properties"].items()
    )


def _sdk_settings() -> str:
    every = ALL_SETTINGS["properties"]
    return _table(
        ("Setting", "Type", ""),
        (
            (f"`{name}`", _type(each), " ".join(each.get("description", "").split()))
            for name, each in every.items()
            if name not in SETTINGS["properties"]
        ),
    )


def _endpoint(stream: KayzenStream) -> str:
    url = stream.url_base.removeprefix(stream.config["api_url"]) + stream.path
    return f"`{stream.http_method} {url}`"


def _replication(stream: KayzenStream) -> str:
    key = stream.replication_key
    return f"incremental on `{key}`" if key else "full table"


def _streams(tap: TapKayzen) -> dict[str, KayzenStream]:
    return dict(sorted(cast("Mapping[str, KayzenStream]", tap.streams).items()))


def _overview() -> str:
    return _table(
        ("Stream", "By default", "Replication", "How sure its shape is"),
        (
            (
                f"[`{name}`](#{name})",
                "yes" if stream.selected_by_default else "no",
                _replication(stream),
                CERTAINTY[name],
            )
            for name, stream in _streams(_taps()[0]).items()
        ),
    )


def _columns() -> str:
    taps = [_streams(tap) for tap in _taps()]
    parts = []
    for name, stream in taps[0].items():
        endpoints = dict.fromkeys(_endpoint(streams[name]) for streams in taps)
        keys = ", ".join(f"`{key}`" for key in cast("Any", stream.primary_keys))
        columns = _table(
            ("Column", "Type", ""),
            (
                (f"`{column}`", _type(schema), schema["description"])
                for column, schema in stream.schema["properties"].items()
            ),
        )
        parts.append(
            f"## `{name}`\n\n{stream.schema['description']}\n\n"
            f"{' or '.join(endpoints)} · key {keys} · {_replication(stream)}\n\n"
            f"{columns}\n"
        )
    return "\n".join(parts)


def _names(columns: Mapping[str, dict[str, Any]]) -> str:
    return _table(
        ("Name", "Type", ""),
        (
            (f"`{name}`", _type(column), column["description"])
            for name, column in columns.items()
        ),
    )


def _faults() -> str:
    parts = []
    for title, names in GROUPS.items():
        rows = ((f"`{name}`", FAULT_TEXTS[name]) for name in names)
        parts.append(f"{title}:\n\n{_table(('Fault', 'What happens'), rows)}")
    return "\n\n".join(parts)


BLOCKS: dict[str, Callable[[], str]] = {
    "settings": _settings,
    "sdk-settings": _sdk_settings,
    "overview": _overview,
    "columns": _columns,
    "faults": _faults,
    "metrics": lambda: _names(METRICS),
    "dimensions": lambda: _names(DIMENSIONS),
}


def written_anew(text: str) -> str:
    """Give a page with all blocks as they should be now."""
    return BLOCK.sub(lambda each: each[1] + BLOCKS[each[2]]() + "\n" + each[3], text)


if __name__ == "__main__":
    for path in sorted(DOCS.glob("*.md")):
        page = path.read_text(encoding="utf-8")
        path.write_text(written_anew(page), encoding="utf-8")
