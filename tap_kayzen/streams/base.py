"""KayzenStream: how all streams are read, request by request."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, cast
from urllib.parse import quote

import requests
from singer_sdk import metrics

from tap_kayzen.api.errors import ReadError
from tap_kayzen.reading.pages import Page, parse_page
from tap_kayzen.reading.passes import Reader, Source
from tap_kayzen.records.converter import ADVERTISER
from tap_kayzen.streams.messages import RecordStream

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context

    from tap_kayzen.api.client import KayzenClient
    from tap_kayzen.output.progress import Display
    from tap_kayzen.output.writer import BufferedWriter
    from tap_kayzen.reading.keys import Keys, Record
    from tap_kayzen.reading.paging import Paging
    from tap_kayzen.reading.windows import Window
    from tap_kayzen.streams.failures import Failures

OWN_ADVERTISER = 0
"""Stands for the API key's own advertiser, whose ID no response has."""


@dataclass(frozen=True)
class Services:
    """What every stream works with; one for each tap."""

    client: KayzenClient
    writer: BufferedWriter
    display: Display
    failures: Failures


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
        """First and last day of the window, like 2026-01-31; for reports only."""
        window = cast("Window", self.window)
        return str(window.first), str(window.last)


def advertiser_of(context: Context | None) -> int:
    """Return the advertiser of a context; `OWN_ADVERTISER` if it names none."""
    return int((context or {}).get(ADVERTISER, OWN_ADVERTISER))


class KayzenStream(RecordStream, ABC):
    """A stream of Kayzen: what it requests, and in what order it is read.

    Attributes:
        path: Path of the endpoint below ``/v1``; may name keys of the context, such as
            ``/campaigns/{campaign_id}/detail``.
        http_method: HTTP method of its requests.
        with_token: Whether its requests need the bearer token.
        per_advertiser: Whether each advertiser has its own rows.
        is_paged: Whether the responses come in pages.
        has_failed: Whether a part of the stream could not be read.
    """

    path: str
    http_method: ClassVar[str] = "GET"
    with_token: ClassVar[bool] = True
    per_advertiser: ClassVar[bool] = True
    is_paged: ClassVar[bool] = True

    def __init__(self, tap: Tap, services: Services, name: str | None = None) -> None:
        """Prepare the stream; without a name, it has that of the class."""
        super().__init__(tap, services.writer, name)
        self.client = services.client
        self.display = services.display
        self.failures = services.failures
        self.has_failed = False

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

    def hint_for(self, slice_: Slice) -> str:  # noqa: ARG002
        """Return what the user can do if Kayzen rejects a request for a slice."""
        return self.hint

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
        contexts: list[Context | None] = [context] if context else self.contexts
        pages = metrics.http_request_counter(self.name, self.path)
        with pages as self._page_counter:
            try:
                for record in self.read(contexts):
                    yield record
                    if self.write_error is not None:
                        raise self.write_error  # noqa: TRY301
            except Exception as error:  # noqa: BLE001
                self.client.stop()
                self.failures.add(error, self.name, self.name)
                self.give_up(contexts, error)
        if self.has_failed:
            # Pending retries are pointless now.
            self.client.stop()

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

    def log_sync_costs(self) -> None:
        """Raise IncompleteError if anything in the run could not be read.

        The SDK calls this for each stream after all have been read, as its last step.
        """
        super().log_sync_costs()
        self.failures.check()

    @abstractmethod
    def read(self, contexts: list[Context | None]) -> Iterator[Record]:
        """Read the records of some contexts, in order; see `get_records`."""

    @abstractmethod
    def keys(self, slice_: Slice) -> Keys:
        """Return the keys of a slice."""

    @abstractmethod
    def paging(self) -> Paging:
        """Return how to recognize the last page of a slice."""

    def reader(self, slices: Iterable[Slice], **parts: Any) -> Reader[Slice]:
        """Return a reader of slices; `parts` are fields of `Source`."""
        own: dict[str, Any] = {
            "fetch": self.fetch_page,
            "convert": self.convert,
            "keys": self.keys,
            "paging": self.paging(),
            "label": self.label,
            "on_page": self.on_page,
        }
        source = Source(**{**own, **parts})
        return Reader(source, slices, workers=self.client.workers, logger=self.logger)

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
        self.writer.flush()

    # Requests

    @property
    def url_base(self) -> str:
        """The address that paths are appended to."""
        return f"{self.config['api_url']}/v1"

    def query(self, slice_: Slice, page: int) -> dict[str, Any]:  # noqa: ARG002
        """Return the query of a request: the parts of the context not in the path."""
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
        """Name a slice in messages."""
        return self.label_of(slice_.context)

    def label_of(self, context: Context | None) -> str:
        """Name a partition in messages, such as ``campaigns of advertiser 7``."""
        whose = ", ".join(
            f"{name.removesuffix('_id').replace('_', ' ')} {value}"
            for name, value in (context or {}).items()
        )
        return f"{self.name} of {whose}" if whose else self.name

    def fetch_page(self, slice_: Slice, number: int) -> Page:
        """Fetch one page, with all retries; safe to call in several threads."""
        context = slice_.context or {}
        path = self.path.format_map(
            {name: quote(str(v)) for name, v in context.items()}
        )
        request = requests.Request(
            self.http_method,
            f"{self.url_base}{path}",
            params=self.query(slice_, number),
            json=self.body(slice_, number),
        )
        label = self.label(slice_)
        return self.client.transport.fetch(
            request,
            lambda body: self.parse(body, slice_),
            what=f"{label}, page {number}" if self.is_paged else label,
            hint=self.hint_for(slice_),
            with_token=self.with_token,
            no_content=Page([]),
        )

    def decode(self, page: Page, slice_: Slice) -> list[Record]:
        """Decode the rows of a page; raise ReadError if they cannot be decoded."""
        try:
            return page.decode()
        except ValueError as error:
            msg = f"the rows cannot be read: {error}"
            raise ReadError(msg, what=self.label(slice_)) from error

    def prepare(self, rows: list[Record], slice_: Slice) -> None:
        """Change rows, if need be, before they are converted."""

    @abstractmethod
    def check(self, records: list[Record], slice_: Slice) -> None:
        """Check the records of a page."""
