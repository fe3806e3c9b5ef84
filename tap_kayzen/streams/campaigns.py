"""Campaigns and what belongs to one."""

from __future__ import annotations

from array import array
from itertools import islice
from typing import TYPE_CHECKING

from tap_kayzen.records.values import to_integer
from tap_kayzen.streams.lists import ListStream

if TYPE_CHECKING:
    from singer_sdk.helpers.types import Context

    from tap_kayzen.reading.pages import Page
    from tap_kayzen.tap import TapKayzen

SHORT_RECORD = 5
"""Fields up to which a campaign counts as little more than its id and name."""


class CampaignsStream(ListStream):
    """All campaigns: the look-up list, or the full objects, as the settings say."""

    name = "campaigns"
    _told_of_endpoint = False

    def __init__(self, tap: TapKayzen) -> None:
        """Choose the list that `campaigns_endpoint` names."""
        super().__init__(tap)
        self.path = f"/{self.config['campaigns_endpoint']}"

    def parse(self, body: bytes, context: Context | None) -> Page:
        """Read a page; say once how to get more when the look-up list is short."""
        page = super().parse(body, context)
        if (
            not self._told_of_endpoint
            and self.selected
            and self.config["campaigns_endpoint"] == "meta/campaigns"
            and any(len(record) <= SHORT_RECORD for record in page.records)
        ):
            self._told_of_endpoint = True
            self.logger.warning(
                "The look-up list gives little more than id and name: set "
                "`campaigns_endpoint` to `campaigns` for the other columns"
            )
        return page

    def numbers(
        self, context: Context | None, limit: int | None = None
    ) -> tuple[array[int], list[str]]:
        """Read which campaigns there are, for streams that ask of each.

        Args:
            context: The advertiser, if the settings name any.
            limit: How many are enough, None for all.

        Returns:
            The campaigns' numbers, and what could not be read whole, in words.
        """
        reader = self.reader_for_others(lambda row: {"id": to_integer(row.get("id"))})
        records = islice(reader.read(context), limit)
        numbers = array("q", (record["id"] for record in records))
        return numbers, reader.incomplete
