"""Fast path of the conversion: checks a whole page at once in compiled code.

On almost every page, all values have the types of their columns, and all fields are
known from the schema or from earlier pages. The rows then need no conversion.
Otherwise, `converter.RecordConverter` converts value by value. Tests verify that both
paths have the same results.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from types import GenericAlias
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from tap_kayzen.records.values import (
    BIGINT,
    converter_to,
    may_hold_fields,
    to_boolean,
    to_date,
    to_date_time,
    to_integer,
    to_list,
    to_number,
    to_object,
    to_text,
    unchanged,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from tap_kayzen.records.values import Converter

MAX_UNKNOWN_FIELDS = 200
"""Maximum number of unknown fields to learn; pages with more take the slow path."""

_SCALARS: dict[Converter, Any] = {
    to_boolean: bool | None,
    to_integer: Annotated[int, msgspec.Meta(ge=-BIGINT, le=BIGINT - 1)] | None,
    to_number: int | Decimal | None,
    to_object: dict[str, Any] | None,
    to_text: str | None,
}
"""Types of the values that a converter returns unchanged."""

_FLAT_LIST = list[str | int | None] | None
_OPEN_LIST = list[Any] | None


class PageCheck:
    """Checks whether the rows of a page are already valid records.

    Attributes:
        unknown: Fields outside the schema that the check has learned to accept.
        with_fields: Columns with values that can contain objects. Untyped lists are
            added when they first contain anything but strings and integers.
    """

    def __init__(
        self,
        properties: Mapping[str, Mapping[str, Any]],
        *,
        ignored: Collection[str],
    ) -> None:
        """Initialize the check.

        Args:
            properties: JSON Schema of each column.
            ignored: Columns that can have any value.
        """
        self._types = {
            name: Any if name in ignored else exact_type(definition)
            for name, definition in properties.items()
            if _is_valid_field(name)
        }
        self._times = [
            name
            for name, definition in properties.items()
            if name not in ignored and converter_to(definition) is to_date_time
        ]
        self.unknown: set[str] = set()
        self._flat = {name for name, each in self._types.items() if each is _FLAT_LIST}
        self.with_fields = {
            name
            for name in self._types.keys() - self._flat - {*ignored}
            if may_hold_fields(properties[name])
        }
        self._rows = self._type_of_rows()

    def accepts(self, rows: list[dict[str, Any]]) -> bool:
        """Return whether all values of the rows have the types of their columns."""
        try:
            msgspec.convert(rows, self._rows, builtin_types=(Decimal,))
        except (msgspec.ValidationError, RecursionError, UnicodeEncodeError):
            return False
        times = [
            time for row in rows for name in self._times if (time := row.get(name))
        ]
        return have_common_format(times)

    def learn(self, fields: Iterable[str]) -> None:
        """Accept fields outside the schema from now on."""
        room = MAX_UNKNOWN_FIELDS - len(self.unknown)
        new = [
            name
            for name in fields
            if name not in self.unknown and _is_valid_field(name)
        ][:room]
        if new:
            self.unknown.update(new)
            self._rows = self._type_of_rows()

    def allow_nested_lists(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Accept any items in the untyped lists that are not flat in these rows."""
        new = [name for name in self._flat if not _have_flat_lists(rows, name)]
        if new:
            self._flat.difference_update(new)
            self.with_fields.update(new)
            self._types.update(dict.fromkeys(new, _OPEN_LIST))
            self._rows = self._type_of_rows()

    def _type_of_rows(self) -> Any:  # noqa: ANN401
        types = {**self._types, **dict.fromkeys(self.unknown, Any)}
        row = msgspec.defstruct(
            "Row",
            [(f"field{i}", each, None) for i, each in enumerate(types.values())],
            rename={f"field{i}": name for i, name in enumerate(types)},
            forbid_unknown_fields=True,
            gc=False,
        )
        return GenericAlias(list, (row,))


def exact_type(definition: Mapping[str, Any], *, is_item: bool = False) -> Any:  # noqa: ANN401
    """Return the type of the values that a property's converter leaves unchanged."""
    converter = converter_to(definition)
    if converter is to_date_time:
        # The exact format of times is checked for columns only.
        return None if is_item else Annotated[datetime, msgspec.Meta(tz=True)] | None
    if converter is to_date:
        return date | None
    if converter is to_list:
        return _OPEN_LIST if is_item else _FLAT_LIST
    if converter in _SCALARS:
        return _SCALARS[converter]
    if converter is unchanged:
        return Any
    item = exact_type(definition["items"], is_item=True)
    return GenericAlias(list, (item,)) | None


def have_common_format(times: Sequence[str]) -> bool:
    """Return whether all times are formatted like 2019-01-28T12:35:31.000Z.

    The times are valid RFC 3339, which also allows a space, "t", and "z".
    """
    text, size = "".join(times), len("2019-01-28T12:35:31.000Z")
    return (
        len(text) == size * len(times)
        and text[10::size] == "T" * len(times)
        and text[size - 1 :: size] == "Z" * len(times)
    )


def _have_flat_lists(rows: Iterable[Mapping[str, Any]], name: str) -> bool:
    """Return whether a column's lists contain only strings and integers."""
    try:
        values = [row.get(name) for row in rows]
        msgspec.convert(values, list[_FLAT_LIST | str | int])
    except (msgspec.ValidationError, RecursionError, UnicodeEncodeError):
        return False
    return True


def _is_valid_field(name: str) -> bool:
    """Return whether `msgspec` supports a field of this name."""
    return name.isprintable() and not {'"', "\\"} & set(name)
