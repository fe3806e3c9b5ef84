"""Converts single values to the types of columns, if nothing is lost.

The ``to_*`` functions raise `LossyError` for values that they cannot convert.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timezone
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Converter = Callable[[Any], Any]

BIGINT = 2**63
"""Bound of 64-bit integer columns: ``-BIGINT <= value < BIGINT``."""

BIGINT_DIGITS = len(str(BIGINT))

_DATE_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d{1,9})?"
    r" ?(Z|UTC|[+-]\d\d:?\d\d)?",
    re.ASCII,
)


class LossyError(ValueError):
    """A value that cannot be converted to a type without loss."""


def converter_to(definition: Mapping[str, Any]) -> Converter:
    """Return the function that converts values to the type of a property."""
    declared = definition.get("type") or []
    types = [declared] if isinstance(declared, str) else declared
    kind = next((kind for kind in types if kind in _SCALARS), None)
    if kind == "string" and "format" in definition:
        formats: dict[object, Converter] = {"date": to_date, "date-time": to_date_time}
        return formats.get(definition["format"], to_text)
    if kind is not None:
        return _SCALARS[kind]
    if "array" in types:
        items = definition.get("items")
        return _array(converter_to(items)) if items else to_list
    return to_object if "object" in types else unchanged


def is_open(definition: Mapping[str, Any]) -> bool:
    """Return whether a property allows values, or nested values, of any type."""
    return converter_to(definition) in {unchanged, to_list, to_object}


def may_hold_fields(definition: Mapping[str, Any]) -> bool:
    """Return whether values of a property can contain objects at any depth."""
    if is_open(definition):
        return True
    return "array" in definition["type"] and may_hold_fields(definition["items"])


def unchanged(value: Any) -> Any:  # noqa: ANN401
    """Return a value unchanged."""
    return value


def to_integer(value: object) -> int:
    """Convert a number or string to an integer of at most 64 bits."""
    if type(value) is int and -BIGINT <= value < BIGINT:
        return value
    number = to_number(value)
    if isinstance(number, Decimal):
        # Check the magnitude first: int(Decimal("1E+999999")) is slow.
        if number.adjusted() >= BIGINT_DIGITS or number != number.to_integral_value():
            raise LossyError
        number = int(number)
    if not -BIGINT <= number < BIGINT:
        raise LossyError
    return number


def to_number(value: object) -> int | Decimal:
    """Convert a number or string to a number."""
    if isinstance(value, bool):
        raise LossyError
    if isinstance(value, (int, Decimal)):
        return value
    # Decimal also accepts "NaN", "1_000", and digits of other scripts.
    if isinstance(value, str) and re.fullmatch(
        r"\s*[+-]?\d+(\.\d+)?([eE][+-]?\d{1,4})?\s*", value, re.ASCII
    ):
        try:
            return Decimal(value.strip())
        except InvalidOperation as error:
            raise LossyError from error
    raise LossyError


def to_boolean(value: object) -> bool:
    """Convert a boolean, 0, 1, or a string such as ``"true"`` to a boolean."""
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, str)):
        try:
            return {"0": False, "1": True, "false": False, "true": True}[
                str(value).lower()
            ]
        except KeyError as error:
            raise LossyError from error
    raise LossyError


def to_text(value: object) -> str:
    """Convert a string or number to a string."""
    if isinstance(value, str):
        return value
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return str(value)
    raise LossyError


def to_date(value: object) -> str:
    """Convert a date, or a time at midnight, to a date like 2026-01-31."""
    if not isinstance(value, str):
        raise LossyError
    day, time = value[:10], value[10:]
    if time and not re.fullmatch(r"[T ]00:00(:00(\.0+)?)?( ?(Z|UTC|\+00:?00))?", time):
        raise LossyError
    try:
        if date.fromisoformat(day).isoformat() != day:
            raise LossyError
    except ValueError as error:
        raise LossyError from error
    return day


def to_date_time(value: object) -> str:
    """Convert a time to ISO 8601 with a time zone, which defaults to UTC."""
    match = _DATE_TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise LossyError
    day, time, fraction, zone = match.groups(default="")
    if zone in {"", "UTC"}:
        zone = "Z"
    elif len(zone) == len("+0000"):
        zone = f"{zone[:3]}:{zone[3:]}"
    offset = "+00:00" if zone == "Z" else zone
    try:
        # Check the calendar, including in UTC: year 1 can underflow there.
        datetime.fromisoformat(f"{day}T{time}{offset}").astimezone(timezone.utc)
    except (OverflowError, ValueError) as error:
        raise LossyError from error
    return f"{day}T{time}{fraction}{zone}"


def to_list(value: object) -> list[Any]:
    """Return a list unchanged, or any other value as a list of one."""
    return value if isinstance(value, list) else [value]


def to_object(value: object) -> dict[str, Any]:
    """Return an object unchanged."""
    if isinstance(value, dict):
        return value
    raise LossyError


def _array(item: Converter) -> Converter:
    def convert(value: object) -> list[Any]:
        return [None if each is None else item(each) for each in to_list(value)]

    return convert


UNCHANGED_TYPES: dict[Converter, type] = {
    to_boolean: bool,
    to_list: list,
    to_number: Decimal,
    to_text: str,
}
"""Types of the values that a converter returns unchanged."""

_SCALARS: dict[str, Converter] = {
    "boolean": to_boolean,
    "integer": to_integer,
    "number": to_number,
    "string": to_text,
}
