"""KayzenStream: how all streams are read, part by part."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager
from copy import deepcopy
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import metrics
from singer_sdk.exceptions import SyncLifecycleSignal

from tap_kayzen.api.errors import ReadError
from tap_kayzen.reading.ahead import PagesAhead
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
    """A stream of Kayzen: in what order it is read, and what happens if that fails.

    Attributes:
        per_advertiser: Whether each advertiser has its own rows.
        has_failed: Whether a part of the stream could not be read.
    """

    per_advertiser: ClassVar[bool] = True

    def __init__(self, tap: Tap, services: Services, name: str | None = None) -> None:
        """Prepare the stream; without a name, it has that of the class."""
        super().__init__(tap, services, name)
        self.display = services.display
        self.failures = services.failures
        self.lookahead = services.lookahead
        self.has_failed = False

    @property
    def reading_order(self) -> tuple[str, str]:
        """Sort key of the stream in a run: by name, with exceptions."""
        return self.name, ""

    @property
    def is_sampling(self) -> bool:
        """Whether one record is enough, as for ``--test``."""
        return self.ABORT_AT_RECORD_COUNT is not None

    # Partitions

    @property
    def partitions(self) -> None:
        """None for the SDK: `read` goes through `contexts`, all in one go."""
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

        `failures` keeps what could not be read. A failure stops the run at once only if
        nothing else can be read.

        Yields:
            Records in the schema's types, each key once.
        """
        self.failures.begin(self.name, is_dry_run=self.is_sampling)
        self.client.start()
        self.lookahead.enter(self)
        contexts: list[Context | None] = [context] if context else self.contexts
        pages = metrics.http_request_counter(self.name, self.path)
        with pages as self._page_counter, self.lookahead.closing_after_an_error():
            try:
                for record in self.read(contexts):
                    yield record
                    if self.write_error is not None:
                        raise self.write_error  # noqa: TRY301
            except Exception as error:  # noqa: BLE001
                self.failures.add(error, self.name, self.name)
                self.give_up(contexts, error)

    @contextmanager
    def isolated(self, context: Context | None) -> Generator[None]:
        """Keep a failure within the block from stopping the rest of the stream."""
        with self.failures.isolated(self.name, self.label_of(context)):
            try:
                yield
            except Exception as error:
                self.give_up([context], error)
                raise

    def give_up(self, contexts: list[Context | None], error: Exception) -> None:  # noqa: ARG002
        """Mark the partitions of some contexts as incomplete after a failure."""
        self.has_failed = True
        if isinstance(error, ReadError) and error.is_unreachable:
            self.client.be_impatient()

    def get_batches(
        self, batch_config: BatchConfig, context: Context | None = None
    ) -> Iterator[tuple[BaseBatchFileEncoding, list[str]]]:
        """Yield BATCH files; after a row that fits into none, the stream ends.

        Its bookmarks are then those after the last file: rows that were to follow have
        moved them since.
        """
        saved = deepcopy(self.stream_state)
        try:
            for batch in super().get_batches(batch_config, context):
                self.parquet_rows.clear()
                saved = deepcopy(self.stream_state)
                yield batch
        except SyncLifecycleSignal:
            raise
        except Exception as error:  # noqa: BLE001
            failure = explained(error, self.parquet_rows, what=self.name)
            self.parquet_rows.clear()
            self.failures.add(failure, self.name, self.name)
            self.stream_state.clear()
            self.stream_state.update(saved)
            self.give_up([context] if context else self.contexts, failure)

    def log_sync_costs(self) -> None:
        """Raise IncompleteError if anything in the run could not be read.

        The SDK calls this for each stream after all have been read, as its last step.
        """
        super().log_sync_costs()
        self.failures.check()

    @abstractmethod
    def read(self, contexts: list[Context | None]) -> Iterator[Record]:
        """Read the records of some contexts, in order; see `get_records`."""

    def slices_ahead(self) -> list[Slice]:
        """Return what `read` will read first, if that is known before its turn."""
        return []

    def pages_ahead(self) -> tuple[list[Slice], PagesAhead[Slice]]:
        """Return the slices that are known before the stream's turn, to fetch them."""
        slices = self.slices_ahead()
        workers = self.client.workers
        return slices, PagesAhead(self.fetch_page, self.paging(), slices, workers)

    @abstractmethod
    def keys(self, slice_: Slice) -> Keys:
        """Return the keys of a slice."""

    @abstractmethod
    def paging(self) -> Paging:
        """Return how to recognize the last page of a slice."""

    def reader(
        self,
        slices: Iterable[Slice],
        ahead: PagesAhead[Slice] | None = None,
        **parts: Any,
    ) -> Reader[Slice]:
        """Return a reader of slices.

        Args:
            slices: What to read, in order.
            ahead: A read-ahead of the same slices that has begun.
            parts: Fields of `Source`.
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
        """Turn a page into records."""
        rows = self.decode(page, slice_)
        self.prepare(rows, slice_)
        records = self.to_records(rows, slice_.context)
        self.check(records, slice_)
        return records

    def on_page(self, page: Page) -> None:  # noqa: ARG002
        """Count a page whose records are out, and let them go before waiting."""
        self._page_counter.increment()
        self.failures.reached()
        self.client.be_patient()
        self.writer.flush()

    def prepare(self, rows: list[Record], slice_: Slice) -> None:
        """Change rows, if need be, before they are converted."""

    @abstractmethod
    def check(self, records: list[Record], slice_: Slice) -> None:
        """Check the records of a page."""
