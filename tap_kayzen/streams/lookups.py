"""Lookup lists, which resolve the IDs in other streams."""

from __future__ import annotations

from tap_kayzen.streams.lists import ListStream


class LookupStream(ListStream):
    """Base class of lists that do not depend on the advertiser."""

    per_advertiser = False
    selected_by_default = False


class ExchangesStream(LookupStream):
    """Ad exchanges."""

    name = "exchanges"
    path = "/meta/exchanges"


class CountriesStream(LookupStream):
    """Countries, with Kayzen's own IDs."""

    name = "countries"
    path = "/meta/countries"


class StatesStream(LookupStream):
    """States and provinces."""

    name = "states"
    path = "/meta/states"


class CitiesStream(LookupStream):
    """Cities, several hundred thousand."""

    name = "cities"
    path = "/meta/cities"


class TimeZonesStream(LookupStream):
    """Time zones available for reports."""

    name = "time_zones"
    path = "/meta/time_zones"


class AppLookupsStream(LookupStream):
    """Apps available for targeting."""

    name = "app_lookups"
    path = "/meta/app_objects"
    keys_are_secret = True


class SiteLookupsStream(LookupStream):
    """Sites available for targeting."""

    name = "site_lookups"
    path = "/meta/site_objects"
    keys_are_secret = True
