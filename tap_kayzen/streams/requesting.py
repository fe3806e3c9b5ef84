"""Requests of streams."""

from __future__ import annotations

from abc import ABC
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, cast
from urllib.parse import quote

import requests

from tap_kayzen.api.errors import ReadError
from tap_kayzen.messages import stream_messages
from tap_kayzen.reading.pages import Page, parse_page
from tap_kayzen.records.converter import ADVERTISER
from tap_kayzen.streams.messages import RecordStream

if TYPE_CHECKING:
    from collections.abc import Mapping

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context

    from tap_kayzen.api.client import KayzenClient
    from tap_kayzen.output.closing import ClosingLine
    from tap_kayzen.output.progress import Display
    from tap_kayzen.output.writer import BufferedWriter
    from tap_kayzen.reading.keys import Record
    from tap_kayzen.reading.windows import Window
    from tap_kayzen.streams.failures import Failures
    from tap_kayzen.streams.lookahead import Lookahead

OWN_ADVERTISER = 0
"""Placeholder for the API key's own advertiser, whose ID is unknown."""


@dataclass(frozen=True)
class Services:
    """Objects shared by all streams of a tap."""

    client: KayzenClient
    writer: BufferedWriter
    display: Display
    closing: ClosingLine
    failures: Failures
    lookahead: Lookahead


class Slice(NamedTuple):
    """The unit that is read from the first page to the last.

    Attributes:
        context: The partition, such as ``{"advertiser_id": 7}``; None without any.
        window: The days of a report; None for a list.
    """

    context: Context | None
    window: Window | None = None

    @property
    def days(self) -> tuple[str, str]:
        """First and last day of the window, like 2026-01-31. Reports only."""
        window = cast("Window", self.window)
        return str(window.first), str(window.last)


def advertiser_of(context: Context | None) -> int:
    """Return the advertiser ID in a context; `OWN_ADVERTISER` without one."""
    return int((context or {}).get(ADVERTISER, OWN_ADVERTISER))


class RequestingStream(RecordStream, ABC):
    """Base class of streams that request slices page by page.

    Attributes:
        path: Path of the endpoint below ``/v1``, with placeholders for the context:
            ``/campaigns/{campaign_id}/detail``.
        http_method: HTTP method of the requests.
        with_token: Whether the requests need the bearer token.
        is_paged: Whether the endpoint has pages.
    """

    path: str
    http_method: ClassVar[str] = "GET"
    with_token: ClassVar[bool] = True
    is_paged: ClassVar[bool] = True

    def __init__(self, tap: Tap, services: Services, name: str | None = None) -> None:
        """Initialize the stream; the name defaults to that of the class."""
        super().__init__(tap, services.writer, name)
        self.client = services.client

    @property
    def hint(self) -> str:
        """Hint for the user if Kayzen rejects the requests of the stream."""
        return stream_messages.DESELECT(stream=self.name)

    def hint_for(self, slice_: Slice) -> str:  # noqa: ARG002
        """Return what the user can do if Kayzen rejects a request for a slice."""
        return self.hint

    @property
    def url_base(self) -> str:
        """Base URL for the paths."""
        return f"{self.config['api_url']}/v1"

    def query(self, slice_: Slice, page: int) -> dict[str, Any]:  # noqa: ARG002
        """Return the query parameters: the context, except for keys in the path."""
        return {
            name: value
            for name, value in (slice_.context or {}).items()
            if f"{{{name}}}" not in self.path
        }

    def body(self, slice_: Slice, page: int) -> Mapping[str, Any] | None:  # noqa: ARG002
        """Return the JSON body of a request; None for a request without one."""
        return None

    def parse(self, body: bytes, slice_: Slice) -> Page:  # noqa: ARG002
        """Parse the body of a response.

        Raises:
            EnvelopeError: The JSON has an unexpected structure.
            ValueError: The body is not JSON.
        """
        return parse_page(body)

    def label(self, slice_: Slice) -> str:
        """Return the name of a slice for messages."""
        return self.label_of(slice_.context)

    def label_of(self, context: Context | None) -> str:
        """Return the name of a partition, such as ``campaigns of advertiser 7``."""
        whose = ", ".join(
            f"{name.removesuffix('_id').replace('_', ' ')} {value}"
            for name, value in (context or {}).items()
        )
        return f"{self.name} of {whose}" if whose else self.name

    def fetch_page(self, slice_: Slice, number: int) -> Page:
        """Fetch one page, with retries. Thread-safe."""
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
        """Decode the rows of a page.

        Raises:
            ReadError: A row cannot be decoded.
        """
        try:
            return page.decode()
        except ValueError as error:
            cause = stream_messages.NOT_DECODABLE(reason=error)
            raise ReadError(cause, what=self.label(slice_)) from error
