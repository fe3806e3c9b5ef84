"""Validates the settings; messages contain no secrets."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from decimal import Decimal
from importlib.util import find_spec
from ipaddress import ip_address
from math import isfinite
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator

from tap_kayzen import streams
from tap_kayzen.config import (
    batch_validation,
    report_validation,
    stream_validation,
)
from tap_kayzen.config.settings import ENVIRONMENT_PREFIX, place
from tap_kayzen.messages import settings_messages, stream_map_messages
from tap_kayzen.output.guesses import did_you_mean
from tap_kayzen.streams.expressions import FAKER, expression_fault, names_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jsonschema import ValidationError

    from tap_kayzen.messages.message import Message

PASTED_SETTINGS = (
    "username",
    "api_key",
    "api_secret",
    "audience_api_key",
    "api_url",
    "audience_url",
)
"""Settings that are usually pasted, and never start or end with a space.

Not included is `password`, which can.
"""


PLACEHOLDER = "..."
"""Value of credentials in the examples of the documentation."""

PLACEHOLDER_SETTINGS = ("password", "api_key", "api_secret", "audience_api_key")
"""Settings with that value in the examples."""

BY_VALIDATOR: Mapping[object, Message] = {
    "minItems": settings_messages.EMPTY,
    "minLength": settings_messages.EMPTY,
    "enum": settings_messages.NOT_ONE_OF,
    "minimum": settings_messages.TOO_LOW,
    "exclusiveMinimum": settings_messages.NOT_ABOVE,
    "maximum": settings_messages.TOO_HIGH,
}
"""Messages by the keyword of JSON Schema that a setting violates."""


def problems(config: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the settings, and what to do about it."""
    return [*_schema_problems(config, schema), *_own_problems(config, schema)]


def _schema_problems(
    config: Mapping[str, Any], schema: Mapping[str, Any]
) -> Iterator[str]:
    for name in schema.get("required", []):
        if name not in config:
            variable = f"{ENVIRONMENT_PREFIX}{name.upper()}"
            yield settings_messages.MISSING(name=name, variable=variable)
    validator = Draft202012Validator({**schema, "required": []})
    yield from map(_describe, validator.iter_errors(config))


def _describe(error: ValidationError) -> str:
    """Describe a schema error without the value, which can be secret."""
    while error.context:
        # Of several schemas, choose the closest match.
        error = max(error.context, key=lambda each: len(each.absolute_path))
    limit: Any = error.validator_value
    name = place(error.absolute_path) or "config"
    if error.validator == "type":
        types = [limit] if isinstance(limit, str) else limit
        expected = " or ".join(kind for kind in types if kind != "null")
        found = _json_type(error.instance)
        if found == "string" and str(error.instance)[:1] in {"[", "{"}:
            # Invalid JSON in an environment variable stays a string.
            found = "text that is not valid JSON"
        return settings_messages.WRONG_TYPE(name=name, expected=expected, found=found)
    choices = ", ".join(map(str, limit)) if isinstance(limit, list) else limit
    if error.validator == "required":
        _, missing, *_ = error.message.split("'")
        return settings_messages.PART_MISSING(name=name, part=missing)
    message = BY_VALIDATOR.get(error.validator, settings_messages.INVALID)
    return message(name=name, limit=limit, choices=choices)


def _json_type(value: object) -> str:
    names: dict[type, str] = {
        bool: "boolean",
        dict: "object",
        float: "number",
        int: "integer",
        list: "array",
        str: "string",
        Decimal: "number",
    }
    return names.get(type(value), type(value).__name__)


