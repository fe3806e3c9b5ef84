"""Look-up lists: what the IDs in other streams stand for."""

from __future__ import annotations

from tap_kayzen.streams.lists import ListStream


class LookupStream(ListStream):
    """A list that does not depend on the advertiser."""

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
    """Cities: hundreds of thousands."""

    name = "cities"
    path = "/meta/cities"


class TimeZonesStream(LookupStream):
    """Time zones of reports."""

    name = "time_zones"
    path = "/meta/time_zones"


class AppLookupsStream(LookupStream):
    """Apps that targeting can name."""

    name = "app_lookups"
    path = "/meta/app_objects"
    keys_are_secret = True


class SiteLookupsStream(LookupStream):
    """Sites that targeting can name."""

    name = "site_lookups"
    path = "/meta/site_objects"
    keys_are_secret = True
