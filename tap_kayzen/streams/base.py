"""KayzenStream: what all streams have in common."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple
from urllib.parse import quote

from singer_sdk import Stream, StreamSchema, metrics
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.schema.source import SchemaDirectory
from singer_sdk.singerlib import RecordMessage
from singer_sdk.singerlib.json import serialize_json

from tap_kayzen import schemas
from tap_kayzen.api.errors import ReadError
from tap_kayzen.api.transport import Request
from tap_kayzen.output.once import WarnOnce
from tap_kayzen.reading.pages import parse_page
from tap_kayzen.records.converter import ADVERTISER, RecordConverter
from tap_kayzen.records.values import is_open

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context

    from tap_kayzen.api.client import KayzenClient
    from tap_kayzen.output.progress import Display
    from tap_kayzen.output.writer import BufferedWriter
    from tap_kayzen.reading.pages import Page
    from tap_kayzen.reading.windows import Window

    Record = dict[str, Any]


@dataclass(frozen=True)
class Services:
    """What every stream works with; one for each tap.

    Attributes:
        client: Sends requests.
        writer: Writes messages.
        display: Shows progress.
    """

    client: KayzenClient
    writer: BufferedWriter
    display: Display


class Slice(NamedTuple):
    """What is read from its first to its last page.

    Attributes:
        context: The partition, such as ``{"advertiser_id": 7}``; None without any.
        window: The days of a report; None for a list.
    """

    context: Context | None
    window: Window | None = None

    @property
    def days(self) -> tuple[str, str]:
        """First and last day of the window, like 2026-01-31.

        Raises:
            ValueError: There is no window.
        """
        if self.window is None:
            msg = "a list has no days"
            raise ValueError(msg)
        return str(self.window.first), str(self.window.last)


class KayzenStream(Stream, ABC):
    """What all streams have in common: requests, records, messages.

    Based on the SDK's `Stream` and not on `RESTStream`, whose hooks for paging,
    parsing, retries and errors would all be without effect: `tap_kayzen.reading` and
    `tap_kayzen.api` do that. See docs/architecture.md.

    Attributes:
        path: Path of the endpoint below ``/v1``; may name keys of the context, such as
            ``/campaigns/{campaign_id}/detail``.
        http_method: HTTP method of its requests.
        with_token: Whether its requests need the bearer token.
        per_advertiser: Whether each advertiser has rows of its own.
        seen: Number of rows read so far.
    """

    schema: ClassVar[StreamSchema[str]] = StreamSchema(SchemaDirectory(schemas))
    primary_keys: ClassVar[tuple[str, ...]] = ("id",)
    # `RecordConverter` has done it all, and in a way that loses nothing.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    path: str
    http_method: ClassVar[str] = "GET"
    with_token: ClassVar[bool] = True
    per_advertiser: ClassVar[bool] = True

    def __init__(self, tap: Tap, services: Services, name: str | None = None) -> None:
        """Prepare the stream; nothing is requested yet.

        Args:
            tap: The tap.
            services: What the stream works with.
            name: Name of the stream; None for that of the class.
        """
        super().__init__(tap=tap, name=name)
        self.client = services.client
        self.writer = services.writer
        self.display = services.display
        self.warn_once = WarnOnce(self.logger)
        self.seen = 0
        self._message = self._new_message()

    @property
    def reading_order(self) -> tuple[str, str]:
        """Sort key of the stream in a run: by name, with exceptions."""
        return self.name, ""

    @property
    def hint(self) -> str:
        """What the user can do if Kayzen rejects the stream's requests."""
        return (
            "check `advertiser_ids` and `api_url`, or go on without it: deselect the "
            f"stream (with Meltano: `select: ['!{self.name}.*']`)"
        )

    @property
    def is_sampling(self) -> bool:
        """Whether one record is enough, as for ``--test``."""
        return self.ABORT_AT_RECORD_COUNT is not None

    # Partitions

    @property
    def partitions(self) -> None:
        """No partitions of the SDK's: `read` goes through `contexts` by itself.

        The SDK would read a partition that is in an old state only.
        """
        return

    @property
    def contexts(self) -> list[Context | None]:
        """What a run reads in turn: the advertisers of the settings, or just all."""
        numbers = self.config.get("advertiser_ids") if self.per_advertiser else None
        advertisers = dict.fromkeys(numbers or ())
        return [{ADVERTISER: each} for each in advertisers] or [None]

    # Reading

    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Read the stream, or the part of it that a context names.

        Yields:
            Records in the schema's types, each key once.

        Raises:
            FatalAPIError: Kayzen refused, or could not be read after all retries.
        """
        self.client.start()
        pages = metrics.http_request_counter(self.name, self.path)
        with pages as self._page_counter:
            try:
                yield from self.read([context] if context else self.contexts)
            except Exception:
                # Requests that still wait for another try need not.
                self.client.stop()
                raise

    @abstractmethod
    def read(self, contexts: list[Context | None]) -> Iterator[Record]:
        """Read the records of some contexts, in order; see `get_records`."""

    def on_page(self, page: Page) -> None:  # noqa: ARG002
        """Count a page whose records are out, and let them go before waiting."""
        self._page_counter.increment()
        self.writer.flush()

    # Requests

    @property
    def url_base(self) -> str:
        """The address that paths are appended to."""
        return f"{self.config['api_url']}/v1"

    def query(self, slice_: Slice, page: int) -> dict[str, Any]:  # noqa: ARG002
        """Return the query of a request: the parts of the context not in the path.

        Args:
            slice_: What is read.
            page: Number of the page, 1 for the first.
        """
        return {
            name: value
            for name, value in (slice_.context or {}).items()
            if f"{{{name}}}" not in self.path
        }

    def body(self, slice_: Slice, page: int) -> Mapping[str, Any] | None:  # noqa: ARG002
        """Return the JSON body of a request, None for none."""
        return None

    def parse(self, body: bytes, slice_: Slice) -> Page:  # noqa: ARG002
        """Parse the body of a response.

        Raises:
            EnvelopeError: The JSON is not what was asked for.
            ValueError: The body is not JSON.
        """
        return parse_page(body)

    def label(self, slice_: Slice) -> str:
        """Name a slice in messages, such as ``campaigns of advertiser 7``."""
        whose = ", ".join(
            f"{name.removesuffix('_id').replace('_', ' ')} {value}"
            for name, value in (slice_.context or {}).items()
        )
        return f"{self.name} of {whose}" if whose else self.name

    def fetch_page(self, slice_: Slice, number: int) -> Page:
        """Fetch one page, with all retries; safe to call in several threads.

        Args:
            slice_: What is read.
            number: Number of the page, 1 for the first.

        Raises:
            FatalAPIError: Kayzen refused, or could not be read after all retries. The
                message names the stream, the page and what to do.
        """
        context = slice_.context or {}
        path = self.path.format_map(
            {name: quote(str(v)) for name, v in context.items()}
        )
        request = Request(
            self.http_method,
            f"{self.url_base}{path}",
            self.query(slice_, number),
            self.body(slice_, number),
            self.with_token,
        )
        return self.client.fetch(
            request,
            lambda body: self.parse(body, slice_),
            what=f"{self.label(slice_)}{self.page_label(number)}",
            hint=self.hint,
        )

    def page_label(self, number: int) -> str:
        """Name a page, as an appendix to its slice's label."""
        return f", page {number}"

    def decode(self, page: Page, slice_: Slice) -> list[dict[str, Any]]:
        """Decode the rows of a page.

        Raises:
            ReadError: A row holds a number or a nesting beyond all bounds.
        """
        try:
            return page.decode()
        except ValueError as error:
            msg = f"the rows cannot be read: {error}"
            raise ReadError(msg, what=self.label(slice_)) from error

    # Records

    @property
    def needed(self) -> Collection[str]:
        """Columns to convert although they are not selected."""
        return ()

    def prepare(self, rows: list[dict[str, Any]], slice_: Slice) -> None:
        """Change rows, if need be, before they are converted."""

    def to_records(
        self, rows: list[dict[str, Any]], context: Context | None
    ) -> list[Record]:
        """Convert the rows of a page.

        Args:
            rows: The rows; may be changed and become the records.
            context: The partition, if any; fills columns that a row lacks.
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
        row: Record,
        context: Context | None = None,  # noqa: ARG002
    ) -> Record:
        """Return a record as it goes out: for Parquet, with all columns.

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
        """Write the RECORD message, on a short way if no map is to be applied.

        Overridden since the SDK goes through selection, conformance and maps for
        each record anew, even where they do nothing: five times the time of this.
        """
        if not self.is_plain:
            super()._write_record_message(record)
            return
        self._message.record = record
        self.writer.write_message(self._message)
        self.state_manager.is_flushed = False

    def _new_message(self) -> RecordMessage:
        return RecordMessage(
            self.name,
            {},
            version=self._stream_version,
            time_extracted=datetime.now(timezone.utc),
        )

    def _write_starting_replication_value(self, context: Context | None) -> None:
        """Write nothing to the state.

        Overridden since the SDK would take `start_date`, which is for reports alone,
        as the bookmark of a list, and leave a marker in the state of a run that is
        interrupted.
        """

    def _increment_stream_state(
        self, latest_record: Record, *, context: Context | None = None
    ) -> None:
        """Leave the bookmark alone: `read` moves it, partition by partition.

        Overridden since the SDK moves it with each record, knows no partition here,
        and fails where a record lacks the replication key.
        """

    def log(
        self, message: str, *args: Any, level: int = logging.INFO, **kwargs: Any
    ) -> None:
        """Log a line of the SDK's, errors at DEBUG only.

        The SDK logs through this method, and raises what it logs as an error: the
        command says it in one line, with the stream's name.
        """
        level = logging.DEBUG if level >= logging.ERROR else level
        super().log(message, *args, level=level, **kwargs)
