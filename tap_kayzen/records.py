"""From the API's JSON to the schema's types, with nothing lost on the way."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection, Mapping

    Converter = Callable[[Any], Any]

EXTRA = "_extra"
"""The property that keeps what the schema has no place for."""

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


class RecordConverter:
    """Converts the records of one stream.

    Fields that the schema does not know, and values that its types cannot hold
    without loss, go under their names into the object `EXTRA`; the column of such a
    value is null. Each field is named once in a warning. The rules are in
    docs/behavior.md.
    """

    def __init__(
        self,
        schema: Mapping[str, Any],
        *,
        logger: logging.Logger,
        deselected: Collection[str] = (),
    ) -> None:
        """Prepare the conversion.

        Args:
            schema: JSON Schema of the stream, flat but for arrays and open objects.
            logger: Gets the warnings.
            deselected: Columns that are to be left out.
        """
        self._deselected = frozenset(deselected)
        converters = {
            name: _converter(definition)
            for name, definition in schema["properties"].items()
            if name != EXTRA and name not in self._deselected
        }
        self._columns = {
            name: (_AS_THEY_ARE.get(converter), converter)
            for name, converter in converters.items()
        }
        self._keeps_extra = (
            EXTRA in schema["properties"] and EXTRA not in self._deselected
        )
        self._logger = logger
        self._named: set[str] = set()

    def convert(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """Convert one record.

        Args:
            raw: The record, numbers as int or Decimal.

        Returns:
            A new record; columns that `raw` lacks stay absent.
        """
        record: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        columns = self._columns
        # This loop runs for every value that the tap reads.
        for name, value in raw.items():
            try:
                kind, converter = columns[name]
            except KeyError:
                if name not in self._deselected:
                    extra[name] = value
                    self._name_once(name, "is not in the schema")
                continue
            if value is None or type(value) is kind:
                record[name] = value
                continue
            try:
                record[name] = converter(value)
            except LossyError:
                record[name] = None
                extra[name] = value
                self._name_once(name, "has a value that its type cannot hold")
        if extra and self._keeps_extra:
            record[EXTRA] = extra
        return record

    def _name_once(self, field: str, fault: str) -> None:
        if field not in self._named:
            self._named.add(field)
            fate = (
                f"kept in {EXTRA}"
                if self._keeps_extra
                else f"dropped, as {EXTRA} is not selected"
            )
            self._logger.warning("Field %r %s: %s", field, fault, fate)


def _converter(definition: Mapping[str, Any]) -> Converter:
    """Choose the conversion to a property's type."""
    declared = definition.get("type", [])
    types = [declared] if isinstance(declared, str) else declared
    kind = next((kind for kind in types if kind in _SCALARS), None)
    if kind == "string" and definition.get("format") == "date-time":
        return _date_time
    if kind is not None:
        return _SCALARS[kind]
    if "array" in types:
        items = definition.get("items")
        return _array(_converter(items)) if items else _list
    return _unchanged


def _unchanged(value: Any) -> Any:  # noqa: ANN401
    return value


def _integer(value: object) -> int:
    if type(value) is int and -BIGINT <= value < BIGINT:
        return value
    number = _number(value)
    if isinstance(number, Decimal):
        # A glance at the size first: int(Decimal("1E+999999")) takes its time.
        if number.adjusted() >= BIGINT_DIGITS or number != number.to_integral_value():
            raise LossyError
        number = int(number)
    if not -BIGINT <= number < BIGINT:
        raise LossyError
    return number


def _number(value: object) -> int | Decimal:
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


def _date_time(value: object) -> str:
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


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _array(item: Converter) -> Converter:
    kind = _AS_THEY_ARE.get(item)

    def convert(value: object) -> list[Any]:
        items = _list(value)
        return [
            each if each is None or type(each) is kind else item(each) for each in items
        ]

    return convert


_AS_THEY_ARE: dict[Converter, type] = {
    _boolean: bool,
    _list: list,
    _number: Decimal,
    _string: str,
}
"""The type whose values a converter would return as they are."""

_SCALARS: dict[str, Converter] = {
    "boolean": _boolean,
    "integer": _integer,
    "number": _number,
    "string": _string,
}
