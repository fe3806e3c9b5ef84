"""From the API's JSON to the schema's types, with nothing lost on the way."""

from __future__ import annotations

from decimal import Decimal
from types import GenericAlias
from typing import TYPE_CHECKING, Any

import msgspec

from tap_kayzen.records.values import (
    AS_THEY_ARE,
    LossyError,
    are_usual_times,
    converter_to,
    date_time,
    usual_type,
)

if TYPE_CHECKING:
    import logging
    from collections.abc import Collection, Mapping

ADVERTISER = "advertiser_id"
"""The property that says whose a record is."""

EXTRA = "_extra"
"""The property that keeps what the schema has no place for."""

MOST_UNKNOWN = 200
"""Names of unknown fields that are remembered, at most."""


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
            name: converter_to(definition)
            for name, definition in schema["properties"].items()
            if name != EXTRA and name not in self._deselected
        }
        self._columns = {
            name: (AS_THEY_ARE.get(converter), converter)
            for name, converter in converters.items()
        }
        self._keeps_extra = (
            EXTRA in schema["properties"] and EXTRA not in self._deselected
        )
        self._logger = logger
        self._named: set[str] = set()
        self._properties: Mapping[str, Any] = schema["properties"]
        self._times = [
            name for name, (_, each) in self._columns.items() if each is date_time
        ]
        self._unknown: set[str] = set()
        self._usual = self._usual_rows()

    def convert_all(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Convert the records of a page; may change and return those given.

        Almost always every value of a page has its column's type, and each field is
        known or has shown before. That is found out for the whole page at once, in
        compiled code.

        Args:
            rows: The records, numbers as int or Decimal.

        Returns:
            What `convert` makes of each.
        """
        try:
            msgspec.convert(rows, self._usual, builtin_types=(Decimal,))
        except (msgspec.ValidationError, RecursionError, UnicodeEncodeError):
            return self._convert_each(rows)
        times = [
            time for row in rows for name in self._times if (time := row.get(name))
        ]
        if not are_usual_times(times):
            return self._convert_each(rows)
        for name in self._deselected:
            for row in rows:
                row.pop(name, None)
        if self._unknown:
            for row in rows:
                names = [name for name in row if name in self._unknown]
                extra = {name: row.pop(name) for name in names}
                if extra and self._keeps_extra:
                    row[EXTRA] = extra
        return rows

    def has(self, name: str) -> bool:
        """Tell whether a record may have this column."""
        return name in self._columns

    def _convert_each(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        known = len(self._unknown)
        records = [self.convert(row) for row in rows]
        if len(self._unknown) > known:
            self._usual = self._usual_rows()
        return records

    def _usual_rows(self) -> Any:  # noqa: ANN401
        """Make the type of a list of rows in which no value needs a conversion."""
        types = {
            name: Any if name in self._deselected else usual_type(definition)
            for name, definition in self._properties.items()
            if name != EXTRA and _is_nameable(name)
        }
        types.update(dict.fromkeys(self._unknown, Any))
        row = msgspec.defstruct(
            "Row",
            [(f"field{i}", each, None) for i, each in enumerate(types.values())],
            rename={f"field{i}": name for i, name in enumerate(types)},
            forbid_unknown_fields=True,
            gc=False,
        )
        return GenericAlias(list, (row,))

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
                    self._remember(name)
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

    def _remember(self, name: str) -> None:
        if _is_nameable(name) and len(self._unknown) < MOST_UNKNOWN:
            self._unknown.add(name)

    def _name_once(self, field: str, fault: str) -> None:
        if field not in self._named:
            self._named.add(field)
            fate = (
                f"kept in {EXTRA}"
                if self._keeps_extra
                else f"dropped, as {EXTRA} is not selected"
            )
            self._logger.warning("Field %r %s: %s", field, fault, fate)


def _is_nameable(field: str) -> bool:
    """Tell whether a compiled type can have a field of this name."""
    return field.isprintable() and not {'"', "\\"} & set(field)
