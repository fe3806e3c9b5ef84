"""Generates the tables of settings, streams, columns, and messages in docs/.

Run by `make docs-pages`. Each table is enclosed by the comments
``<!-- begin NAME ... -->`` and ``<!-- end NAME -->``. The rest of a page is written by
hand.
"""

from __future__ import annotations

import json
import logging
import re
from functools import partial
from typing import TYPE_CHECKING, Any

from project import ROOT
from stream_docs import overview, sections, table, type_of

from tap_kayzen.config.settings import ALL_SETTINGS, ENVIRONMENT_PREFIX, SETTINGS
from tap_kayzen.messages import (
    bug_messages,
    file_messages,
    login_messages,
    network_messages,
    report_messages,
    report_setting_messages,
    selection_messages,
    settings_messages,
    stream_map_messages,
    stream_messages,
)
from tap_kayzen.messages.message import Message
from tap_kayzen.reports.columns import DIMENSIONS, METRICS
from tap_kayzen.sandbox.fault_texts import FAULT_TEXTS, GROUPS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

DOCS = ROOT / "docs"
BLOCK = re.compile(r"(<!-- begin (\S+).*?-->\n).*?(<!-- end \2 -->)", re.DOTALL)

SDK_SETTINGS = {
    "stream_maps": "Rename streams, change columns, and filter rows: [stream maps].",
    "stream_map_config": "Values for use in the expressions of `stream_maps`.",
    "faker_config": "`seed` and `locale` of [Faker], if it is installed.",
    "flattening_enabled": "Whether to flatten nested objects into columns.",
    "flattening_max_depth": "Maximum depth to which objects are flattened.",
    "flattening_max_key_length": "Maximum length of the name of a flattened column.",
    "flattening_separator": "Separator in the names of flattened columns.",
    "batch_config": "Format and storage of BATCH files.",
}
"""Descriptions of the SDK's settings; docs/settings.md has the links."""


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
        type_of(schema),
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
    return table(
        ("Setting", "Type", "Description"),
        [
            (f"`{name}`", type_of(each), SDK_SETTINGS[name])
            for name, each in every.items()
            if name not in SETTINGS["properties"]
        ],
    )


def _names(columns: Mapping[str, dict[str, Any]]) -> str:
    return table(
        ("Name", "Type", "Description"),
        [
            (f"`{name}`", type_of(column), column["description"])
            for name, column in columns.items()
        ],
    )


MESSAGES = {
    "login": login_messages,
    "settings": settings_messages,
    "report-settings": report_setting_messages,
    "stream-maps": stream_map_messages,
    "files": file_messages,
    "selection": selection_messages,
    "streams": stream_messages,
    "reports": report_messages,
    "network": network_messages,
    "bugs": bug_messages,
}
"""Modules of messages, by section of docs/troubleshooting.md."""


def messages_in(module: ModuleType) -> dict[str, Message]:
    """Return the messages of a module by name, in order."""
    return {
        name: each for name, each in vars(module).items() if isinstance(each, Message)
    }


def _messages(module: ModuleType) -> str:
    return table(
        ("Message", "Cause", "What to do"),
        [
            (_code(each.pattern), _level(each) + each.cause, each.action)
            for each in messages_in(module).values()
        ],
    )


def _code(text: str) -> str:
    """Format a text as inline code; the text may contain backticks."""
    if "`" not in text:
        return f"`{text}`"
    padding = " " if "`" in (text[0], text[-1]) else ""
    return f"``{padding}{text}{padding}``"


def _level(message: Message) -> str:
    if message.level == logging.ERROR:
        return ""
    return f"*{logging.getLevelName(message.level).capitalize()}.* "


def _faults() -> str:
    parts = []
    for title, names in GROUPS.items():
        text = table(
            ("Fault", "Effect"), [(f"`{name}`", FAULT_TEXTS[name]) for name in names]
        )
        parts.append(f"{title}:\n\n{text}")
    return "\n\n".join(parts)


BLOCKS: dict[str, Callable[[], str]] = {
    "settings": _settings,
    "sdk-settings": _sdk_settings,
    "overview": overview,
    "streams": sections,
    "faults": _faults,
    "metrics": lambda: _names(METRICS),
    "dimensions": lambda: _names(DIMENSIONS),
    **{
        f"messages-{section}": partial(_messages, module)
        for section, module in MESSAGES.items()
    },
}


def regenerated(text: str) -> str:
    """Return a page with all blocks regenerated."""
    return BLOCK.sub(lambda each: each[1] + BLOCKS[each[2]]() + "\n" + each[3], text)


if __name__ == "__main__":
    for path in sorted(DOCS.glob("*.md")):
        page = path.read_text(encoding="utf-8")
        path.write_text(regenerated(page), encoding="utf-8")
