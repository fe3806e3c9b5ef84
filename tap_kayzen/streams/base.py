"""KayzenStream: how Kayzen is asked, and how what it sends becomes messages."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from datetime import datetime, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from singer_sdk import RESTStream, StreamSchema
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.schema.source import SchemaDirectory
from singer_sdk.singerlib import RecordMessage
from singer_sdk.singerlib.json import serialize_json
from singer_sdk.streams.rest import PageContext

from tap_kayzen import schemas
from tap_kayzen.records.converter import ADVERTISER, RecordConverter
from tap_kayzen.records.values import is_open

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from singer_sdk.helpers.types import Context

    from tap_kayzen.reading.pages import Page
    from tap_kayzen.tap import TapKayzen

Result = TypeVar("Result")


class KayzenStream(RESTStream[Any], ABC):
    """What all streams of Kayzen have in common.

    Attributes:
        per_advertiser: Whether each advertiser has rows of its own.
        with_token: Whether requests are made as the user that logs in.
        seen: Rows that have been read so far.
    """

    schema: ClassVar[StreamSchema[str]] = StreamSchema(SchemaDirectory(schemas))
    primary_keys: ClassVar[tuple[str, ...]] = ("id",)
    # `RecordConverter` has done it all, and in a way that loses nothing.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    per_advertiser: ClassVar[bool] = True
    with_token: ClassVar[bool] = True

    _tap: TapKayzen

    def __init__(self, tap: TapKayzen, name: str | None = None) -> None:
        """Prepare the stream; nothing is asked of Kayzen yet.

        Args:
            tap: The tap.
            name: The stream's name; None for that of the class.
        """
        super().__init__(tap=tap, name=name)
        self.seen = 0
        self._message = self._new_message()

    @property
    def url_base(self) -> str:
        """The address that paths are appended to."""
        return f"{self.config['api_url']}/v1"

    @property
    def hint(self) -> str:
        """What to do when Kayzen has nothing there or does not accept the request."""
        return (
            "check `advertiser_ids` and `api_url`, or go on without it: deselect the "
            f"stream (with Meltano: `select: ['!{self.name}.*']`)"
        )

    @property
    def http_headers(self) -> dict[str, str]:
        """Headers of every request: those that all known clients send, GET too."""
        return {"Accept": "application/json", "Content-Type": "application/json"}

    @property
    def advertisers(self) -> list[dict[str, Any]]:
        """The advertisers of the settings, each as a context."""
        numbers = self.config.get("advertiser_ids") if self.per_advertiser else None
        return [{ADVERTISER: each} for each in dict.fromkeys(numbers or ())]

    @property
    def partitions(self) -> list[dict[str, Any]] | None:
        """One partition an advertiser of the settings, never one out of old state."""
        return self.advertisers or None

    def log(
        self,
        message: str,
        *args: Any,
        level: int = logging.INFO,
        **kwargs: Any,
    ) -> None:
        """Log a message, the SDK's "unhandled error" one at DEBUG only.

        The command line says in one line what went wrong, with the stream's name.
        """
        if message.startswith("An unhandled error occurred"):
            level = logging.DEBUG
        super().log(message, *args, level=level, **kwargs)

    # Reading

    def request_records(self, context: Context | None) -> Iterator[dict[str, Any]]:
        """Read all, or one partition's part of it, and yield the records.

        Args:
            context: The partition, if there are any.

        Yields:
            Records in the schema's types, each key once.

        Raises:
            FatalAPIError: Kayzen refused, or could not be read after all retries.
        """
        # Another stream may have failed before, as in a connection test.
        self._tap.throttle.start()
        with self.get_http_request_counter() as self._pages_read:
            self._pages_read.with_context(context)
            try:
                yield from self.records(context)
            except Exception:
                # Whoever still waits for another try need not.
                self._tap.throttle.stop()
                raise

    @abstractmethod
    def records(self, context: Context | None) -> Iterator[dict[str, Any]]:
        """Read the records, as `request_records` says."""

    @property
    def contexts(self) -> list[Context | None]:
        """What a run reads one after the other: the partitions, or just all."""
        partitions = self.partitions
        return [*partitions] if partitions else [None]

    def is_first(self, context: Context | None) -> bool:
        """Tell whether a run over all partitions begins with this one."""
        return self.contexts[0] == context

    def on_page(self, page: Page) -> None:  # noqa: ARG002
        """Do what is due when a page's records are out.

        Args:
            page: That page, for subclasses to look at.
        """
        self._pages_read.increment()
        self._tap.message_writer.flush()

    def fetch(
        self,
        token: Any,  # noqa: ANN401
        context: Context | None,
        parse: Callable[[bytes], Result],
        *,
        what: str,
    ) -> Callable[[], Result]:
        """Send a request, with all retries; safe to call in several threads.

        Args:
            token: The page, or whatever else the query and the body are made from.
            context: The partition, if there are any.
            parse: Reads the body of the answer; raises ValueError if that is not JSON,
                and `EnvelopeError` if the JSON is not what was asked for.
            what: What is asked for, in words, for messages.

        Returns:
            A function that parses the body. That gets it anew, with all retries, if it
            is not JSON, and raises what this method raises.

        Raises:
            FatalAPIError: Kayzen refused, or could not be read after all retries.
                The message says what was asked for and what to do.
        """
        whose = ", ".join(
            f"{name.removesuffix('_id').replace('_', ' ')} {value}"
            for name, value in (context or {}).items()
        )
        request = self.get_http_request(
            page=PageContext(stream_context=context, next_page_token=token)
        )
        return self._tap.transport.fetch(
            request,
            parse,
            what=f"{what} of {whose}" if whose else what,
            hint=self.hint,
            with_token=self.with_token,
        )

    def get_url_params(
        self,
        context: Context | None,
        next_page_token: Any,  # noqa: ANN401, ARG002
    ) -> dict[str, Any]:
        """Build the query: what of the context the path does not hold."""
        return {
            name: value
            for name, value in (context or {}).items()
            if f"{{{name}}}" not in self.path
        }

    # Records

    @property
    def needed(self) -> Collection[str]:
        """Columns to convert although they are not selected."""
        return ()

    def to_records(
        self, rows: list[dict[str, Any]], context: Context | None
    ) -> list[dict[str, Any]]:
        """Make the records of a page.

        Args:
            rows: What came; may be changed and become the records.
            context: The partition, if there are any; goes into records that do not
                say it themselves.
        """
        # One message serves all: it is written before the next record comes.
        self._message = self._new_message()
        records = self.converter.convert_all(rows)
        self.seen += len(records)
        for name, value in (context or {}).items():
            if self.converter.has(name):
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
        )

    def post_process(
        self,
        row: dict[str, Any],
        context: Context | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Give a row as it goes out: for Parquet, with all columns.

        The SDK takes the columns of a file from its first row, and Parquet has no
        type for values of any shape: they become JSON text.
        """
        columns = self._parquet_columns
        if columns is None:
            return row
        return {
            name: serialize_json(value)
            if (value := row.get(name)) is not None and has_any_shape
            else value
            for name, has_any_shape in columns.items()
        }

    @cached_property
    def _parquet_columns(self) -> dict[str, bool] | None:
        batch = self.get_batch_config(self.config)
        if batch is None or batch.encoding.format != "parquet":
            return None
        return {
            name: is_open(definition)
            for name, definition in self.effective_schema["properties"].items()
            if self.mask["properties", name]
        }

    def generate_child_contexts(
        self, record: dict[str, Any], context: Context | None
    ) -> Iterator[Context | None]:
        """Generate contexts for child streams, if there are any."""
        if self.child_streams:
            yield from super().generate_child_contexts(record, context)

    def _write_record_message(self, record: dict[str, Any]) -> None:
        """Write the RECORD message, on a short way if no map is to be applied.

        Overridden since the SDK goes through selection, conformance and maps for
        each record anew, even where they do nothing: five times the time of this.
        """
        if not self.is_plain:
            super()._write_record_message(record)
            return
        self._message.record = record
        self._tap.write_message(self._message)
        self.state_manager.is_flushed = False

    def _new_message(self) -> RecordMessage:
        return RecordMessage(
            self.name,
            {},
            version=self._stream_version,
            time_extracted=datetime.now(timezone.utc),
        )

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
            # The SDK puts the partition's keys into each record.
            and all(
                self.mask["properties", name]
                for context in self.partitions or []
                for name in context
            )
        )
