"""Sources of setting values: files, environment variables, ``.env``, defaults."""

from __future__ import annotations

import io
import json
import os
import re
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dotenv import find_dotenv, load_dotenv
from singer_sdk.exceptions import ConfigurationError

from tap_kayzen.config.settings import ENVIRONMENT_PREFIX
from tap_kayzen.config.text_files import decoded
from tap_kayzen.messages import file_messages

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DATE_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ]"
    r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:[.,]\d+)?)?"
    r" ?(?:[Zz]|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?",
    re.ASCII,
)
"""Matches a date-time as written by Singer taps and Meltano; group 1 is the date."""

INTEGER = re.compile(r"\s*([+-]?\d{1,18})\s*", re.ASCII)

BOOLEANS = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}
"""Booleans by their spellings in strings."""

SCALARS = frozenset({"boolean", "integer", "number"})
"""Types of settings that can be given as strings."""


def from_environment(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Read the settings from ``TAP_KAYZEN_<NAME>`` and a ``.env`` file.

    The file is the nearest one in the working directory or its parents. Environment
    variables take precedence over it. Empty variables count as not set, because CI
    systems pass them for missing secrets. Values that cannot be converted and unknown
    names are kept, so that `validation.problems` can report them.
    """
    _load_dotenv()
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


def _load_dotenv() -> None:
    path = find_dotenv(usecwd=True)
    if not path:
        return
    try:
        text = decoded(Path(path).read_bytes())
    except UnicodeError as error:
        raise ConfigurationError(file_messages.NOT_UTF8(file=path)) from error
    load_dotenv(stream=io.StringIO(text), interpolate=False)


def _parse(text: str, types: str | list[str]) -> object:
    if "string" in types:
        return text
    if "array" in types and not text.lstrip().startswith("["):
        text = f"[{text}]"
    if "boolean" in types:
        return BOOLEANS.get(text.strip().lower(), text)
    try:
        return json.loads(text)
    except ValueError:
        return text


def tidied(config: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with nulls and empty strings removed and values converted.

    Decimals, which the SDK reads from config files, become floats or integers. A
    date-time becomes a date. IDs, numbers, and booleans can be strings. Other values
    are kept, so that `validation.problems` can report them.
    """
    required, known = schema.get("required", []), schema["properties"]
    return {
        name: NORMALIZERS.get(name, _plain)(_typed(each, known.get(name, {})))
        for name, each in config.items()
        if each is not None and (each != "" or name in required)
    }


def _typed(value: object, definition: Mapping[str, Any]) -> object:
    """Parse a string for a number or a boolean, like an environment variable."""
    types = definition.get("type", [])
    if isinstance(value, str) and SCALARS.intersection(types):
        return _parse(value, types)
    return value


def _day(value: object) -> object:
    match = DATE_TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    return match[1] if match else value


def _ids(value: object) -> object:
    """Convert a single ID, or a string such as ``1,2``, to a list of IDs."""
    if isinstance(value, str):
        is_list = value.lstrip().startswith("[")
        try:
            value = json.loads(value) if is_list else value.split(",")
        except ValueError:
            return value
    plain = _plain(value)
    if isinstance(plain, list):
        return [_id(each) for each in plain]
    return [plain] if isinstance(plain, int) and not isinstance(plain, bool) else plain


def _id(value: object) -> object:
    match = INTEGER.fullmatch(value) if isinstance(value, str) else None
    return int(match[1]) if match else value


def _names(value: object) -> object:
    """Convert text like ``campaigns,tags``, or a JSON array, to a list of names."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if '"' in text:
        try:
            return json.loads(text)
        except ValueError:
            return value
    inner = text.removeprefix("[").removesuffix("]")
    return [each.strip() for each in inner.split(",")]


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, (float, Decimal)) and isfinite(value):
        number = float(value)
        return int(number) if number.is_integer() else number
    return value


NORMALIZERS: dict[str, Callable[[object], object]] = {
    "start_date": _day,
    "end_date": _day,
    "advertiser_ids": _ids,
    "report_ids": _ids,
    "streams": _names,
}
"""Functions that normalize settings with several accepted formats."""


def normalized(
    config: Mapping[str, Any], schema: Mapping[str, Any], *, version: str
) -> dict[str, Any]:
    """Add the defaults, and remove trailing slashes and ``/v1`` from URLs."""
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
