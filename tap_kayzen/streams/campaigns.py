"""Campaigns."""

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
"""Paths of the two lists: the look-up list and the full objects."""

SHORT_RECORD = 5
"""Fields up to which a campaign counts as little more than its id and name."""


class CampaignIds(NamedTuple):
    """IDs of the campaigns of one context, as listed: one may come twice."""

    ids: array[int]
    is_complete: bool


class CampaignsStream(ListStream):
    """All campaigns: the look-up list or the full objects, as the settings say.

    It also knows the IDs of the campaigns, for the streams that ask for something of
    each, its `dependents`: the list is read once for all of them.
    """

    name = "campaigns"

    def __init__(self, tap: Tap, services: Services) -> None:
        """Choose the list that `campaigns_endpoint` names."""
        super().__init__(tap, services)
        self.path = f"/{self.config['campaigns_endpoint']}"
        self.dependents: list[KayzenStream] = []
        self._ids: dict[int, CampaignIds] = {}
        self._errors: dict[int, ReadError] = {}
        self._gathered: array[int] | None = None

    def prepare(self, rows: list[dict[str, Any]], slice_: Slice) -> None:  # noqa: ARG002
        """Warn once if there is little in the look-up list."""
        is_lookup = self.config["campaigns_endpoint"] == ENDPOINTS[0]
        if is_lookup and any(len(row) <= SHORT_RECORD for row in rows):
            self.warn_once(stream_messages.SHORT_LIST)

    def convert(self, page: Page, slice_: Slice) -> list[Record]:
        """Turn a page into records; keep their IDs if other streams need them."""
        records = super().convert(page, slice_)
        if self._gathered is not None:
            try:
                self._gathered.extend(to_integer(record["id"]) for record in records)
            except LossyError:
                # An edited catalog has another type for `id`.
                self._gathered = None
        return records

    def read(self, contexts: list[Context | None]) -> Iterator[Record]:
        """Read the campaigns of each context."""
        is_needed = any(each.selected for each in self.dependents)
        self._gathered = array("q") if is_needed else None
        yield from super().read(contexts)

    def finish(self, context: Context | None, *, is_complete: bool) -> None:
        """Keep the IDs of a context whose campaigns are out."""
        super().finish(context, is_complete=is_complete)
        if self._gathered is not None:
            advertiser = advertiser_of(context)
            self._ids[advertiser] = CampaignIds(self._gathered, is_complete)
            self._gathered = array("q")

    def give_up(self, contexts: list[Context | None], error: Exception) -> None:
        """Mark the lists of some contexts as incomplete after a failure.

        After a failure that is not about reading, such as one of a stream map, their
        IDs can still be read.
        """
        is_needed = self._gathered is not None
        self._gathered = None
        super().give_up(contexts, error)
        self._gathered = array("q") if is_needed else None
        if isinstance(error, ReadError):
            for context in contexts:
                self._errors.setdefault(advertiser_of(context), error)

    def ids(self, context: Context | None, limit: int) -> CampaignIds:
        """Return the IDs of a context, or `limit` of them; read the list if need be.

        Raises:
            ReadError: The list could not be read, now or earlier by `read`.
        """
        advertiser = advertiser_of(context)
        if advertiser in self._errors:
            raise self._errors[advertiser]
        if advertiser not in self._ids:
            rows, is_complete = self.read_for_others(
                context, lambda row: {"id": to_integer(row.get("id"))}, limit
            )
            ids = array("q", (row["id"] for row in rows))
            self._ids[advertiser] = CampaignIds(ids, is_complete)
        return self._ids[advertiser]