def _own_problems(
    config: Mapping[str, Any], schema: Mapping[str, Any]
) -> Iterator[str]:
    """Yield problems that JSON Schema cannot express."""
    known = schema["properties"]
    for name in config:
        if name not in known:
            question = did_you_mean(name, known)
            hint = f"; {question}" if question else ""
            yield settings_messages.UNKNOWN(name=name, hint=hint)

    yield from _address_problems(config, known)
    yield from _value_problems(config)
    if isinstance(reports := config.get("reports"), list):
        has_start = "start_date" in config
        yield from report_validation.problems(
            reports, streams.NAMES, has_start=has_start
        )
    if isinstance(patterns := config.get("streams"), list):
        names = streams.NAMES | report_validation.stream_names(
            config.get("reports", known["reports"]["default"])
        )
        has_audiences = bool(config.get("audience_api_key"))
        yield from stream_validation.problems(
            patterns, names, has_audiences=has_audiences
        )
    if isinstance(batch := config.get("batch_config"), dict):
        yield from batch_validation.problems(batch)
    if isinstance(maps := config.get("stream_maps"), dict):
        yield from _map_problems(maps)
    yield from _day_problems(config)


def _map_problems(maps: Mapping[str, Any]) -> Iterator[str]:
    for stream, entry in maps.items():
        for column, expression in entry.items() if isinstance(entry, dict) else ():
            is_expression = column == "__filter__" or not column.startswith("__")
            if is_expression and isinstance(expression, str):
                fault = expression_fault(expression)
                where = place(["stream_maps", stream, column])
                if fault:
                    yield stream_map_messages.NOT_AN_EXPRESSION(
                        place=where, reason=fault
                    )
                elif FAKER in names_in(expression) and find_spec("faker") is None:
                    yield stream_map_messages.NO_FAKER(place=where)


def _day_problems(config: Mapping[str, Any]) -> Iterator[str]:
    days = {}
    for name in ("start_date", "end_date"):
        if isinstance(value := config.get(name), str):
            with suppress(ValueError):
                days[name] = date.fromisoformat(value)
            # Python also accepts dates such as 2026-W05-6.
            if str(days.get(name)) != value:
                yield settings_messages.NOT_A_DATE(name=name)
    if len(days) == 2 and days["start_date"] > days["end_date"]:  # noqa: PLR2004
        yield settings_messages.START_AFTER_END()


def _address_problems(
    config: Mapping[str, Any], known: Mapping[str, Any]
) -> Iterator[str]:
    for name in ("api_url", "audience_url"):
        url = config.get(name)
        if not isinstance(url, str) or not url or has_blank_end(url):
            continue
        if message := _url_problem(url):
            yield message(name=name, example=known[name]["default"])
        elif _is_insecure(url) and config.get("allow_insecure_http") is not True:
            yield settings_messages.INSECURE_URL(name=name)


def _value_problems(config: Mapping[str, Any]) -> Iterator[str]:
    # In HTTP Basic, the key ends at the first colon.
    if ":" in str(config.get("api_key", "")):
        yield settings_messages.COLON_IN_KEY()
    agent = config.get("user_agent")
    if isinstance(agent, str) and not (agent.isascii() and agent.isprintable()):
        yield settings_messages.NOT_ASCII()
    for name, value in config.items():
        if isinstance(value, (float, Decimal)) and not isfinite(value):
            yield settings_messages.NOT_FINITE(name=name)
    for name in PLACEHOLDER_SETTINGS:
        if config.get(name) == PLACEHOLDER:
            yield settings_messages.PLACEHOLDER(name=name)
    for name in PASTED_SETTINGS:
        if has_blank_end(config.get(name)):
            yield settings_messages.BLANK_END(name=name)


def has_blank_end(value: object) -> bool:
    """Return whether a string starts or ends with an invisible character."""
    if not isinstance(value, str) or not value:
        return False
    ends = value[0] + value[-1]
    return " " in ends or not ends.isprintable()


def _is_insecure(url: str) -> bool:
    """Return whether requests to a URL would leave the machine unencrypted."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        local = ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost" or host.endswith(".localhost")
    return parts.scheme == "http" and not local


def _url_problem(url: str) -> Message | None:
    try:
        parts = urlsplit(url)
        host, has_login = parts.hostname, parts.username or parts.password
        _ = parts.port
        _ = (host or "").encode("idna")
    except ValueError:
        return settings_messages.BAD_URL
    if parts.scheme not in {"http", "https"} or not host:
        return settings_messages.BAD_URL
    if has_login:
        return settings_messages.URL_WITH_LOGIN
    if parts.query or parts.fragment:
        return settings_messages.URL_WITH_QUERY
    return None
