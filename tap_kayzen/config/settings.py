"""The settings, as JSON Schema: `settings.json`, which editors can use too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from singer_sdk import Tap

if TYPE_CHECKING:
    from collections.abc import Iterable

ENVIRONMENT_PREFIX = "TAP_KAYZEN_"

SETTINGS: dict[str, Any] = json.loads(
    Path(__file__).with_name("settings.json").read_text(encoding="utf-8")
)
"""JSON Schema of the tap's own settings."""


def _with_those_of_the_sdk(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of a schema that also has the settings of every SDK tap.

    Complete from the start: the SDK would add them to the class's schema some time
    after the environment has been read by it.
    """
    complete = {**schema, "properties": {**schema["properties"]}}
    Tap.append_builtin_config(complete)
    result: dict[str, Any] = _sound(complete)
    return result


def _sound(schema: Any) -> Any:  # noqa: ANN401
    """Return a copy of a schema, with schemas only in each ``anyOf``.

    The SDK puts the text "null" into some, where validators fail.
    """
    if isinstance(schema, list):
        return [_sound(each) for each in schema]
    if isinstance(schema, dict):
        return {
            name: [_sound(each) for each in value if isinstance(each, dict)]
            if name == "anyOf"
            else _sound(value)
            for name, value in schema.items()
        }
    return schema


ALL_SETTINGS = _with_those_of_the_sdk(SETTINGS)
"""JSON Schema of all settings: the tap's own, and those of the SDK."""


def place(path: Iterable[str | int]) -> str:
    """Name a part of the settings, such as ``reports[0].metrics[1]``."""
    text = "".join(f"[{x}]" if isinstance(x, int) else f".{x}" for x in path)
    return text.removeprefix(".")
