"""One line an error: what was read, what happened, what to do, Kayzen's response."""

from __future__ import annotations

from typing import Any

import pytest
from singer_sdk.exceptions import FatalAPIError

from tap_kayzen.api.errors import CutShortError, RefusedError, UnavailableError


def refused() -> RefusedError:
    return RefusedError(
        "HTTP 403: Kayzen denied access",
        403,
        what="orders, page 3",
        hint="deselect the stream",
        words='{"error": "no"}',
    )


def test_an_error_has_its_parts_in_one_line() -> None:
    assert str(refused()) == (
        "orders, page 3: HTTP 403: Kayzen denied access; deselect the stream. "
        'Kayzen\'s response: {"error": "no"}'
    )


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ({}, "it broke"),
        ({"what": "orders"}, "orders: it broke"),
        ({"hint": "mend it"}, "it broke; mend it"),
        ({"words": "oh"}, "it broke. Kayzen's response: oh"),
    ],
)
def test_missing_parts_leave_no_trace(parts: dict[str, Any], text: str) -> None:
    assert str(UnavailableError("it broke", **parts)) == text


def test_an_error_within_a_larger_read_has_its_hint() -> None:
    what = "campaign_details needs the list of campaigns"
    error = refused().within(what, {"deselect the stream": "do this"})
    assert str(error) == (
        "campaign_details needs the list of campaigns: orders, page 3: HTTP 403: "
        'Kayzen denied access; do this. Kayzen\'s response: {"error": "no"}'
    )
    assert error.status == 403
    assert type(error) is RefusedError
    short = CutShortError("too few").within("a window", {"": "ask for less"})
    assert str(short) == "a window: too few; ask for less"


def test_a_hint_without_a_replacement_stays() -> None:
    error = RefusedError("too large", 200, what="campaigns", hint="raise the limit")
    assert error.within("details", {"deselect campaigns": "deselect details"}).hint == (
        "raise the limit"
    )


def test_all_that_ends_a_stream_is_an_error_of_the_sdk() -> None:
    assert all(
        issubclass(each, FatalAPIError)
        for each in (CutShortError, RefusedError, UnavailableError)
    )
