"""KayzenStream: how any list of Kayzen is asked for, checked and turned to records."""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import RESTStream, StreamSchema
from singer_sdk.exceptions import MissingKeyPropertiesError
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.schema.source import SchemaDirectory
from singer_sdk.singerlib import RecordMessage
from singer_sdk.streams.rest import PageContext

from tap_kayzen import schemas
from tap_kayzen.pagination import Page, parse_page
from tap_kayzen.reading import ListReader
from tap_kayzen.records import RecordConverter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context

    from tap_kayzen.keys import Key
    from tap_kayzen.pagination import UnreadPage
    from tap_kayzen.tap import TapKayzen

ADVERTISER = "advertiser_id"


class KayzenStream(RESTStream[int]):
    """A list of Kayzen, read whole.

    A subclass needs a `name`, a `path`, its `primary_keys` and a schema file of its
    name.
    """

    schema: ClassVar[StreamSchema[str]] = StreamSchema(SchemaDirectory(schemas))
    # `RecordConverter` has done it all, and in a way that loses nothing.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    _tap: TapKayzen

    def __init__(self, tap: TapKayzen) -> None:
        """Prepare the stream; nothing is asked of Kayzen yet."""
        super().__init__(tap=tap)
        # Those of the class: a catalog may have others, or none.
        self._keys = tuple(self.primary_keys)
        self._held_version: int | None = None
        self._reader: ListReader | None = None
        self._message = self._new_message()

    @property
    def url_base(self) -> str:
        """The address that paths are appended to."""
        return f"{self.config['api_url']}/v1"

    @property
    def http_headers(self) -> dict[str, str]:
        """Headers of every request: those that all known clients send, GET too."""
        return {"Accept": "application/json", "Content-Type": "application/json"}

    @property
    def partitions(self) -> list[dict[str, Any]] | None:
        """One partition an advertiser of the settings, never one out of old state."""
        advertisers = self.config.get("advertiser_ids")
        return [{ADVERTISER: each} for each in dict.fromkeys(advertisers or ())] or None

    @property
    def emit_activate_version_messages(self) -> bool:
        """Whether targets may be told which rows are gone.

        Not with BATCH files: their rows carry no version, so a target would take
        all of them for gone.
        """
        wanted = super().emit_activate_version_messages
        return wanted and self.get_batch_config(self.config) is None

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
        """Read the list, or one advertiser's part of it, and yield its records.

        Args:
            context: The advertiser, if the settings name any.

        Yields:
            Records in the schema's types, each key once in a pass.

        Raises:
            FatalAPIError: Kayzen refused, or could not be read after all retries.
            MissingKeyPropertiesError: A record has no key.
        """
        partitions = self.partitions or []
        reader = self._reader
        if reader is None or context is None or partitions[:1] == [context]:
            reader = self._reader = self._new_reader()
        with self.get_http_request_counter() as self._pages_read:
            self._pages_read.with_context(context)
            try:
                yield from reader.read(context)
            except Exception:
                # Whoever still waits for another try need not.
                self._tap.throttle.stop()
                raise

    def _new_reader(self) -> ListReader:
        return ListReader(
            fetch=self.fetch_page,
            convert=self.convert,
            contexts=self.partitions or [],
            workers=self._tap.workers,
            on_page=self.on_page,
            progress=self._tap.display.stream(self.name),
            logger=self.logger,
        )

    def convert(
        self, page: Page, context: Context | None
    ) -> tuple[list[Key], list[dict[str, Any]]]:
        """Make the records of a page.

        Args:
            page: The page; its rows may be changed and become the records.
            context: The advertiser, if the settings name any; goes into records that
                do not say it themselves.

        Returns:
            The records' keys, and the records.

        Raises:
            MissingKeyPropertiesError: A record has no key.
        """
        # One message serves all: it is written before the next record comes.
        self._message = self._new_message()
        records = self.converter.convert_all(page.records)
        for name, value in (context or {}).items():
            for record in records:
                if record.get(name) is None:
                    record[name] = value
        keys: list[Any] = [record.get(self._keys[0]) for record in records]
        if len(self._keys) > 1:
            keys = [tuple(map(record.get, self._keys)) for record in records]
        for key, record in zip(keys, records, strict=True):
            if key is None or (type(key) is tuple and None in key):
                msg = (
                    f"{self.name}: Kayzen sent a record without a usable key "
                    f"({', '.join(self._keys)}); its fields: "
                    f"{', '.join(map(repr, record))}"
                )
                raise MissingKeyPropertiesError(msg)
        return keys, records

    def on_page(self, page: Page) -> None:  # noqa: ARG002
        """Do what is due when a page's records are out.

        Args:
            page: That page, for subclasses to look at.
        """
        self._pages_read.increment()
        self._tap.message_writer.flush()

    def fetch_page(self, context: Context | None, number: int) -> UnreadPage:
        """Get one page, with all retries; safe to call in several threads.

        Args:
            context: The advertiser, if the settings name any.
            number: The page, 1 being the first.

        Returns:
            The page, its JSON not read yet. Reading it gets it anew, with all
            retries, if it is not JSON, and raises what this method raises.

        Raises:
            FatalAPIError: Kayzen refused, or could not be read after all retries.
                The message names the stream, the page and what to do.
        """
        where = f"{self.name}, page {number}"
        if context:
            where += f" of advertiser {context[ADVERTISER]}"
        request = self.get_http_request(
            page=PageContext(stream_context=context, next_page_token=number)
        )
        return self._tap.transport.fetch(request, parse_page, what=where)

    def get_url_params(
        self, context: Context | None, next_page_token: int | None
    ) -> dict[str, Any]:
        """Build the query: paging, and the advertiser if the settings name any."""
        params = {"page": next_page_token, "per_page": self.config["page_size"]}
        return {**params, **(context or {})}

    # Records

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
                if not self.mask["properties", name]
            ],
        )

    def generate_child_contexts(
        self, record: dict[str, Any], context: Context | None
    ) -> Iterator[Context | None]:
        """Generate contexts for child streams, if there are any."""
        if self.child_streams:
            yield from super().generate_child_contexts(record, context)

    def _write_record_message(self, record: dict[str, Any]) -> None:
        """Write the RECORD message, on a short way if no map is to be applied.

        Overridden since the SDK goes through selection, conformance and maps for
        each record anew, even where they do nothing: half of the time of a run.
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
        )

    # ACTIVATE_VERSION

    def _write_activate_version_message(self, full_table_version: int) -> None:
        """Hold the message back until the pass is complete.

        The SDK calls this before the first record, and has no public place to move
        it from there. A run that died after that would leave a warehouse without
        most of its rows.
        """
        self._held_version = full_table_version

    def finalize_state_progress_markers(
        self, state: dict[str, Any] | None = None
    ) -> None:
        """End a pass; the SDK calls this when all records are out, and only then."""
        version, self._held_version = self._held_version, None
        if version is not None:
            if self._reader and self._reader.incomplete:
                self.logger.warning(
                    "%s: nothing is deleted in the target this time",
                    "; ".join(self._reader.incomplete),
                )
            else:
                super()._write_activate_version_message(version)
        super().finalize_state_progress_markers(state)
