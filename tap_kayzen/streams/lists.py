"""Base class of list streams."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk.exceptions import MissingKeyPropertiesError

from tap_kayzen.messages import selection_messages, stream_messages
from tap_kayzen.reading.keys import ColumnKeys, KeySet
from tap_kayzen.reading.paging import ListPaging
from tap_kayzen.records.converter import EXTRA
from tap_kayzen.records.values import LossyError
from tap_kayzen.streams.base import KayzenStream
from tap_kayzen.streams.requesting import Slice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from singer_sdk import Tap
    from singer_sdk.helpers._batch import BaseBatchFileEncoding, BatchConfig
    from singer_sdk.helpers.types import Context
    from singer_sdk.singerlib import Catalog

    from tap_kayzen.reading.keys import Record
    from tap_kayzen.reading.pages import Page
    from tap_kayzen.streams.requesting import Services

MAX_CLOCK_SKEW = timedelta(minutes=5)
"""Maximum difference between Kayzen's clock and the local clock."""

IN_PROGRESS_NOTE = "Progress is not resumable if interrupted."
"""Note that the SDK writes to the state of an unsorted stream during a sync."""


class ListStream(KayzenStream):
    """Base class of streams that read a whole list.

    Subclasses need a `name`, a `path`, and a schema file named like the stream.

    Attributes:
        max_page_size: Maximum page size of the endpoint, in rows.
        keeps_history: Rows missing from the API stay valid; never send
            ACTIVATE_VERSION.
    """

    max_page_size: ClassVar[int] = 1000
    keeps_history: ClassVar[bool] = False

    def __init__(self, tap: Tap, services: Services) -> None:
        """Initialize the stream without requesting anything."""
        super().__init__(tap, services)
        # From the class, because a catalog can declare other keys, or none.
        self._keys = type(self).primary_keys
        self._sent = KeySet()
        self._is_complete = True

    # Reading

    def read(self, contexts: list[Context | None]) -> Iterator[Record]:
        """Yield the records of each partition."""
        self._sent = KeySet()
        self._is_complete = True
        slices = [Slice(context) for context in contexts]
        progress = self.display.stream(self.name, "rows")
        ahead = self.lookahead.take(self, slices)
        with closing(self.reader(slices, ahead, progress=progress)) as reader:
            for slice_ in slices:
                with self.isolated(slice_.context):
                    yield from self._changed_records(
                        reader.read(slice_), slice_.context
                    )
                    is_complete = reader.last_pass.is_complete
                    self.finish(slice_.context, is_complete=is_complete)

    def give_up(self, contexts: list[Context | None], error: Exception) -> None:
        """Mark partitions as incomplete after a failure."""
        super().give_up(contexts, error)
        for context in contexts:
            self.finish(context, is_complete=False)

    def upcoming_slices(self) -> list[Slice]:
        """Return the slices of all partitions."""
        return [Slice(context) for context in self.contexts]

    def paging(self) -> ListPaging:
        """Return the strategy for finding the last page of a list."""
        return ListPaging()

    def keys(self, slice_: Slice) -> ColumnKeys:  # noqa: ARG002
        """Return a new `Keys` object for a slice; keys are unique per sync."""
        return ColumnKeys(self._keys, self._sent)

    def read_values(
        self, context: Context | None, extract: Callable[[Record], Record], limit: int
    ) -> tuple[list[Record], bool]:
        """Read values of the list for another stream.

        The catalog is ignored, and pages do not count toward the progress or the
        metrics of this stream.

        Args:
            context: The partition, if any.
            extract: Returns the values of a row, including its `id`, in the types of
                the schema. Raises LossyError if they are missing.
            limit: Maximum number of rows.

        Returns:
            The extracted values of each row, and whether the list is complete.
        """

        def convert(page: Page, slice_: Slice) -> list[Record]:
            try:
                return [extract(row) for row in self.decode(page, slice_)]
            except LossyError as error:
                msg = f"{self.name}: {stream_messages.NO_ID()}"
                raise MissingKeyPropertiesError(msg) from error

        slice_ = Slice(context)
        reader = self.reader(
            [slice_],
            convert=convert,
            keys=lambda _: ColumnKeys(("id",), KeySet()),
            on_page=lambda _: None,
        )
        with closing(reader):
            rows = list(islice(reader.read(slice_), limit))
        return rows, reader.last_pass.is_complete

    def check(self, records: list[Record], slice_: Slice) -> None:  # noqa: ARG002
        """Raise MissingKeyPropertiesError if a record has no key."""
        for name in self._keys:
            if None in [record.get(name) for record in records]:
                record = next(each for each in records if each.get(name) is None)
                fields = {**record, **record.get(EXTRA, {})}
                fields.pop(EXTRA, None)
                text = stream_messages.NO_KEY(
                    keys=", ".join(self._keys), fields=", ".join(map(repr, fields))
                )
                msg = f"{self.name}: {text}"
                raise MissingKeyPropertiesError(msg)

    def query(self, slice_: Slice, page: int) -> dict[str, Any]:
        """Return the query parameters: the context and the page."""
        query = super().query(slice_, page)
        if self.is_paged:
            size = min(self.config["page_size"], self.max_page_size)
            query |= {"page": page, "per_page": size}
        return query

    # Bookmarks

    def _changed_records(
        self, records: Iterator[Record], context: Context | None
    ) -> Iterator[Record]:
        """Yield only records changed since the bookmark, for INCREMENTAL streams.

        All rows are read, because Kayzen has no documented filter by time.
        """
        key = self.replication_key
        if key is None or not self.is_incremental:
            yield from records
            return
        signpost = self.get_replication_key_signpost(context)
        self.state_manager.write_replication_key_signpost(signpost, context=context)
        state = self.get_context_state(context)
        bookmark = state.get("replication_key_value")
        since = _parse_time(bookmark) if state.get("replication_key") == key else None
        # Without these keys, a merge would restore those of an older state. The SDK
        # would also write the note, but with a warning that does not name the stream.
        value = bookmark if since is not None else None
        state |= {"replication_key": key, "replication_key_value": value}
        state.setdefault("progress_markers", {"Note": IN_PROGRESS_NOTE})
        if since is not None:
            self.logger.info("Sending the records changed since %s", bookmark)
        for record in records:
            changed = _parse_time(record.get(key))
            if changed is None:
                self.warn_once(stream_messages.NO_TIME, column=key)
            if since is None or changed is None or changed >= since:
                yield record
                if changed is not None:
                    self.state_manager.increment_state(
                        record, context=context, replication_key=key
                    )

    def finish(self, context: Context | None, *, is_complete: bool) -> None:
        """Advance the bookmark of a partition that was read, if it is complete."""
        self._is_complete = self._is_complete and is_complete
        if not self.is_incremental:
            return
        state = self.get_context_state(context)
        if not is_complete:
            if not self.is_sampling:
                self.logger.warning(stream_messages.BOOKMARK_KEPT())
            state.pop("progress_markers", None)
        self.state_manager.finalize_state(state)

    def get_replication_key_signpost(
        self, context: Context | None = None
    ) -> datetime | None:
        """Return the upper bound of the bookmark: a few minutes before the sync.

        A record can change after it was read. Without this bound, records read later
        would push the bookmark beyond that change, and the change would be lost.
        """
        signpost = super().get_replication_key_signpost(context)
        return signpost - MAX_CLOCK_SKEW if isinstance(signpost, datetime) else None

    def apply_catalog(self, catalog: Catalog) -> None:
        """Apply a catalog; reject replication keys that are not times."""
        super().apply_catalog(catalog)
        if not self.wants_incremental or not self.selected:
            return
        column = self.schema["properties"].get(self.replication_key or "", {})
        if column.get("format") != "date-time":
            times = [
                name
                for name, each in self.schema["properties"].items()
                if name.endswith("updated_at") and each.get("format") == "date-time"
            ]
            choice = f"INCREMENTAL on `{times[0]}`, or " if times else ""
            self.refuse_catalog(
                selection_messages.REPLICATION_NOT_SUPPORTED,
                choices=f"{choice}FULL_TABLE",
            )
        if not self.mask["properties", self.replication_key or ""]:
            self.refuse_catalog(selection_messages.REPLICATION_KEY_DESELECTED)

    # ACTIVATE_VERSION

    @property
    def emit_activate_version_messages(self) -> bool:
        """Whether targets may delete rows that are missing from the API."""
        return super().emit_activate_version_messages and not self.keeps_history

    def get_batches(
        self, batch_config: BatchConfig, context: Context | None = None
    ) -> Iterator[tuple[BaseBatchFileEncoding, list[str]]]:
        """Yield BATCH files; settle ACTIVATE_VERSION after the last one."""
        yield from super().get_batches(batch_config, context)
        self._settle_activation()

    def finalize_state_progress_markers(
        self, state: dict[str, Any] | None = None
    ) -> None:
        """Finish the stream; the SDK calls this method after the last record."""
        # With BATCH files, the last records may not have been written yet.
        if not self.writes_batches:
            self._settle_activation()
        super().finalize_state_progress_markers(state)

    def _settle_activation(self) -> None:
        """Write the pending ACTIVATE_VERSION; discard it if rows may be missing."""
        if self._is_complete:
            self.writer.activate()
        elif self.writer.discard_activation():
            self.logger.warning(stream_messages.NO_DELETIONS())


def _parse_time(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
