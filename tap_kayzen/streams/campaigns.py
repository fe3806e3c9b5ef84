"""Campaigns, from either of Kayzen's two lists."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, NamedTuple

from tap_kayzen.api.errors import ReadError
from tap_kayzen.messages import stream_messages
from tap_kayzen.records.values import LossyError, to_integer
from tap_kayzen.streams.lists import ListStream
from tap_kayzen.streams.requesting import advertiser_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context

    from tap_kayzen.reading.keys import Record
    from tap_kayzen.reading.pages import Page
    from tap_kayzen.streams.base import KayzenStream
    from tap_kayzen.streams.requesting import Services, Slice

ENDPOINTS = ("meta/campaigns", "campaigns")
"""Paths of the lookup list and of the list with full objects."""

MAX_LOOKUP_FIELDS = 5
"""Maximum number of fields of a campaign that counts as incomplete."""


class CampaignIds(NamedTuple):
    """Campaign IDs of one partition.

    Attributes:
        ids: The IDs, possibly with duplicates.
        is_complete: Whether the list was read completely.
    """

    ids: array[int]
    is_complete: bool


class CampaignsStream(ListStream):
    """Campaigns, from the list that `campaigns_endpoint` selects.

    The stream also provides campaign IDs to the streams that are requested campaign by
    campaign. The list is read once for all of them.

    Attributes:
        dependents: Streams that need the campaign IDs.
    """

    name = "campaigns"

    def __init__(self, tap: Tap, services: Services) -> None:
        """Initialize the stream with the path that `campaigns_endpoint` selects."""
        super().__init__(tap, services)
        self.path = f"/{self.config['campaigns_endpoint']}"
        self.dependents: list[KayzenStream] = []
        self._ids: dict[int, CampaignIds] = {}
        self._errors: dict[int, ReadError] = {}
        self._collected_ids: array[int] | None = None

    def prepare(self, rows: list[dict[str, Any]], slice_: Slice) -> None:  # noqa: ARG002
        """Log a warning if the lookup list has only a few fields."""
        is_lookup = self.config["campaigns_endpoint"] == ENDPOINTS[0]
        if is_lookup and any(len(row) <= MAX_LOOKUP_FIELDS for row in rows):
            self.warn_once(stream_messages.SHORT_LIST)

    def convert(self, page: Page, slice_: Slice) -> list[Record]:
        """Convert a page to records; collect their IDs if other streams need them."""
        records = super().convert(page, slice_)
        if self._collected_ids is not None:
            try:
                self._collected_ids.extend(
                    to_integer(record["id"]) for record in records
                )
            except LossyError:
                # An edited catalog can declare a different type for `id`.
                self._collected_ids = None
        return records

    def read(self, contexts: list[Context | None]) -> Iterator[Record]:
        """Yield the campaigns of each partition."""
        is_needed = any(each.selected for each in self.dependents)
        self._collected_ids = array("q") if is_needed else None
        yield from super().read(contexts)

    def finish(self, context: Context | None, *, is_complete: bool) -> None:
        """Finish a partition, and store its campaign IDs."""
        super().finish(context, is_complete=is_complete)
        if self._collected_ids is not None:
            advertiser = advertiser_of(context)
            self._ids[advertiser] = CampaignIds(self._collected_ids, is_complete)
            self._collected_ids = array("q")

    def give_up(self, contexts: list[Context | None], error: Exception) -> None:
        """Mark partitions as incomplete after a failure.

        After a failure other than a ReadError, such as one in a stream map, the IDs
        can still be read.
        """
        is_needed = self._collected_ids is not None
        self._collected_ids = None
        super().give_up(contexts, error)
        self._collected_ids = array("q") if is_needed else None
        if isinstance(error, ReadError):
            for context in contexts:
                self._errors.setdefault(advertiser_of(context), error)

    def ids(self, context: Context | None, limit: int) -> CampaignIds:
        """Return the campaign IDs of a partition; read the list if necessary.

        Args:
            context: The partition.
            limit: Maximum number of IDs, if the list has not been read yet.

        Raises:
            ReadError: The list cannot be read.
        """
        advertiser = advertiser_of(context)
        if advertiser in self._errors:
            raise self._errors[advertiser]
        if advertiser not in self._ids:
            rows, is_complete = self.read_values(
                context, lambda row: {"id": to_integer(row.get("id"))}, limit
            )
            ids = array("q", (row["id"] for row in rows))
            self._ids[advertiser] = CampaignIds(ids, is_complete)
        return self._ids[advertiser]
