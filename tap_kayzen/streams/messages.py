"""Conversion of records and writing of messages, faster than in the SDK.

All overrides of the SDK's `Stream` are here, including private methods.
docs/architecture.md lists the private ones and the reasons for them.
"""

from __future__ import annotations

import logging
from abc import ABC
from datetime import datetime, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from singer_sdk import Stream, StreamSchema
from singer_sdk.exceptions import ConfigurationError
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.schema.source import SchemaDirectory
from singer_sdk.singerlib import RecordMessage
from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL, Metadata

from tap_kayzen import schemas
from tap_kayzen.messages import selection_messages
from tap_kayzen.output.log_lines import stream_names
from tap_kayzen.output.once import WarnOnce
from tap_kayzen.output.secret_names import is_secret, is_secret_or_key
from tap_kayzen.records.converter import RecordConverter
from tap_kayzen.streams.batches import parquet_value

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context
    from singer_sdk.singerlib import Catalog

    from tap_kayzen.messages.message import Message
    from tap_kayzen.output.writer import BufferedWriter
    from tap_kayzen.reading.keys import Record


class RecordStream(Stream, ABC):
    """Base class of streams that convert and write their own records.

    Attributes:
        writer: Writes the Singer messages.
        seen: Number of records converted so far.
        warn_once: Logs each warning only once per sync.
        write_error: Error raised while writing the latest record, if any.
        parquet_rows: Rows of the current BATCH file, if it is Parquet.
        keys_are_secret: Whether fields named like any kind of key are removed, as
            fields named like a secret always are.
    """

    schema: ClassVar[StreamSchema[str]] = StreamSchema(SchemaDirectory(schemas))
    primary_keys: ClassVar[tuple[str, ...]] = ("id",)
    # `RecordConverter` already converts all values, without losses.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE
    keys_are_secret: ClassVar[bool] = False

    def __init__(self, tap: Tap, writer: BufferedWriter, name: str | None) -> None:
        """Initialize the stream; the name defaults to that of the class."""
        super().__init__(tap=tap, name=name)
        self.logger.addFilter(stream_names(self.name))
        self.writer = writer
        self.warn_once = WarnOnce(self.logger)
        self.seen = 0
        self.write_error: Exception | None = None
        self.parquet_rows: list[Record] = []
        self._message = self._new_message()

    def apply_catalog(self, catalog: Catalog) -> None:
        """Apply a catalog; select key columns even if the catalog deselects them.

        Raises:
            ConfigurationError: The schema in the catalog lacks a key column.
        """
        super().apply_catalog(catalog)
        entry = catalog.get_stream(self.name)
        if entry is None or not entry.metadata.resolve_selection().get((), True):
            return
        own = type(self).primary_keys
        columns = self.effective_schema.get("properties", {})
        if missing := [f"`{name}`" for name in own if name not in columns]:
            text = selection_messages.KEY_NOT_IN_CATALOG(columns=", ".join(missing))
            msg = f"{self.name}: {text}"
            raise ConfigurationError(msg)
        for name in dict.fromkeys((*own, *(entry.key_properties or ()))):
            if column := entry.metadata.get(("properties", name)):
                self._select_column(name, column)

    def _select_column(self, name: str, column: Metadata) -> None:
        """Select a column even if the catalog deselects it."""
        automatic = Metadata.InclusionType.AUTOMATIC
        if column.selected is False:
            # Meltano deselects all columns that match no `select` pattern.
            is_usual = column.inclusion == automatic
            self.logger.log(
                logging.INFO if is_usual else logging.WARNING,
                selection_messages.KEY_DESELECTED(column=name),
            )
        column.inclusion = automatic

    # Records

    @property
    def required_columns(self) -> Collection[str]:
        """Columns to convert even if they are not selected."""
        return ()

    @property
    def identifying_columns(self) -> Sequence[str]:
        """Columns that identify a row in warnings."""
        return type(self).primary_keys

    def to_records(
        self, rows: list[dict[str, Any]], context: Context | None
    ) -> list[Record]:
        """Convert the rows of a page; may modify and return the given rows.

        Values of the context fill missing columns.
        """
        # One message object is reused: each record is written before the next one.
        self._message = self._new_message()
        records = self.converter.convert_all(rows)
        self.seen += len(records)
        for name, value in (context or {}).items():
            if name in self.converter.columns:
                for record in records:
                    if record.get(name) is None:
                        record[name] = value
        return records

    @cached_property
    def converter(self) -> RecordConverter:
        """Converter for the schema in the catalog, which may lack columns."""
        schema = self.effective_schema
        return RecordConverter(
            schema,
            logger=self.logger,
            deselected=[
                name
                for name in schema["properties"]
                if not self.mask["properties", name]
                and name not in self.required_columns
            ],
            keys=self.identifying_columns,
            is_secret=is_secret_or_key if self.keys_are_secret else is_secret,
        )

    def post_process(
        self,
        row: Record,
        context: Context | None = None,  # noqa: ARG002
    ) -> Record:
        """Adapt a record to BATCH files; return it unchanged without them.

        Parquet files need all columns in each record, because the SDK takes the columns
        from the first one. Values are converted to types that Parquet supports. Records
        in BATCH files also get the version of their table.
        """
        columns = self._parquet_columns
        if columns is not None:
            row = {
                name: None if (value := row.get(name)) is None else prepare(value)
                for name, prepare in columns.items()
            }
            self.parquet_rows.append(row)
        if self.writes_batches and self._stream_version is not None:
            # Targets ignore the version in a BATCH message. Without this column, the
            # following ACTIVATE_VERSION would delete the rows.
            row["_sdc_table_version"] = self._stream_version
        return row

    @cached_property
    def writes_batches(self) -> bool:
        """Whether records are written to BATCH files."""
        return self.get_batch_config(self.config) is not None

    @cached_property
    def _parquet_columns(self) -> dict[str, Callable[[Any], Any]] | None:
        batch = self.get_batch_config(self.config)
        if batch is None or batch.encoding.format != "parquet":
            return None
        return {
            name: parquet_value(definition)
            for name, definition in self.effective_schema["properties"].items()
            if self.mask["properties", name]
        }

    def generate_child_contexts(
        self, record: Record, context: Context | None
    ) -> Iterator[Context | None]:
        """Yield contexts for child streams, if there are any."""
        if self.child_streams:
            yield from super().generate_child_contexts(record, context)

    # Messages and state

    @cached_property
    def is_plain(self) -> bool:
        """Whether records are written unchanged: no map and no flattening."""
        (first, *others) = self.stream_maps
        options = first.flattening_options
        return (
            type(first) is SameRecordTransform
            and not others
            and first.stream_alias == self.name
            and not (options and options.enabled)
        )

    def _write_record_message(self, record: Record) -> None:
        """Write a RECORD message, with a fast path if no map applies.

        Errors are stored in `write_error`, because raising them here would stop all
        streams.
        """
        try:
            if not self.is_plain:
                super()._write_record_message(record)
                return
            self._message.record = record
            self.writer.write_message(self._message)
        except OSError:
            raise
        # Raised by `get_records`, where the failure is collected for the stream.
        except Exception as error:  # noqa: BLE001
            self.write_error = error
        self.state_manager.is_flushed = False

    def _new_message(self) -> RecordMessage:
        return RecordMessage(
            self.name,
            {},
            version=self._stream_version,
            time_extracted=datetime.now(timezone.utc),
        )

    def _write_starting_replication_value(self, context: Context | None) -> None:
        """Do nothing, because `start_date` applies only to reports."""

    def _increment_stream_state(
        self, latest_record: Record, *, context: Context | None = None
    ) -> None:
        """Do nothing, because `read` advances the bookmarks of partitions."""

    def log(
        self, message: str, *args: Any, level: int = logging.INFO, **kwargs: Any
    ) -> None:
        """Log a message of the SDK, with errors at DEBUG.

        The SDK also raises each error that it logs here, and the command prints it in
        one line.
        """
        level = logging.DEBUG if level >= logging.ERROR else level
        super().log(message, *args, level=level, **kwargs)

    # Replication

    @property
    def wants_incremental(self) -> bool:
        """Whether the catalog requests INCREMENTAL replication."""
        return self.replication_method == REPLICATION_INCREMENTAL

    @property
    def is_incremental(self) -> bool:
        """Whether the stream keeps a bookmark."""
        return self.wants_incremental and self.replication_key is not None

    def refuse_catalog(self, message: Message, **values: object) -> NoReturn:
        """Raise a ConfigurationError about the replication key in the catalog."""
        text = message(
            method=self.replication_method, column=self.replication_key, **values
        )
        msg = f"{self.name}: {text}"
        raise ConfigurationError(msg)
