"""Streams that are requested campaign by campaign."""

from __future__ import annotations

import sys
from array import array
from contextlib import closing
from http import HTTPStatus
from itertools import chain
from typing import TYPE_CHECKING, ClassVar

from tap_kayzen.api.errors import EnvelopeError, ReadError, RefusedError
from tap_kayzen.messages import stream_messages
from tap_kayzen.reading.keys import ColumnKeys, KeySet
from tap_kayzen.reading.pages import Page, decode, parse_page
from tap_kayzen.streams.lists import ListStream
from tap_kayzen.streams.requesting import Slice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context

    from tap_kayzen.output.progress import Progress
    from tap_kayzen.reading.keys import Record
    from tap_kayzen.reading.passes import Reader
    from tap_kayzen.streams.campaigns import CampaignIds, CampaignsStream
    from tap_kayzen.streams.requesting import Services

CAMPAIGN = "campaign_id"

MAX_MISSING = 100
"""Number of campaigns with HTTP 404 after which the URL is considered wrong.

Counts only while no campaign has been found.
"""

MAX_FAILED = 3
"""Number of failed campaigns in a row after which the advertiser is skipped."""

FATAL_STATUSES = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
"""HTTP statuses that will recur for all campaigns."""

MIN_PAGE_ROWS = 25
"""Smallest known page size; a response with fewer rows is the last page."""


class CampaignPartStream(ListStream):
    """Base class of streams that are requested campaign by campaign, in parallel.

    These are not child streams of the SDK. The SDK reads parents sequentially, and
    sends the SCHEMA again for each (https://github.com/meltano/sdk/issues/1025).
    """

    selected_by_default = False

    def __init__(
        self, tap: Tap, services: Services, campaigns: CampaignsStream
    ) -> None:
        """Initialize the stream, which reads its IDs from `campaigns`."""
        super().__init__(tap, services)
        self._campaigns = campaigns
        campaigns.dependents.append(self)
        # For all advertisers of a sync.
        self._missing: list[RefusedError] = []
        self._any_found = False
        self._are_complete = True

    @property
    def reading_order(self) -> tuple[str, str]:
        """Sort key of the stream within a sync: right after the campaigns."""
        return self._campaigns.name, self.name

    def read(self, contexts: list[Context | None]) -> Iterator[Record]:
        """Yield the records of all campaigns."""
        self._missing, self._any_found, self._is_complete = [], False, True
        campaigns: dict[int, CampaignIds] = {}
        for place, context in enumerate(contexts):
            with self.isolated(context):
                campaigns[place] = self._campaign_ids(context)
        requested = KeySet()
        new = {
            place: array("q", filter(requested.add, each.ids))
            for place, each in campaigns.items()
        }

        def slices(place: int) -> Iterator[Slice]:
            context = contexts[place] or {}
            return (Slice({**context, CAMPAIGN: each}) for each in new[place])

        progress = self.display.stream(self.name, "campaigns")
        progress.expect(len(requested))
        reader = self.reader(chain.from_iterable(map(slices, campaigns)))
        with closing(reader):
            for place, listed in campaigns.items():
                self._are_complete = listed.is_complete
                own = slices(place)
                with self.isolated(contexts[place]):
                    parts = self._read_campaigns(reader, own, progress)
                    yield from self._changed_records(parts, contexts[place])
                    self.finish(contexts[place], is_complete=self._are_complete)
                left = list(own)
                reader.skip(left)
                progress.advance(len(left))
        if not self.has_failed:
            self._check(len(requested) or MAX_MISSING)

    def upcoming_slices(self) -> list[Slice]:
        """Return an empty list, because the campaigns are not known in advance."""
        return []

    def _campaign_ids(self, context: Context | None) -> CampaignIds:
        limit = MAX_MISSING if self.is_sampling else sys.maxsize
        try:
            return self._campaigns.ids(context, limit)
        except ReadError as error:
            what = stream_messages.NEEDS_CAMPAIGNS(stream=self.name)
            raise error.within(what, {self._campaigns.hint: self.hint}) from None

    def _read_campaigns(
        self, reader: Reader[Slice], slices: Iterator[Slice], progress: Progress
    ) -> Iterator[Record]:
        """Yield the records of campaigns, skipping single campaigns that fail.

        Raises:
            ReadError: All other campaigns of the advertiser will probably fail, too.
        """
        failed = 0
        for slice_ in slices:
            try:
                yield from reader.read(slice_)
                self._are_complete &= reader.last_pass.is_complete
                failed = 0
            except ReadError as error:
                failed += 1
                if error.status in FATAL_STATUSES or failed == MAX_FAILED:
                    raise
                self.failures.add(error, self.name, self.label(slice_))
                self.has_failed, self._are_complete = True, False
            progress.advance(1)

    def keys(self, slice_: Slice) -> ColumnKeys:  # noqa: ARG002
        """Return a new `Keys` object; keys are unique per campaign only."""
        return ColumnKeys(self._keys, KeySet())

    def fetch_page(self, slice_: Slice, number: int) -> Page:
        """Fetch one page; return an empty one if the campaign has been deleted."""
        try:
            page = super().fetch_page(slice_, number)
        except RefusedError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            if not self._any_found:
                self._missing.append(error)
                self._check(MAX_MISSING)
            campaign = (slice_.context or {}).get(CAMPAIGN)
            self.logger.warning(stream_messages.CAMPAIGN_DELETED(id=campaign))
            return Page([], 1, 0)
        self._any_found = True
        return page

    def _check(self, limit: int) -> None:
        """Check that HTTP 404 means deleted campaigns rather than a wrong URL.

        Args:
            limit: Maximum number of missing campaigns if none is found.

        Raises:
            RefusedError: This number of campaigns is missing, and none was found.
        """
        if not self._any_found and len(self._missing) >= limit:
            raise self._missing[0]


