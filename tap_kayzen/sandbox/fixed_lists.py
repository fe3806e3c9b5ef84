"""Lookup lists, the same for all advertisers and seeds.

IDs are from Kayzen's documentation where it has examples, otherwise made up. Most of
these lists are documented only by path, so their records have just an ID and a name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_kayzen.sandbox.basics import Record

COUNTRIES = (
    (11, "AF", "Afghanistan"),
    (59, "CO", "Colombia"),
    (93, "DE", "Germany"),
    (901, "BR", "Brazil"),
    (902, "GB", "United Kingdom"),
    (903, "IN", "India"),
    (904, "JP", "Japan"),
    (905, "KR", "South Korea"),
    (906, "TR", "Turkey"),
    (907, "US", "United States"),
)
STATES = (
    (11, "AF-HEL", "Helmand"),
    (3535, "DE-SH", "Schleswig-Holstein"),
    (9001, "BR-RJ", "Rio de Janeiro"),
    (9002, "BR-SP", "São Paulo"),
    (9003, "CO-ANT", "Antioquia"),
    (9004, "CO-VAC", "Valle del Cauca"),
    (9005, "DE-BY", "Bavaria"),
    (9006, "GB-ENG", "England"),
    (9007, "GB-SCT", "Scotland"),
    (9008, "IN-KA", "Karnataka"),
    (9009, "IN-MH", "Maharashtra"),
    (9010, "JP-13", "Tokyo"),
    (9011, "JP-27", "Osaka"),
    (9012, "KR-26", "Busan"),
    (9013, "TR-34", "Istanbul"),
    (9014, "US-CA", "California"),
    (9015, "US-NY", "New York"),
    (9016, "US-TX", "Texas"),
)
FIRST_CITY_ID = 300_001
CITIES_PER_STATE = 8
TIME_ZONES = (
    (1, "UTC"),
    (2, "America/New_York"),
    (3, "Asia/Kolkata"),
    (4, "Asia/Tokyo"),
    (5, "Europe/Berlin"),
    (6, "Europe/Istanbul"),
)
EXCHANGES = (10035, 10064, *range(10101, 10111))
APPS = range(700_001, 700_061)
SITES = range(800_001, 800_041)

OWN_KEY = "own-key"
"""Prefix of the keys of apps and websites, which the tap must never output.

Kayzen's apps have a key (docs/kayzen-api.md#apps-websites-and-tags); the field names
are made up.
"""

STATES_CREATED_AT = "2016-06-23T11:16:36.000Z"


def countries() -> list[Record]:
    """Return the countries; `alpha_2` is assumed from a field of the states."""
    return [
        {"id": record_id, "name": name, "alpha_2": code}
        for record_id, code, name in COUNTRIES
    ]


def states() -> list[Record]:
    """Return the states, with all documented fields."""
    country_ids = {code: record_id for record_id, code, _ in COUNTRIES}
    return [
        {
            "id": record_id,
            "country_id": country_ids[code[:2]],
            "country_alpha_2": code[:2],
            "name": name,
            "iso_3166_2": code,
            "created_at": STATES_CREATED_AT,
            "updated_at": STATES_CREATED_AT,
        }
        for record_id, code, name in STATES
    ]


def cities() -> list[Record]:
    """Return the cities, with all documented fields.

    Berlin is in Schleswig-Holstein, as in Kayzen's documentation.
    """
    all_states = {state["name"]: state for state in states()}
    places = [(100_104, "Berlin", all_states["Schleswig-Holstein"])]
    record_id = FIRST_CITY_ID
    for state in all_states.values():
        for index in range(1, CITIES_PER_STATE + 1):
            places.append((record_id, f"{state['name']} City {index}", state))
            record_id += 1
    country_names = {record_id: name for record_id, _, name in COUNTRIES}
    return [
        {
            "id": record_id,
            "name": name,
            "state_id": state["id"],
            "state_name": state["name"],
            "country_id": state["country_id"],
            "country_name": country_names[state["country_id"]],
            "group": False,
        }
        for record_id, name, state in places
    ]


def time_zones() -> list[Record]:
    """Return the time zones."""
    return [{"id": record_id, "name": name} for record_id, name in TIME_ZONES]


def exchanges() -> list[Record]:
    """Return the ad exchanges."""
    return [
        {"id": record_id, "name": f"Exchange {record_id}"} for record_id in EXCHANGES
    ]


def apps() -> list[Record]:
    """Return the apps; some have their own key."""
    return [
        {
            "id": record_id,
            "name": f"App {record_id}",
            # 700,050 is on page 2 of the default size.
            **({"apiKey": f"{OWN_KEY}-{record_id}"} if record_id % 50 == 0 else {}),
        }
        for record_id in APPS
    ]


def sites() -> list[Record]:
    """Return the websites; each has its own key."""
    return [
        {
            "id": record_id,
            "name": f"site{record_id}.example.com",
            "key": f"{OWN_KEY}-{record_id}",
        }
        for record_id in SITES
    ]


LOOKUPS: dict[str, Callable[[], list[Record]]] = {
    "app_objects": apps,
    "cities": cities,
    "countries": countries,
    "exchanges": exchanges,
    "site_objects": sites,
    "states": states,
    "time_zones": time_zones,
}
"""All lookup lists, by the last part of their paths."""
