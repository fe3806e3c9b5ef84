"""Where the values of settings come from: files, environment, ``.env``, defaults."""

from __future__ import annotations

import json
import os
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any

from dotenv import find_dotenv, load_dotenv

from tap_kayzen.config.settings import ENVIRONMENT_PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping


def from_environment(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Read the settings from ``TAP_KAYZEN_<NAME>`` and a ``.env`` file.

    The file is the nearest one from the working directory upwards; the environment
    goes before it. An empty variable counts as not set, as CI systems pass empty
    ones for secrets that do not exist. What cannot be converted stays text, and what
    is misspelled stays in, for `validation.problems` to name.
    """
    load_dotenv(find_dotenv(usecwd=True), interpolate=False)
    known = schema["properties"]
    found = {}
    for variable, text in os.environ.items():
        name = variable.removeprefix(ENVIRONMENT_PREFIX).lower()
        # Meltano sets variables with a second underscore for its own use.
        if name == variable.lower() or name.startswith("_") or name == "loglevel":
            continue
        if text:
            definition = known.get(name, {"type": "string"})
            found[name] = _parse(text, definition.get("type", []))
    return found


def _parse(text: str, types: str | list[str]) -> object:
    if "string" in types:
        return text
    if "array" in types and not text.lstrip().startswith("["):
        text = f"[{text}]"
    if "boolean" in types:
        text = text.strip().lower()
    try:
        return json.loads(text)
    except ValueError:
        return text


def tidied(config: Mapping[str, Any]) -> dict[str, Any]:
    """Drop what is null, which counts as not set, and make numbers plain.

    The SDK reads config files with decimals, which sockets and query strings do not
    take.
    """
    return {name: _plain(each) for name, each in config.items() if each is not None}


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, (float, Decimal)) and isfinite(value):
        number = float(value)
        return int(number) if number.is_integer() else number
    return value


def normalized(
    config: Mapping[str, Any], schema: Mapping[str, Any], *, version: str
) -> dict[str, Any]:
    """Fill in the defaults; let `api_url` end neither in a slash nor in /v1."""
    result = {
        name: definition["default"]
        for name, definition in schema["properties"].items()
        if "default" in definition
    }
    result["user_agent"] = f"tap-kayzen/{version}"
    result.update(config)
    if isinstance(url := result["api_url"], str):
        result["api_url"] = url.rstrip("/").removesuffix("/v1").rstrip("/")
    if isinstance(url := result["audience_url"], str):
        result["audience_url"] = url.rstrip("/")
    return result
