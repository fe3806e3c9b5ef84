"""Campaigns."""

from __future__ import annotations

import sys
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_kayzen.reading.keys import ColumnKeys
from tap_kayzen.records.converter import ADVERTISER
from tap_kayzen.records.values import LossyError, to_integer
from tap_kayzen.streams.lists import ListStream

if TYPE_CHECKING:
    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context

    from tap_kayzen.reading.keys import Key, Keys
    from tap_kayzen.streams.base import KayzenStream, Services, Slice

SHORT_RECORD = 5
"""Fields up to which a campaign counts as little more than its id and name."""


@dataclass
class CampaignIds:
    """IDs of the campaigns of one context, in the order of the list.

    Attributes:
        ids: The IDs.
        is_complete: Whether none seems to be missing.
    """

    ids: array[int] = field(default_factory=lambda: array("q"))
    is_complete: bool = True


class CampaignsStream(ListStream):
    """All campaigns: the look-up list or the full objects, as the settings say.

    It also knows the IDs of the campaigns, for the streams that ask for something of
    each: the list is read once for all of them.

    Attributes:
        dependents: Those streams.
    """

    name = "campaigns"

    def __init__(self, tap: Tap, services: Services) -> None:
        """Choose the list that `campaigns_endpoint` names."""
        super().__init__(tap, services)
        self.path = f"/{self.config['campaigns_endpoint']}"
        self.dependents: list[KayzenStream] = []
        self._ids: dict[int | None, CampaignIds] = {}
        self._gathered: CampaignIds | None = None

    def prepare(self, rows: list[dict[str, Any]], slice_: Slice) -> None:  # noqa: ARG002
        """Warn once if there is little in the look-up list."""
        is_lookup = self.config["campaigns_endpoint"] == "meta/campaigns"
        if is_lookup and any(len(row) <= SHORT_RECORD for row in rows):
            self.warn_once(
                "The look-up list gives little more than id and name: set "
                "`campaigns_endpoint` to `campaigns` for the other columns"
            )

    def keys(self, slice_: Slice) -> Keys:
        """Return the keys of a slice; gathers them if other streams need them."""
        self._gathered = None
        if not any(each.selected for each in self.dependents):
            return super().keys(slice_)
        self._gathered = CampaignIds()
        return ColumnKeys(self._keys, self._sent, self._gather)

    def _gather(self, key: Key) -> None:
        if self._gathered is not None:
            try:
                self._gathered.ids.append(to_integer(key))
            except LossyError:
                # An edited catalog has another type for `id`.
                self._gathered = None

    def finish(self, context: Context | None, *, is_complete: bool) -> None:
        """Keep the IDs of a context whose campaigns are out."""
        super().finish(context, is_complete=is_complete)
        if self._gathered is not None:
            self._gathered.is_complete = is_complete
            self._ids[_advertiser(context)] = self._gathered

    def ids(self, context: Context | None, limit: int = sys.maxsize) -> CampaignIds:
        """Return the IDs of the campaigns of a context; reads the list if need be.

        Args:
            context: The advertiser, if the settings name any.
            limit: How many are enough.

        Raises:
            FatalAPIError: Kayzen refused, or could not be read after all retries.
        """
        advertiser = _advertiser(context)
        if advertiser not in self._ids:
            rows, is_complete = self.read_for_others(
                context, lambda row: {"id": to_integer(row.get("id"))}, limit
            )
            ids = array("q", (row["id"] for row in rows))
            self._ids[advertiser] = CampaignIds(ids, is_complete)
        return self._ids[advertiser]


def _advertiser(context: Context | None) -> int | None:
    return (context or {}).get(ADVERTISER)
