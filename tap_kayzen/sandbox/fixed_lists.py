"""The look-up lists: the same for all advertisers and all seeds.

Numbers that Kayzen's documentation shows are Kayzen's; all others are made up. Of most
of these lists only the address is known, so their records are just a number and a name.
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
FIRST_CITY = 300_001
CITIES_A_STATE = 8
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
"""Prefix of all keys of apps and websites, which must never leave the tap.

It is documented that apps have a key (docs/kayzen-api.md#apps-websites-and-tags). Field
names are made up.
"""

STATES_MADE = "2016-06-23T11:16:36.000Z"


def countries() -> list[Record]:
    """Make the countries; `alpha_2` is a guess after the states' field."""
    return [
        {"id": number, "name": name, "alpha_2": code}
        for number, code, name in COUNTRIES
    ]


def states() -> list[Record]:
    """Make the states, with all documented fields."""
    numbers = {code: number for number, code, _ in COUNTRIES}
    return [
        {
            "id": number,
            "country_id": numbers[code[:2]],
            "country_alpha_2": code[:2],
            "name": name,
            "iso_3166_2": code,
            "created_at": STATES_MADE,
            "updated_at": STATES_MADE,
        }
        for number, code, name in STATES
    ]


def cities() -> list[Record]:
    """Make the cities, with all documented fields.

    Berlin lies in Schleswig-Holstein, as it does in the documentation.
    """
    all_states = {state["name"]: state for state in states()}
    places = [(100_104, "Berlin", all_states["Schleswig-Holstein"])]
    number = FIRST_CITY
    for state in all_states.values():
        for index in range(1, CITIES_A_STATE + 1):
            places.append((number, f"{state['name']} City {index}", state))
            number += 1
    country_names = {number: name for number, _, name in COUNTRIES}
    return [
        {
            "id": number,
            "name": name,
            "state_id": state["id"],
            "state_name": state["name"],
            "country_id": state["country_id"],
            "country_name": country_names[state["country_id"]],
            "group": False,
        }
        for number, name, state in places
    ]


def time_zones() -> list[Record]:
    """Make the time zones."""
    return [{"id": number, "name": name} for number, name in TIME_ZONES]


def exchanges() -> list[Record]:
    """Make the ad exchanges."""
    return [{"id": number, "name": f"Exchange {number}"} for number in EXCHANGES]


def apps() -> list[Record]:
    """Make the apps of the look-up list, some of them with their own key."""
    return [
        {
            "id": number,
            "name": f"App {number}",
            # Once on a page that is not the first.
            **({"apiKey": f"{OWN_KEY}-{number}"} if number % 50 == 0 else {}),
        }
        for number in APPS
    ]


def sites() -> list[Record]:
    """Make the websites of the look-up list, each with its own key."""
    return [
        {
            "id": number,
            "name": f"site{number}.example.com",
            "key": f"{OWN_KEY}-{number}",
        }
        for number in SITES
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
"""All look-up lists, by the last part of their paths."""