class CampaignDetailsStream(CampaignPartStream):
    """Details of campaigns, such as targeting and bids."""

    name = "campaign_details"
    path = "/campaigns/{campaign_id}/detail"
    primary_keys: ClassVar[tuple[str, ...]] = (CAMPAIGN,)
    is_paged = False

    def parse(self, body: bytes, slice_: Slice) -> Page:  # noqa: ARG002
        """Parse an object, bare or in ``data``; its fields are undocumented."""
        whole = decode(body)
        if isinstance(whole, dict) and isinstance(whole.get("data"), dict):
            whole = whole["data"]
        if not isinstance(whole, dict) or not whole:
            msg = "an object"
            raise EnvelopeError(msg)
        return Page([whole], 1, 1)


class CampaignBidMultipliersStream(CampaignPartStream):
    """Bid multipliers of campaigns, one per row."""

    name = "campaign_bid_multipliers"
    path = "/campaigns/{campaign_id}/bid_multipliers"
    primary_keys: ClassVar[tuple[str, ...]] = (CAMPAIGN, "type", "key_name")
    is_paged = False

    def parse(self, body: bytes, slice_: Slice) -> Page:  # noqa: ARG002
        """Parse the object with the list, and add its other fields to each row.

        The format is inferred from the endpoint that sets the multipliers. A list, bare
        or in ``data``, is also accepted.
        """
        whole = decode(body)
        if isinstance(whole, dict) and "data" in whole:
            whole = whole["data"]
        if not isinstance(whole, dict):
            whole = {"bid_multipliers": whole}
        rows = whole.pop("bid_multipliers", None)
        if rows is None and "bid_multipliers_enabled" in whole:
            rows = []
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            msg = "a list of bid multipliers"
            raise EnvelopeError(msg)
        return Page([{**whole, **row} for row in rows], 1, len(rows))


class CampaignChangelogsStream(CampaignPartStream):
    """Change logs of campaigns: who changed what, and when."""

    name = "campaign_changelogs"
    path = "/campaigns/{campaign_id}/changelogs"
    replication_key = "loggable_updated_at"

    def parse(self, body: bytes, slice_: Slice) -> Page:  # noqa: ARG002
        """Parse a list; without ``meta``, a short one counts as complete."""
        page = parse_page(body)
        rows = len(page.rows)
        if (
            page.total_pages is None
            and rows < MIN_PAGE_ROWS
            and page.total_entries in {None, rows}
        ):
            return Page(page.rows, 1, rows)
        return page
