"""What Kayzen tells of one campaign at a time."""

from __future__ import annotations

from array import array
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, cast

from tap_kayzen.api.transport import EnvelopeError, RefusedError
from tap_kayzen.reading.keys import KeySet
from tap_kayzen.reading.pages import Page, decode, parse_page
from tap_kayzen.streams.campaigns import CampaignsStream
from tap_kayzen.streams.lists import ListStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context

    from tap_kayzen.reading.pages import UnreadPage
    from tap_kayzen.reading.passes import ListReader
    from tap_kayzen.tap import TapKayzen

CAMPAIGN = "campaign_id"

HOPELESS = 100
"""Campaigns in a row, from the first, after which a 404 is about the address."""

SHORT = 25
"""Rows below which an answer is no full page; the shortest page that is known."""


class CampaignPartStream(ListStream):
    """Something that is asked for campaign by campaign, many at a time.

    A stream of its own and no child in the SDK's sense: that reads parents one after
    the other, and sends the SCHEMA again for each (meltano/sdk issue 1025).
    """

    selected_by_default = False

    def __init__(self, tap: TapKayzen) -> None:
        """Prepare the stream; nothing is asked of Kayzen yet."""
        super().__init__(tap)
        # Of all advertisers of a run; the first refusals are enough.
        self._gone: list[RefusedError] = []
        self._found = False
        self._asked = KeySet()

    def read(
        self, reader: ListReader, context: Context | None
    ) -> Iterator[dict[str, Any]]:
        """Read which campaigns there are, then this of each.

        Raises:
            RefusedError: Kayzen knows it of no campaign.
        """
        campaigns = cast("CampaignsStream", self._tap.streams[CampaignsStream.name])
        limit = None if self.ABORT_AT_RECORD_COUNT is None else HOPELESS
        try:
            numbers, incomplete = campaigns.numbers(context, limit)
        except RefusedError as error:
            words = str(error).replace(campaigns.hint, self.hint)
            msg = f"{self.name}, which needs the campaigns: {words}"
            raise RefusedError(msg, error.status) from error
        reader.incomplete += incomplete
        partitions = self.partitions or []
        if context is None or context == partitions[0]:
            self._gone, self._found, self._asked = [], False, KeySet()
        new = array("q", filter(self._asked.add, numbers))
        contexts = ({**(context or {}), CAMPAIGN: number} for number in new)
        yield from reader.read_all(contexts, len(new))
        if context is None or context == partitions[-1]:
            self._check(len(self._asked) or HOPELESS)

    def fetch_page(self, context: Context | None, number: int) -> UnreadPage:
        """Get one page; that of a campaign that is gone meanwhile is empty."""
        try:
            unread = super().fetch_page(context, number)
        except RefusedError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            if not self._found:
                self._gone.append(error)
                self._check(HOPELESS)
            self.logger.warning(
                "Campaign %s is left out: HTTP 404, deleted meanwhile?",
                (context or {}).get(CAMPAIGN),
            )
            return lambda: Page([], 1, 0)
        self._found = True
        return unread

    def _check(self, hopeless: int) -> None:
        """Tell campaigns that are gone from an address that is wrong.

        Raises:
            RefusedError: So many were asked for, and none was there.
        """
        if not self._found and len(self._gone) >= hopeless:
            raise self._gone[0]


class CampaignDetailsStream(CampaignPartStream):
    """Targeting, bids and what else belongs to a campaign."""

    name = "campaign_details"
    path = "/campaigns/{campaign_id}/detail"
    primary_keys: ClassVar[tuple[str, ...]] = (CAMPAIGN,)
    is_paged = False

    def parse(self, body: bytes, context: Context | None) -> Page:  # noqa: ARG002
        """Read the object, of which nothing is known but that it is one."""
        return Page([decode_object(body)], 1, 1)


class CampaignBidMultipliersStream(CampaignPartStream):
    """Bid multipliers, a row each."""

    name = "campaign_bid_multipliers"
    path = "/campaigns/{campaign_id}/bid_multipliers"
    primary_keys: ClassVar[tuple[str, ...]] = (CAMPAIGN, "type", "key_name")
    is_paged = False

    def parse(self, body: bytes, context: Context | None) -> Page:  # noqa: ARG002
        """Read the object that holds the list, and put its other fields in each row.

        The shape is inferred from the call that writes: a list, bare or in ``data``,
        is taken too.

        Raises:
            EnvelopeError: There is no list in it.
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
            msg = "not a list of bid multipliers"
            raise EnvelopeError(msg)
        return Page([{**whole, **row} for row in rows], 1, len(rows))


class CampaignChangelogsStream(CampaignPartStream):
    """Who changed what of a campaign, and when."""

    name = "campaign_changelogs"
    path = "/campaigns/{campaign_id}/changelogs"
    replication_key = "loggable_updated_at"

    def parse(self, body: bytes, context: Context | None) -> Page:  # noqa: ARG002
        """Read the list; without `meta`, a short one is whole."""
        page = parse_page(body)
        rows = len(page.records)
        if (
            page.total_pages is None
            and rows < SHORT
            and page.total_entries in {None, rows}
        ):
            return Page(page.records, 1, rows)
        return page


def decode_object(body: bytes) -> dict[str, Any]:
    """Read a single object, bare or in ``data``.

    Raises:
        EnvelopeError: The JSON is none.
        ValueError: The body is not JSON.
    """
    whole = decode(body)
    if isinstance(whole, dict) and isinstance(whole.get("data"), dict):
        whole = whole["data"]
    if not isinstance(whole, dict) or not whole:
        msg = "not an object"
        raise EnvelopeError(msg)
    return whole
