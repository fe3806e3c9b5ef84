"""From the values of the API's JSON to those of a column, where nothing is lost."""

from __future__ import annotations

import re
from datetime import date, datetime, timezone
from decimal import Decimal, InvalidOperation
from types import GenericAlias
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Converter = Callable[[Any], Any]

BIGINT = 2**63
"""Integers from here on, up or down, fit no integer column of a warehouse."""

BIGINT_DIGITS = len(str(BIGINT))

_DATE_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d{1,9})?"
    r" ?(Z|UTC|[+-]\d\d:?\d\d)?",
    re.ASCII,
)


class LossyError(ValueError):
    """A value cannot become the wanted type without losing something."""


def converter_to(definition: Mapping[str, Any]) -> Converter:
    """Choose the conversion to a property's type."""
    declared = definition.get("type", [])
    types = [declared] if isinstance(declared, str) else declared
    kind = next((kind for kind in types if kind in _SCALARS), None)
    if kind == "string" and "format" in definition:
        return {"date": _date, "date-time": date_time}[definition["format"]]
    if kind is not None:
        return _SCALARS[kind]
    if "array" in types:
        items = definition.get("items")
        return _array(converter_to(items)) if items else _list
    return _unchanged


def is_open(definition: Mapping[str, Any]) -> bool:
    """Tell whether a property's values, or those in them, may be of any type."""
    return converter_to(definition) in {_unchanged, _list}


def _unchanged(value: Any) -> Any:  # noqa: ANN401
    return value


def to_integer(value: object) -> int:
    """Read an integer of at most 64 bits, also from text and from a decimal.

    Raises:
        LossyError: It is none.
    """
    if type(value) is int and -BIGINT <= value < BIGINT:
        return value
    number = to_number(value)
    if isinstance(number, Decimal):
        # A glance at the size first: int(Decimal("1E+999999")) takes its time.
        if number.adjusted() >= BIGINT_DIGITS or number != number.to_integral_value():
            raise LossyError
        number = int(number)
    if not -BIGINT <= number < BIGINT:
        raise LossyError
    return number


def to_number(value: object) -> int | Decimal:
    """Read a number, also from text.

    Raises:
        LossyError: It is none.
    """
    if isinstance(value, bool):
        raise LossyError
    if isinstance(value, (int, Decimal)):
        return value
    # Decimal also reads "NaN", "1_000" and digits of other scripts.
    if isinstance(value, str) and re.fullmatch(
        r"\s*[+-]?\d+(\.\d+)?([eE][+-]?\d{1,4})?\s*", value, re.ASCII
    ):
        try:
            return Decimal(value.strip())
        except InvalidOperation as error:
            raise LossyError from error
    raise LossyError


def _boolean(value: object) -> bool:
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


def _string(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return str(value)
    raise LossyError


def _date(value: object) -> str:
    """Bring a day to the form 2026-01-31; a time at midnight is one too."""
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


def date_time(value: object) -> str:
    """Bring a time to ISO 8601 with a zone; Kayzen's times are UTC."""
    if isinstance(value, str) and _is_usual(value):
        return value
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
        # Bounds of the calendar, and of UTC: year 1 east of Greenwich has none.
        datetime.fromisoformat(f"{day}T{time}{offset}").astimezone(timezone.utc)
    except (OverflowError, ValueError) as error:
        raise LossyError from error
    return f"{day}T{time}{fraction}{zone}"


def _is_usual(value: str) -> bool:
    """Tell whether a time is a real one in the form that almost all have.

    That form is 2019-01-28T12:35:31.000Z. A short way, without a regular expression.
    """
    if len(value) != len("2019-01-28T12:35:31.000Z") or value[-1] != "Z":
        return False
    # `fromisoformat` reads other forms of this length too, such as week dates.
    if (value[4], value[7], value[10], value[13], value[16], value[19]) != (*"--T::.",):
        return False
    try:
        datetime.fromisoformat(value[:-1])
    except ValueError:
        return False
    return True


def are_usual_times(times: Sequence[str]) -> bool:
    """Tell whether times are written like 2019-01-28T12:35:31.000Z.

    Args:
        times: Times that follow RFC 3339, which also has a space, "t" and "z".
    """
    text, size = "".join(times), len("2019-01-28T12:35:31.000Z")
    return (
        len(text) == size * len(times)
        and text[10::size] == "T" * len(times)
        and text[size - 1 :: size] == "Z" * len(times)
    )


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _array(item: Converter) -> Converter:
    def convert(value: object) -> list[Any]:
        return [None if each is None else item(each) for each in _list(value)]

    return convert


AS_THEY_ARE: dict[Converter, type] = {
    _boolean: bool,
    _list: list,
    to_number: Decimal,
    _string: str,
}
"""The type whose values a converter would return as they are."""

_SCALARS: dict[str, Converter] = {
    "boolean": _boolean,
    "integer": to_integer,
    "number": to_number,
    "string": _string,
}


def usual_type(definition: Mapping[str, Any], *, is_item: bool = False) -> Any:  # noqa: ANN401
    """Choose the type whose values `converter_to` would return as they are."""
    converter = converter_to(definition)
    if converter is date_time:
        # How it is written is checked for columns only.
        return None if is_item else Annotated[datetime, Meta(tz=True)] | None
    if converter is _date:
        return date | None
    if converter in _USUAL:
        return _USUAL[converter]
    if converter is _unchanged:
        return Any
    item = usual_type(definition["items"], is_item=True)
    return GenericAlias(list, (item,)) | None


_USUAL: dict[Converter, Any] = {
    _boolean: bool | None,
    to_integer: Annotated[int, Meta(ge=-BIGINT, le=BIGINT - 1)] | None,
    _list: list[Any] | None,
    to_number: int | Decimal | None,
    _string: str | None,
}
"""The types of values that the converters of scalars return as they are."""
