"""Balances of advertisers."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, ClassVar

from tap_kayzen.api.errors import EnvelopeError
from tap_kayzen.reading.pages import Page, decode
from tap_kayzen.records.converter import ADVERTISER
from tap_kayzen.streams.lists import ListStream
from tap_kayzen.streams.requesting import advertiser_of

if TYPE_CHECKING:
    from tap_kayzen.streams.requesting import Slice


class BalanceStream(ListStream):
    """The current balance with its date; daily syncs build up a history."""

    name = "balance"
    path = "/balance"
    primary_keys: ClassVar[tuple[str, ...]] = (ADVERTISER, "date")
    is_paged = False
    keeps_history = True

    def parse(self, body: bytes, slice_: Slice) -> Page:
        """Parse ``{"advertiser": {"balance": "10000.50", "warning": "ok"}}``."""
        whole = decode(body)
        advertiser = whole.get("advertiser") if isinstance(whole, dict) else None
        if not isinstance(advertiser, dict) or "balance" not in advertiser:
            msg = "a balance"
            raise EnvelopeError(msg)
        row = {
            ADVERTISER: advertiser_of(slice_.context),
            "date": datetime.now(timezone.utc).date().isoformat(),
        }
        return Page([{**row, **advertiser}], 1, 1)
