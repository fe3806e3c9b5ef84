"""Converts rows to records in the types of the schema, with nothing lost on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_kayzen.output.once import WarnOnce
from tap_kayzen.records.fast import PageCheck
from tap_kayzen.records.values import AS_THEY_ARE, LossyError, converter_to

if TYPE_CHECKING:
    import logging
    from collections.abc import Collection, Mapping

ADVERTISER = "advertiser_id"
"""The column with the advertiser of a record."""

EXTRA = "_extra"
"""The column that keeps what no other column can hold."""


class RecordConverter:
    """Converts the rows of one stream.

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
        """Prepare the conversion, to a schema flat but for arrays and open objects."""
        properties = schema["properties"]
        self._deselected = frozenset(deselected)
        converters = {
            name: converter_to(definition)
            for name, definition in properties.items()
            if name != EXTRA and name not in self._deselected
        }
        self.columns = {
            name: (AS_THEY_ARE.get(converter), converter)
            for name, converter in converters.items()
        }
        self._keeps_extra = EXTRA in properties and EXTRA not in self._deselected
        self._warn_once = WarnOnce(logger)
        self._fast = PageCheck(
            {name: each for name, each in properties.items() if name != EXTRA},
            anything=self._deselected,
        )

    def convert_all(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Convert each row of a page; may change and return those given."""
        if not self._fast.accepts(rows):
            records = [self.convert(row) for row in rows]
            known = self.columns.keys() | self._deselected
            self._fast.learn(
                dict.fromkeys(name for row in rows for name in row if name not in known)
            )
            return records
        for name in self._deselected:
            for row in rows:
                row.pop(name, None)
        if unknown := self._fast.unknown:
            for row in rows:
                names = [name for name in row if name in unknown]
                extra = {name: row.pop(name) for name in names}
                if extra and self._keeps_extra:
                    row[EXTRA] = extra
        return rows

    def convert(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row, numbers as int or Decimal, as a new record.

        Columns that the row lacks stay absent.
        """
        record: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        columns = self.columns
        # For every value of a page with a single one that needs a conversion.
        for name, value in row.items():
            if name not in columns:
                if name not in self._deselected:
                    extra[name] = value
                    self._warn(name, "is not in the schema")
                continue
            kind, converter = columns[name]
            if value is None or type(value) is kind:
                record[name] = value
                continue
            try:
                record[name] = converter(value)
            except LossyError:
                record[name] = None
                extra[name] = value
                self._warn(name, "has a value that its type cannot hold")
        if extra and self._keeps_extra:
            record[EXTRA] = extra
        return record

    def _warn(self, field: str, fault: str) -> None:
        fate = (
            f"kept in {EXTRA}"
            if self._keeps_extra
            else f"dropped, as {EXTRA} is not selected"
        )
        self._warn_once("Field %r %s: %s", field, fault, fate, about=field)
