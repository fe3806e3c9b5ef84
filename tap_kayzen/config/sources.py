"""Where the values of settings come from: files, environment, ``.env``, defaults."""

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

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DATE_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ]"
    r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:[.,]\d+)?)?"
    r" ?(?:[Zz]|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?",
    re.ASCII,
)
"""A date-time as Singer taps and Meltano write it; the day is its first group."""

INTEGER = re.compile(r"\s*([+-]?\d{1,18})\s*", re.ASCII)

BOOLEANS = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}
"""How text spells booleans."""

SCALARS = frozenset({"boolean", "integer", "number"})
"""Types of settings that may be text."""


def from_environment(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Read the settings from ``TAP_KAYZEN_<NAME>`` and a ``.env`` file.

    The file is the nearest one from the working directory upwards; the environment
    goes before it. An empty variable counts as not set, as CI systems pass empty
    ones for secrets that do not exist. What cannot be converted stays text, and what
    is misspelled stays in, for `validation.problems` to name.
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
    except ValueError as error:
        msg = f"{path}: {error}"
        raise ConfigurationError(msg) from error
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
    """Drop what is null or empty, which counts as not set; make values plain.

    The SDK reads config files with decimals, which sockets and query strings do not
    take. Of a date-time the day is left; IDs, numbers, and booleans may be text. What
    fits no form stays as it is, for `validation.problems` to name.
    """
    required, known = schema.get("required", []), schema["properties"]
    return {
        name: FORMS.get(name, _plain)(_typed(each, known.get(name, {})))
        for name, each in config.items()
        if each is not None and (each != "" or name in required)
    }


def _typed(value: object, definition: Mapping[str, Any]) -> object:
    """Read text for a number or a boolean as if it were a variable's."""
    types = definition.get("type", [])
    if isinstance(value, str) and SCALARS.intersection(types):
        return _parse(value, types)
    return value


def _day(value: object) -> object:
    match = DATE_TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    return match[1] if match else value


def _ids(value: object) -> object:
    """Make a list of IDs of one ID, or of text such as ``1,2``."""
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
    """Make a list of names of one name, or of text such as ``campaigns,tags``."""
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


FORMS: dict[str, Callable[[object], object]] = {
    "start_date": _day,
    "end_date": _day,
    "advertiser_ids": _ids,
    "report_ids": _ids,
    "streams": _names,
}
"""How values of settings are made plain, where people write them in several ways."""


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
