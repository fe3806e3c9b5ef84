"""Audiences, from a separate host with a separate API key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_kayzen.messages import stream_messages
from tap_kayzen.streams.lists import ListStream

if TYPE_CHECKING:
    from tap_kayzen.streams.requesting import Slice


class AudiencesStream(ListStream):
    """Audiences of the account, app, or website that the API key belongs to."""

    name = "audiences"
    path = "/audiences"
    per_advertiser = False
    with_token = False
    hint = stream_messages.CHECK_AUDIENCE_KEY()

    @property
    def url_base(self) -> str:
        """Base URL of the audience host."""
        return str(self.config["audience_url"])

    def query(self, slice_: Slice, page: int) -> dict[str, Any]:  # noqa: ARG002
        """Return the query; the page size is fixed at 30 rows."""
        return {"apikey": self.config["audience_api_key"], "page": page}
