"""Campaigns and what belongs to one."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tap_kayzen.client import KayzenStream

if TYPE_CHECKING:
    from tap_kayzen.pagination import Page
    from tap_kayzen.tap import TapKayzen

SHORT_RECORD = 5
"""Fields up to which a campaign counts as little more than its id and name."""


class CampaignsStream(KayzenStream):
    """All campaigns: the look-up list, or the full objects, as the settings say."""

    name = "campaigns"
    primary_keys: ClassVar[tuple[str, ...]] = ("id",)
    _told_of_endpoint = False

    def __init__(self, tap: TapKayzen) -> None:
        """Choose the list that `campaigns_endpoint` names."""
        super().__init__(tap)
        self.path = f"/{self.config['campaigns_endpoint']}"

    def on_page(self, page: Page) -> None:
        """Say once how to get full campaigns when the look-up list is short."""
        super().on_page(page)
        if (
            not self._told_of_endpoint
            and self.config["campaigns_endpoint"] == "meta/campaigns"
            and any(len(record) <= SHORT_RECORD for record in page.records)
        ):
            self._told_of_endpoint = True
            self.logger.warning(
                "The look-up list gives little more than id and name: set "
                "`campaigns_endpoint` to `campaigns` for the other columns"
            )
