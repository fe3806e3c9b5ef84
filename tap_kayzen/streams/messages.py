"""RecordStream: how records are converted and become messages, past the SDK's way.

All that the tap changes in the SDK's `Stream` is here, private methods included;
docs/architecture.md lists them, with what each mends.
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

    from tap_kayzen.output.writer import BufferedWriter
    from tap_kayzen.reading.keys import Record


class RecordStream(Stream, ABC):
    """A stream whose rows are converted, and written, by the tap itself.

    Attributes:
        seen: Number of rows read so far.
        warn_once: Logs warnings that are the same for the whole run.
        write_error: The error of writing the latest record, if any.
        parquet_rows: Rows of the BATCH file that is being filled, if it is Parquet.
        keys_are_secret: Whether fields named like a key of any kind are left out, as
            fields named like a secret always are.
    """

    schema: ClassVar[StreamSchema[str]] = StreamSchema(SchemaDirectory(schemas))
    primary_keys: ClassVar[tuple[str, ...]] = ("id",)
    # `RecordConverter` has done it all, and in a way that loses nothing.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE
    keys_are_secret: ClassVar[bool] = False

    def __init__(self, tap: Tap, writer: BufferedWriter, name: str | None) -> None:
        """Prepare the stream; without a name, it has that of the class."""
        super().__init__(tap=tap, name=name)
        self.logger.addFilter(stream_names(self.name))
        self.writer = writer
        self.warn_once = WarnOnce(self.logger)
        self.seen = 0
        self.write_error: Exception | None = None
        self.parquet_rows: list[Record] = []
        self._message = self._new_message()

    def apply_catalog(self, catalog: Catalog) -> None:
        """Apply a catalog; key columns are read even if it deselects them.

        Raises:
            ConfigurationError: The schema of the catalog has no column for a key.
        """
        super().apply_catalog(catalog)
        entry = catalog.get_stream(self.name)
        if entry is None or not entry.metadata.resolve_selection().get((), True):
            return
        own = type(self).primary_keys
        columns = self.effective_schema.get("properties", {})
        if missing := [f"`{name}`" for name in own if name not in columns]:
            msg = (
                f"{self.name}: the catalog's schema lacks the key "
                f"{', '.join(missing)}; save the output of --discover again"
            )
            raise ConfigurationError(msg)
        for name in dict.fromkeys((*own, *(entry.key_properties or ()))):
            if column := entry.metadata.get(("properties", name)):
                self._include(name, column)

    def _include(self, name: str, column: Metadata) -> None:
        """Select a column, whatever the catalog says about it."""
        automatic = Metadata.InclusionType.AUTOMATIC
        if column.selected is False:
            # Meltano deselects what no `select` pattern matches, even if automatic.
            is_usual = column.inclusion == automatic
            self.logger.log(
                logging.INFO if is_usual else logging.WARNING,
                "The key `%s` is read although the catalog deselects it",
                name,
            )
        column.inclusion = automatic

    # Records

    @property
    def needed(self) -> Collection[str]:
        """Columns to convert although they are not selected."""
        return ()

    @property
    def naming_columns(self) -> Sequence[str]:
        """Columns that identify a row in warnings."""
        return type(self).primary_keys

    def to_records(
        self, rows: list[dict[str, Any]], context: Context | None
    ) -> list[Record]:
        """Convert the rows of a page, which may become the records.

        The context fills columns that a row lacks.
        """
        # One message serves all: it is written before the next record comes.
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
        """The conversion to the schema of the catalog, which may lack columns."""
        schema = self.effective_schema
        return RecordConverter(
            schema,
            logger=self.logger,
            deselected=[
                name
                for name in schema["properties"]
                if not self.mask["properties", name] and name not in self.needed
            ],
            keys=self.naming_columns,
            is_secret=is_secret_or_key if self.keys_are_secret else is_secret,
        )

    def post_process(
        self,
        row: Record,
        context: Context | None = None,  # noqa: ARG002
    ) -> Record:
        """Return a record as it goes out.

        In Parquet, with all columns, as the SDK takes the columns of a file from its
        first row, and with values that Parquet can hold. In BATCH files, with the
        version of its table.
        """
        columns = self._parquet_columns
        if columns is not None:
            row = {
                name: None if (value := row.get(name)) is None else prepare(value)
                for name, prepare in columns.items()
            }
            self.parquet_rows.append(row)
        if self.writes_batches and self._stream_version is not None:
            # Targets ignore a version in a BATCH message. Rows without one would be
            # deleted by the ACTIVATE_VERSION that follows.
            row["_sdc_table_version"] = self._stream_version
        return row

    @cached_property
    def writes_batches(self) -> bool:
        """Whether records go into BATCH files."""
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
        """Generate contexts for child streams, if there are any."""
        if self.child_streams:
            yield from super().generate_child_contexts(record, context)

    # Messages and state

    @cached_property
    def is_plain(self) -> bool:
        """Whether a record's message is the record as it is."""
        (first, *others) = self.stream_maps
        options = first.flattening_options
        return (
            type(first) is SameRecordTransform
            and not others
            and first.stream_alias == self.name
            and not (options and options.enabled)
        )

    def _write_record_message(self, record: Record) -> None:
        """Write the RECORD message, by a shortcut if no map applies.

        Keep an error in `write_error`: raised here, it would stop all streams.
        """
        try:
            if not self.is_plain:
                super()._write_record_message(record)
                return
            self._message.record = record
            self.writer.write_message(self._message)
        except OSError:
            raise
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
        """Write nothing to the state: `start_date` is for reports alone."""

    def _increment_stream_state(
        self, latest_record: Record, *, context: Context | None = None
    ) -> None:
        """Leave the bookmark alone: `read` moves it, partition by partition."""

    def log(
        self, message: str, *args: Any, level: int = logging.INFO, **kwargs: Any
    ) -> None:
        """Log a line of the SDK's, errors at DEBUG only.

        The SDK logs through this method, and raises what it logs as an error: the
        command says it in one line, with the stream's name.
        """
        level = logging.DEBUG if level >= logging.ERROR else level
        super().log(message, *args, level=level, **kwargs)

    # Replication

    @property
    def wants_incremental(self) -> bool:
        """Whether the catalog asks for INCREMENTAL, on whatever column."""
        return self.replication_method == REPLICATION_INCREMENTAL

    @property
    def is_incremental(self) -> bool:
        """Whether the stream keeps a bookmark."""
        return self.wants_incremental and self.replication_key is not None

    def refuse_catalog(self, fault: str) -> NoReturn:
        """Raise a ConfigurationError about the catalog's replication key."""
        msg = (
            f"{self.name}: the catalog asks for {self.replication_method} on "
            f"`{self.replication_key}`{fault}"
        )
        raise ConfigurationError(msg)
