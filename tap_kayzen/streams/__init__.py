"""The streams, one module a family."""

from __future__ import annotations

from tap_kayzen.streams.audiences import AudiencesStream
from tap_kayzen.streams.balance import BalanceStream
from tap_kayzen.streams.campaign_parts import (
    CampaignBidMultipliersStream,
    CampaignChangelogsStream,
    CampaignDetailsStream,
)
from tap_kayzen.streams.campaigns import CampaignsStream
from tap_kayzen.streams.custom_reports import CustomReportStream, ReportResultsStream
from tap_kayzen.streams.entities import (
    AppListsStream,
    AppObjectsStream,
    AssetFilesStream,
    CreativesStream,
    OrdersStream,
    ReportsStream,
    TagsStream,
    TrackerAssetsStream,
    WebsiteObjectsStream,
)
from tap_kayzen.streams.lookups import (
    AppLookupsStream,
    CitiesStream,
    CountriesStream,
    ExchangesStream,
    SiteLookupsStream,
    StatesStream,
    TimeZonesStream,
)

ALL = (
    AppListsStream,
    AppLookupsStream,
    AppObjectsStream,
    AssetFilesStream,
    BalanceStream,
    CampaignBidMultipliersStream,
    CampaignChangelogsStream,
    CampaignDetailsStream,
    CampaignsStream,
    CitiesStream,
    CountriesStream,
    CreativesStream,
    ExchangesStream,
    OrdersStream,
    ReportResultsStream,
    ReportsStream,
    SiteLookupsStream,
    StatesStream,
    TagsStream,
    TimeZonesStream,
    TrackerAssetsStream,
    WebsiteObjectsStream,
)
"""Every stream that needs no more than the login."""

WITH_AUDIENCE_KEY = (AudiencesStream,)
"""Those that need `audience_api_key`."""

NAMES = frozenset(stream.name for stream in (*ALL, *WITH_AUDIENCE_KEY))
"""Names that a report of the settings must not have."""

__all__ = ["ALL", "NAMES", "WITH_AUDIENCE_KEY", "CustomReportStream"]
