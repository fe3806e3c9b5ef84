"""ListStream: how any list of Kayzen is asked for, checked and turned to records."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk.exceptions import ConfigurationError, MissingKeyPropertiesError
from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL

from tap_kayzen.output.progress import Unseen
from tap_kayzen.reading.pages import parse_page
from tap_kayzen.reading.passes import ListReader
from tap_kayzen.records.converter import EXTRA
from tap_kayzen.records.values import LossyError
from tap_kayzen.streams.base import KayzenStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from singer_sdk.helpers.types import Context
    from singer_sdk.singerlib import Catalog

    from tap_kayzen.reading.keys import Key
    from tap_kayzen.reading.pages import Page, UnreadPage
    from tap_kayzen.tap import TapKayzen

    Record = dict[str, Any]

SKEW = timedelta(minutes=5)
"""How far Kayzen's clock and this one may be apart."""


class ListStream(KayzenStream):
    """A list of Kayzen, read whole.

    A subclass needs a `name`, a `path` and a schema file of its name.

    Attributes:
        is_paged: Whether the list comes in pages.
        longest_page: Rows a page that Kayzen is known to give at most.
        keeps_history: Whether rows that Kayzen no longer gives are still true.
    """

    is_paged: ClassVar[bool] = True
    longest_page: ClassVar[int] = 1000
    keeps_history: ClassVar[bool] = False

    def __init__(self, tap: TapKayzen) -> None:
        """Prepare the stream; nothing is asked of Kayzen yet."""
        super().__init__(tap)
        # Those of the class: a catalog may have others, or none.
        self._keys = type(self).primary_keys
        self._told_of_time = False
        self._held_version: int | None = None
        self._reader: ListReader | None = None

    @property
    def emit_activate_version_messages(self) -> bool:
        """Whether targets may be told which rows are gone.

        Not with BATCH files: their rows carry no version, so a target would take
        all of them for gone.
        """
        return (
            super().emit_activate_version_messages
            and not self.keeps_history
            and self.get_batch_config(self.config) is None
        )

    # Reading

    def records(self, context: Context | None) -> Iterator[dict[str, Any]]:
        """Read the list, or one advertiser's part of it, and yield its records.

        Raises:
            FatalAPIError: Kayzen refused, or could not be read after all retries.
            MissingKeyPropertiesError: A record has no key.
        """
        if self._reader is None or self.is_first(context):
            self._reader = self._new_reader()
        yield from self._news(self.read(self._reader, context), context)

    def read(
        self, reader: ListReader, context: Context | None
    ) -> Iterator[dict[str, Any]]:
        """Read the list, or one advertiser's part of it.

        Args:
            reader: Reads lists.
            context: The advertiser, if the settings name any.

        Returns:
            The records.
        """
        return reader.read(context)

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

    def reader_for_others(self, needed: Callable[[Record], Record]) -> ListReader:
        """Make a reader of this list for a stream that has to know what is in it.

        It looks at nothing but what is needed, whatever the catalog says of the
        columns, and counts neither as pages nor as progress of this stream.

        Args:
            needed: Gives what is needed of a row that came, its `id` above all, in the
                types of the schema; raises LossyError if that is not there.
        """

        def convert(
            page: Page,
            context: Context | None,  # noqa: ARG001
        ) -> tuple[list[Key], list[Record]]:
            try:
                records = [needed(row) for row in page.records]
            except LossyError as error:
                msg = f"{self.name}: Kayzen sent a record without a usable `id`"
                raise MissingKeyPropertiesError(msg) from error
            return [record["id"] for record in records], records

        return ListReader(
            fetch=self.fetch_page,
            convert=convert,
            contexts=[],
            workers=self._tap.workers,
            on_page=lambda _: None,
            progress=Unseen(self.name),
            logger=self.logger,
        )

    def _news(
        self, records: Iterator[dict[str, Any]], context: Context | None
    ) -> Iterator[dict[str, Any]]:
        """Leave out what is older than the bookmark, if the catalog asks for it.

        Kayzen is not known to filter by time, so all rows are read. The bookmark
        moves when a pass is over, and only if it was whole.
        """
        key = self.replication_key
        if key is None or self.replication_method != REPLICATION_INCREMENTAL:
            yield from records
            return
        # The SDK writes it for the stream as a whole, where no partition looks.
        self.state_manager.write_replication_key_signpost(
            self.get_replication_key_signpost(context), context=context
        )
        state = self.get_context_state(context)
        bookmark = state.get("replication_key_value")
        since = _moment(bookmark) if state.get("replication_key") == key else None
        for record in records:
            changed = _moment(record.get(key))
            if changed is None and not self._told_of_time:
                self._told_of_time = True
                self.logger.warning(
                    "There are records without `%s`: they are sent in every run", key
                )
            if since is None or changed is None or changed >= since:
                yield record
        if self._reader and self._reader.incomplete:
            self.logger.warning("The bookmark stays where it is")
            state.pop("progress_markers", None)

    def convert(
        self, page: Page, context: Context | None
    ) -> tuple[list[Key], list[dict[str, Any]]]:
        """Make the records of a page.

        Args:
            page: The page; its rows may be changed and become the records.
            context: The advertiser, if the settings name any.

        Returns:
            The records' keys, and the records.

        Raises:
            MissingKeyPropertiesError: A record has no key.
        """
        records = self.to_records(page.records, context)
        keys: list[Any] = [record.get(self._keys[0]) for record in records]
        if len(self._keys) > 1:
            keys = [tuple(map(record.get, self._keys)) for record in records]
        for key, record in zip(keys, records, strict=True):
            if key is None or (type(key) is tuple and None in key):
                msg = (
                    f"{self.name}: Kayzen sent a record without a usable key "
                    f"({', '.join(self._keys)}); its fields: "
                    f"{', '.join(map(repr, {**record, **record.pop(EXTRA, {})}))}"
                )
                raise MissingKeyPropertiesError(msg)
        return keys, records

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
        return self.fetch(
            number,
            context,
            partial(self.parse, context=context),
            what=f"{self.name}, page {number}" if self.is_paged else self.name,
        )

    def parse(self, body: bytes, context: Context | None) -> Page:  # noqa: ARG002
        """Read the body of an answer.

        Args:
            body: JSON text.
            context: What it was asked for.

        Raises:
            EnvelopeError: The JSON is not what was asked for.
            ValueError: The body is not JSON.
        """
        return parse_page(body)

    def get_url_params(
        self, context: Context | None, next_page_token: int | None
    ) -> dict[str, Any]:
        """Build the query: paging, and what of the context the path does not hold."""
        params = super().get_url_params(context, next_page_token)
        if self.is_paged:
            size = min(self.config["page_size"], self.longest_page)
            params |= {"page": next_page_token, "per_page": size}
        return params

    def apply_catalog(self, catalog: Catalog) -> None:
        """Take over what a catalog says.

        Raises:
            ConfigurationError: It asks for INCREMENTAL on something else than a time.
        """
        super().apply_catalog(catalog)
        if self.replication_method != REPLICATION_INCREMENTAL or not self.selected:
            return
        column = self.schema["properties"].get(self.replication_key or "", {})
        if column.get("format") != "date-time":
            times = [
                name
                for name, each in self.schema["properties"].items()
                if name.endswith("updated_at") and each.get("format") == "date-time"
            ]
            choice = f"INCREMENTAL on `{times[0]}`, or " if times else ""
            msg = (
                f"{self.name}: the catalog asks for {self.replication_method} on "
                f"`{self.replication_key}`; this stream can be {choice}FULL_TABLE"
            )
            raise ConfigurationError(msg)
        if not self.mask["properties", self.replication_key or ""]:
            msg = (
                f"{self.name}: the catalog asks for {self.replication_method} on "
                f"`{self.replication_key}`, which is not selected; select it too"
            )
            raise ConfigurationError(msg)

    def get_replication_key_signpost(
        self, context: Context | None = None
    ) -> datetime | None:
        """Say what a bookmark may be at most: a little before the pass began.

        What changes while a list is read may have been read before that, with an
        older time than what is read after it, and would never be sent.
        """
        signpost = super().get_replication_key_signpost(context)
        return signpost - SKEW if isinstance(signpost, datetime) else None

    # Bookmarks

    def _write_starting_replication_value(self, context: Context | None) -> None:
        """Write where the bookmark stands.

        Overridden since the SDK would take `start_date` for it, which is of reports
        alone, and say so in the log.
        """
        self.state_manager.write_starting_replication_value(
            context=context,
            replication_method=self.replication_method,
            replication_key=self.replication_key,
            config={},
        )

    def _increment_stream_state(
        self, latest_record: dict[str, Any], *, context: Context | None = None
    ) -> None:
        """Move the bookmark.

        Overridden since the SDK warns of each record without a time, and fails where
        the column is missing.
        """
        key = self.replication_key
        if key is None or latest_record.get(key) is not None:
            super()._increment_stream_state(latest_record, context=context)

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
                self.logger.warning("Nothing is deleted in the target this time")
            else:
                super()._write_activate_version_message(version)
        super().finalize_state_progress_markers(state)


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
