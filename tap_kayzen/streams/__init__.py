"""The streams, with one module per family."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_kayzen.reports.definition import Report
from tap_kayzen.streams import campaign_parts, entities, lookups
from tap_kayzen.streams.audiences import AudiencesStream
from tap_kayzen.streams.balance import BalanceStream
from tap_kayzen.streams.campaigns import CampaignsStream
from tap_kayzen.streams.choice import chosen
from tap_kayzen.streams.custom_reports import CustomReportStream
from tap_kayzen.streams.saved_reports import ReportResultsStream, SavedReportsStream

if TYPE_CHECKING:
    from singer_sdk import Tap

    from tap_kayzen.streams.base import KayzenStream
    from tap_kayzen.streams.requesting import Services

LISTS = (
    BalanceStream,
    entities.AppListsStream,
    entities.AppObjectsStream,
    entities.AssetFilesStream,
    entities.CreativesStream,
    entities.OrdersStream,
    entities.TagsStream,
    entities.TrackerAssetsStream,
    entities.WebsiteObjectsStream,
    lookups.AppLookupsStream,
    lookups.CitiesStream,
    lookups.CountriesStream,
    lookups.ExchangesStream,
    lookups.SiteLookupsStream,
    lookups.StatesStream,
    lookups.TimeZonesStream,
)
"""Streams that need only the login."""

CAMPAIGN_PARTS = (
    campaign_parts.CampaignBidMultipliersStream,
    campaign_parts.CampaignChangelogsStream,
    campaign_parts.CampaignDetailsStream,
)
"""Streams that are requested campaign by campaign."""

NAMES = frozenset(
    stream.name
    for stream in (
        *LISTS,
        *CAMPAIGN_PARTS,
        AudiencesStream,
        CampaignsStream,
        ReportResultsStream,
        SavedReportsStream,
    )
)
"""Names that configured reports must not have."""


def all_streams(tap: Tap, services: Services) -> list[KayzenStream]:
    """Create the streams of a tap, including those that the settings add.

    The setting `streams` determines which of them are selected by default.
    """
    streams = _create(tap, services)
    patterns = tap.config.get("streams")
    # Discovery does not validate settings, so the value may be of any type.
    if isinstance(patterns, list) and all(isinstance(each, str) for each in patterns):
        names = [each.name for each in streams]
        default = [each.name for each in streams if each.selected_by_default]
        selected = chosen(patterns, names, default)
        for each in streams:
            each.selected_by_default = each.name in selected
    return streams


def _create(tap: Tap, services: Services) -> list[KayzenStream]:
    campaigns = CampaignsStream(tap, services)
    reports = SavedReportsStream(tap, services)
    return [
        campaigns,
        reports,
        *(stream(tap, services) for stream in LISTS),
        *(stream(tap, services, campaigns) for stream in CAMPAIGN_PARTS),
        ReportResultsStream(tap, services, reports),
        *(
            [AudiencesStream(tap, services)]
            if tap.config.get("audience_api_key")
            else []
        ),
        *(
            CustomReportStream(tap, services, Report.from_config(entry))
            for entry in tap.config["reports"]
        ),
    ]
