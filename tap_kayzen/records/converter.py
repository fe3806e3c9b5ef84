"""Converts rows to records that match the schema, without losing data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_kayzen.messages import stream_messages
from tap_kayzen.output.once import WarnOnce
from tap_kayzen.output.secret_names import is_secret
from tap_kayzen.records.examples import example, key_of
from tap_kayzen.records.fast import PageCheck
from tap_kayzen.records.secrets import CONTAINERS, SecretFilter
from tap_kayzen.records.values import (
    UNCHANGED_TYPES,
    LossyError,
    converter_to,
    may_hold_fields,
)

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection, Mapping, Sequence

    from tap_kayzen.records.values import Converter

ADVERTISER = "advertiser_id"
"""Column with the advertiser ID of a record."""

EXTRA = "_extra"
"""Column for fields and values that fit no other column."""


class RecordConverter:
    """Converts the rows of one stream.

    Fields that are not in the schema go to the `EXTRA` object under their names. So do
    values that cannot be converted without loss; their columns are null. The first
    occurrence of each such field is logged as a warning. Fields named like a secret are
    removed at any depth. docs/behavior.md lists the rules.

    Attributes:
        columns: By column, the type that needs no conversion, if any, and the
            converter for other types.
    """

    def __init__(
        self,
        schema: Mapping[str, Any],
        *,
        logger: logging.Logger,
        deselected: Collection[str] = (),
        keys: Sequence[str] = (),
        is_secret: Callable[[str], bool] = is_secret,
    ) -> None:
        """Initialize the converter.

        Args:
            schema: JSON Schema of the records. Objects must not have properties.
            logger: Logger for the warnings.
            deselected: Columns to leave out.
            keys: Columns that identify a row in warnings.
            is_secret: Returns whether a field name suggests a secret.
        """
        properties = schema["properties"]
        self._deselected = frozenset(deselected)
        self._keys = keys
        self._warn_once = WarnOnce(logger)
        self._secrets = SecretFilter(is_secret, self._warn_once)
        self._is_secret = is_secret
        self._lossy: set[str] = set()
        self.columns: dict[str, tuple[type | None, Converter]] = {}
        for name, definition in properties.items():
            if name == EXTRA or name in self._deselected:
                continue
            converter = converter_to(definition)
            if may_hold_fields(definition):
                self.columns[name] = None, self._with_cleaning(name, converter)
            else:
                self.columns[name] = UNCHANGED_TYPES.get(converter), converter
        self._keeps_extra = EXTRA in properties and EXTRA not in self._deselected
        self._fast = PageCheck(
            {name: each for name, each in properties.items() if name != EXTRA},
            ignored=self._deselected,
        )

    def _with_cleaning(self, name: str, converter: Converter) -> Converter:
        def convert(value: object) -> object:
            self._secrets.clean(name, value)
            return converter(value)

        return convert

    def convert_all(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Convert the rows of a page; may modify and return the given rows."""
        if not self._fast.accepts(rows):
            records = [self.convert(row) for row in rows]
            known = self.columns.keys() | self._deselected
            self._fast.learn(
                dict.fromkeys(name for row in rows for name in row if name not in known)
            )
            self._fast.allow_nested_lists(rows)
            return records
        for name in self._deselected:
            for row in rows:
                row.pop(name, None)
        for name in self._fast.with_fields:
            for row in rows:
                self._secrets.clean(name, row.get(name))
        if self._fast.unknown:
            self._move_unknown_fields(rows)
        return rows

    def _move_unknown_fields(self, rows: list[dict[str, Any]]) -> None:
        unknown = self._fast.unknown
        # The warning was logged for the first page that contained them.
        secrets = [*filter(self._is_secret, unknown)]
        for row in rows:
            for name in secrets:
                row.pop(name, None)
            names = [name for name in row if name in unknown]
            extra = {name: row.pop(name) for name in names}
            for name, value in extra.items():
                if type(value) in CONTAINERS:
                    self._secrets.clean(name, value)
            if extra and self._keeps_extra:
                row[EXTRA] = extra

    def convert(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Convert a row, with numbers as int or Decimal, to a new record.

        Missing columns stay missing. Nested secrets are also removed from the row.
        """
        record: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        columns = self.columns
        # This loop is hot: it runs for all values of a page that needs any conversion.
        for name, value in row.items():
            if name not in columns:
                if name not in self._deselected and self._secrets.filter_field(
                    name, value
                ):
                    extra[name] = value
                    self._warn_once(
                        stream_messages.UNKNOWN_FIELD,
                        about=name,
                        field=name,
                        outcome=self._outcome,
                    )
                continue
            kind, converter = columns[name]
            if value is None or type(value) is kind:
                record[name] = value
                continue
            try:
                record[name] = converter(value)
            except LossyError:
                self._secrets.clean(name, value)
                record[name] = None
                extra[name] = value
                self._warn_of_lossy_value(name, value, row)
        if extra and self._keeps_extra:
            record[EXTRA] = extra
        return record

    @property
    def _outcome(self) -> str:
        """Outcome for values that fit no column, as worded in warnings."""
        outcome = stream_messages.KEPT if self._keeps_extra else stream_messages.DROPPED
        return outcome()

    def _warn_of_lossy_value(
        self, name: str, value: object, row: Mapping[str, Any]
    ) -> None:
        # Formatting an example is slow, so do it only once per field.
        if name in self._lossy:
            return
        self._lossy.add(name)
        shown = "..." if self._is_secret(name) else example(value)
        self._warn_once(
            stream_messages.UNFIT_VALUE,
            about=name,
            field=name,
            value=shown,
            row=key_of(row, self._keys),
            outcome=self._outcome,
        )
