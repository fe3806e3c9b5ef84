"""JSON Schema of the settings, loaded from `settings.json`."""

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


def _with_sdk_settings(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of a schema with the settings of the SDK added.

    The SDK itself adds them too late, after it has read the environment variables.
    """
    complete = {**schema, "properties": {**schema["properties"]}}
    Tap.append_builtin_config(complete)
    result: dict[str, Any] = _with_valid_any_of(complete)
    return result


def _with_valid_any_of(schema: Any) -> Any:  # noqa: ANN401
    """Return a copy of a schema without invalid items in ``anyOf``.

    The SDK adds the string "null" to some, which makes validators fail.
    """
    if isinstance(schema, list):
        return [_with_valid_any_of(each) for each in schema]
    if isinstance(schema, dict):
        return {
            name: [_with_valid_any_of(each) for each in value if isinstance(each, dict)]
            if name == "anyOf"
            else _with_valid_any_of(value)
            for name, value in schema.items()
        }
    return schema


ALL_SETTINGS = _with_sdk_settings(SETTINGS)
"""JSON Schema of all settings, including those of the SDK."""


def place(path: Iterable[str | int]) -> str:
    """Format the path of a setting, such as ``reports[0].metrics[1]``."""
    text = "".join(f"[{x}]" if isinstance(x, int) else f".{x}" for x in path)
    return text.removeprefix(".")
