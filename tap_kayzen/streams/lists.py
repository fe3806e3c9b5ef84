"""ListStream: a list of Kayzen, read from start to end."""

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
"""How far Kayzen's clock and this one may be apart."""

NOTE = "Progress is not resumable if interrupted."
"""The SDK's note in the state of a list that is being read."""


class ListStream(KayzenStream):
    """A list of Kayzen, read from start to end.

    A subclass needs a `name`, a `path` and a schema file of its name.

    Attributes:
        max_page_size: Rows that Kayzen returns a page at most.
        keeps_history: Rows missing from the API stay valid; never send
            ACTIVATE_VERSION.
    """

    max_page_size: ClassVar[int] = 1000
    keeps_history: ClassVar[bool] = False

    def __init__(self, tap: Tap, services: Services) -> None:
        """Prepare the stream; nothing is requested yet."""
        super().__init__(tap, services)
        # Those of the class: a catalog may have others, or none.
        self._keys = type(self).primary_keys
        self._sent = KeySet()
        self._is_complete = True

    # Reading

    def read(self, contexts: list[Context | None]) -> Iterator[Record]:
        """Read the list of each context."""
        self._sent = KeySet()
        self._is_complete = True
        slices = [Slice(context) for context in contexts]
        progress = self.display.stream(self.name, "rows")
        ahead = self.lookahead.taken(self, slices)
        with closing(self.reader(slices, ahead, progress=progress)) as reader:
            for slice_ in slices:
                with self.isolated(slice_.context):
                    yield from self._changed(reader.read(slice_), slice_.context)
                    is_complete = reader.last_pass.is_complete
                    self.finish(slice_.context, is_complete=is_complete)

    def give_up(self, contexts: list[Context | None], error: Exception) -> None:
        """Mark the lists of some contexts as incomplete after a failure."""
        super().give_up(contexts, error)
        for context in contexts:
            self.finish(context, is_complete=False)

    def slices_ahead(self) -> list[Slice]:
        """Return the lists of all contexts."""
        return [Slice(context) for context in self.contexts]

    def paging(self) -> ListPaging:
        """Return how to recognize the last page of a list."""
        return ListPaging()

    def keys(self, slice_: Slice) -> ColumnKeys:  # noqa: ARG002
        """Return the keys of a slice; each goes out once in a run."""
        return ColumnKeys(self._keys, self._sent)

    def read_for_others(
        self, context: Context | None, needed: Callable[[Record], Record], limit: int
    ) -> tuple[list[Record], bool]:
        """Read the list for a stream that has to know what is in it.

        Looks at nothing but what is needed, whatever the catalog says of the columns,
        and counts neither as pages nor as progress of this stream.

        Args:
            context: The partition, if any.
            needed: Returns what is needed of a row, its `id` above all, in the types
                of the schema; raises LossyError if that is missing.
            limit: Maximum number of rows.

        Returns:
            The needed values of each row, and whether no row seems to be missing.
        """

        def convert(page: Page, slice_: Slice) -> list[Record]:
            try:
                return [needed(row) for row in self.decode(page, slice_)]
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
        """Return the query of a request: the context and the page."""
        query = super().query(slice_, page)
        if self.is_paged:
            size = min(self.config["page_size"], self.max_page_size)
            query |= {"page": page, "per_page": size}
        return query

    # Bookmarks

    def _changed(
        self, records: Iterator[Record], context: Context | None
    ) -> Iterator[Record]:
        """Leave out what is older than the bookmark, if the catalog asks for it.

        Kayzen is not known to filter by time, so all rows are read.
        """
        key = self.replication_key
        if key is None or not self.is_incremental:
            yield from records
            return
        signpost = self.get_replication_key_signpost(context)
        self.state_manager.write_replication_key_signpost(signpost, context=context)
        state = self.get_context_state(context)
        bookmark = state.get("replication_key_value")
        since = _moment(bookmark) if state.get("replication_key") == key else None
        # Without these keys, a merge would restore those of an older state. The SDK
        # warns when it writes the note itself, without the stream's name.
        value = bookmark if since is not None else None
        state |= {"replication_key": key, "replication_key_value": value}
        state.setdefault("progress_markers", {"Note": NOTE})
        if since is not None:
            self.logger.info("Sending the records changed since %s", bookmark)
        for record in records:
            changed = _moment(record.get(key))
            if changed is None:
                self.warn_once(stream_messages.NO_TIME, column=key)
            if since is None or changed is None or changed >= since:
                yield record
                if changed is not None:
                    self.state_manager.increment_state(
                        record, context=context, replication_key=key
                    )

    def finish(self, context: Context | None, *, is_complete: bool) -> None:
        """Move the bookmark of a context that has been read, if nothing is missing."""
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
        """Return the highest possible bookmark: a little before the run began.

        What changes while a list is read may have been read before that, with an
        older time than what is read after it, and would never be sent.
        """
        signpost = super().get_replication_key_signpost(context)
        return signpost - MAX_CLOCK_SKEW if isinstance(signpost, datetime) else None

    def apply_catalog(self, catalog: Catalog) -> None:
        """Apply a catalog; refuse a bookmark of something else than a time."""
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
        """Whether targets may be told which rows are missing."""
        return super().emit_activate_version_messages and not self.keeps_history

    def get_batches(
        self, batch_config: BatchConfig, context: Context | None = None
    ) -> Iterator[tuple[BaseBatchFileEncoding, list[str]]]:
        """Yield BATCH files; the SDK resumes here after it has named the last one."""
        yield from super().get_batches(batch_config, context)
        self._settle_activation()

    def finalize_state_progress_markers(
        self, state: dict[str, Any] | None = None
    ) -> None:
        """End a run of the stream; the SDK calls this after the last record."""
        # The last records may still be on their way into a BATCH file.
        if not self.writes_batches:
            self._settle_activation()
        super().finalize_state_progress_markers(state)

    def _settle_activation(self) -> None:
        """Write the pending ACTIVATE_VERSION, or drop it if rows may be missing."""
        if self._is_complete:
            self.writer.activate()
        elif self.writer.discard_activation():
            self.logger.warning(stream_messages.NO_DELETIONS())


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
