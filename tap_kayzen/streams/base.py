"""Base class of all streams."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager
from copy import deepcopy
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import metrics
from singer_sdk.exceptions import SyncLifecycleSignal

from tap_kayzen.api.errors import ReadError
from tap_kayzen.reading.ahead import ReadAhead
from tap_kayzen.reading.passes import Reader, Source
from tap_kayzen.records.converter import ADVERTISER
from tap_kayzen.streams.batches import explained
from tap_kayzen.streams.requesting import RequestingStream, Slice

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from singer_sdk import Tap
    from singer_sdk.helpers._batch import BaseBatchFileEncoding, BatchConfig
    from singer_sdk.helpers.types import Context

    from tap_kayzen.reading.keys import Keys, Record
    from tap_kayzen.reading.pages import Page
    from tap_kayzen.reading.paging import Paging
    from tap_kayzen.streams.requesting import Services


class KayzenStream(RequestingStream, ABC):
    """Base class of all streams: reads partitions in order, and isolates failures.

    Attributes:
        per_advertiser: Whether each advertiser has its own rows.
        has_failed: Whether any part of the stream could not be read.
    """

    per_advertiser: ClassVar[bool] = True

    def __init__(self, tap: Tap, services: Services, name: str | None = None) -> None:
        """Initialize the stream; the name defaults to that of the class."""
        super().__init__(tap, services, name)
        self.display = services.display
        self.closing = services.closing
        self.failures = services.failures
        self.lookahead = services.lookahead
        self.has_failed = False

    @property
    def reading_order(self) -> tuple[str, str]:
        """Sort key of the stream within a sync; by default, its name."""
        return self.name, ""

    @property
    def is_sampling(self) -> bool:
        """Whether one record is enough, as with ``--test``."""
        return self.ABORT_AT_RECORD_COUNT is not None

    # Partitions

    @property
    def partitions(self) -> None:
        """None, so that the SDK reads the stream once; `read` uses `contexts`."""
        return

    @property
    def contexts(self) -> list[Context | None]:
        """Contexts to read: one per configured advertiser, or a single None."""
        numbers = self.config.get("advertiser_ids") if self.per_advertiser else None
        advertisers = dict.fromkeys(numbers or ())
        return [{ADVERTISER: each} for each in advertisers] or [None]

    # Reading

    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Read the stream, or one partition of it.

        Failures are collected in `failures`. They stop the sync only if nothing else
        can be read.

        Yields:
            Records that match the schema, each key once.
        """
        self.failures.begin(self.name, is_dry_run=self.is_sampling)
        self.closing.begin(self.name)
        count = 0
        self.client.start()
        self.lookahead.start(self)
        contexts: list[Context | None] = [context] if context else self.contexts
        pages = metrics.http_request_counter(self.name, self.path)
        with pages as self._page_counter, self.lookahead.closing_on_error():
            try:
                for record in self.read(contexts):
                    count += 1
                    yield record
                    if self.write_error is not None:
                        raise self.write_error  # noqa: TRY301
            # `add` raises those that must stop the sync.
            except Exception as error:  # noqa: BLE001
                self.failures.add(error, self.name, self.name)
                self.give_up(contexts, error)
            finally:
                self.closing.add(self.name, count)

    @contextmanager
    def isolated(self, context: Context | None) -> Generator[None]:
        """Collect a failure in the block, so that the rest of the stream is read."""
        with self.failures.isolated(self.name, self.label_of(context)):
            try:
                yield
            except Exception as error:
                self.give_up([context], error)
                raise

    def give_up(self, contexts: list[Context | None], error: Exception) -> None:  # noqa: ARG002
        """Mark partitions as incomplete after a failure."""
        self.has_failed = True
        if isinstance(error, ReadError) and error.is_unreachable:
            self.client.enable_fail_fast()

    def get_batches(
        self, batch_config: BatchConfig, context: Context | None = None
    ) -> Iterator[tuple[BaseBatchFileEncoding, list[str]]]:
        """Yield BATCH files, and fail the stream at a row that cannot be written.

        After such a failure, the bookmarks are those of the last complete file, because
        rows read since then were not written.
        """
        saved = deepcopy(self.stream_state)
        try:
            for batch in super().get_batches(batch_config, context):
                self.parquet_rows.clear()
                saved = deepcopy(self.stream_state)
                yield batch
        except SyncLifecycleSignal:
            raise
        # pyarrow raises errors of many types for values that it cannot write.
        except Exception as error:  # noqa: BLE001
            failure = explained(error, self.parquet_rows, what=self.name)
            self.parquet_rows.clear()
            self.failures.add(failure, self.name, self.name)
            self.stream_state.clear()
            self.stream_state.update(saved)
            self.give_up([context] if context else self.contexts, failure)

    def log_sync_costs(self) -> None:
        """Log the total of the sync; raise IncompleteError if any part failed.

        The SDK calls this method for each stream at the end of a sync.
        """
        super().log_sync_costs()
        self.closing.log()
        self.failures.check()

    @abstractmethod
    def read(self, contexts: list[Context | None]) -> Iterator[Record]:
        """Yield the records of partitions, in order; see `get_records`."""

    def upcoming_slices(self) -> list[Slice]:
        """Return the first slices that `read` will read, if known in advance."""
        return []

    def prepare_read_ahead(self) -> tuple[list[Slice], ReadAhead[Slice]]:
        """Return the slices known in advance, and a read-ahead for them."""
        slices = self.upcoming_slices()
        workers = self.client.workers
        return slices, ReadAhead(self.fetch_page, self.paging(), slices, workers)

    @abstractmethod
    def keys(self, slice_: Slice) -> Keys:
        """Return a new `Keys` object for a slice."""

    @abstractmethod
    def paging(self) -> Paging:
        """Return the strategy for finding the last page of a slice."""

    def reader(
        self,
        slices: Iterable[Slice],
        ahead: ReadAhead[Slice] | None = None,
        **parts: Any,
    ) -> Reader[Slice]:
        """Return a reader of slices.

        Args:
            slices: The slices to read, in order.
            ahead: A read-ahead of the same slices that has already started.
            parts: Fields of `Source` that replace the defaults.
        """
        own: dict[str, Any] = {
            "fetch": self.fetch_page,
            "convert": self.convert,
            "keys": self.keys,
            "paging": ahead.paging if ahead else self.paging(),
            "label": self.label,
            "on_page": self.on_page,
        }
        source = Source(**{**own, **parts})
        return Reader(
            source,
            slices,
            workers=self.client.workers,
            logger=self.logger,
            ahead=ahead,
        )

    def convert(self, page: Page, slice_: Slice) -> list[Record]:
        """Convert a page to records."""
        rows = self.decode(page, slice_)
        self.prepare(rows, slice_)
        records = self.to_records(rows, slice_.context)
        self.check(records, slice_)
        return records

    def on_page(self, page: Page) -> None:  # noqa: ARG002
        """Count a page, and flush its records before waiting for the next one."""
        self._page_counter.increment()
        self.failures.reached()
        self.client.reset_fail_fast()
        self.writer.flush()

    def prepare(self, rows: list[Record], slice_: Slice) -> None:
        """Modify rows in place before they are converted; by default, do nothing."""

    @abstractmethod
    def check(self, records: list[Record], slice_: Slice) -> None:
        """Check the records of a page."""
