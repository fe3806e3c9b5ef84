"""Lists the rejected calls of a survey, with advice."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tap_kayzen.streams.campaigns import CampaignsStream

if TYPE_CHECKING:
    from collections.abc import Mapping

    Report = Mapping[str, Any]

SUCCESS_STATUSES = range(200, 300)
"""Successful HTTP statuses."""

NO_RIGHT = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
"""HTTP statuses of missing permissions; the login itself has succeeded."""


def rejected(report: Report) -> list[Report]:
    """Return the calls without a successful response."""
    calls = report["calls"]
    return [
        call
        for call in calls
        if "status" in call and call["status"] not in SUCCESS_STATUSES
    ]


def summary(report: Report, place: str) -> str:
    """Return a summary such as ``12 calls, 2 rejected: see ...``."""
    made = sum("status" in call for call in report["calls"])
    count = len(rejected(report))
    return f"{made} calls, {count} rejected" + (f": see {place}" if count else "")


def advice(report: Report, call: Report) -> str:
    """Return what to do about a rejected call; empty without advice."""
    chosen = f"GET /v1/{report['settings']['campaigns_endpoint']}"
    if call["stream"] == CampaignsStream.name and call["call"] != chosen:
        return "not needed with your `campaigns_endpoint`"
    deselect = f"deselect it: `'!{call['stream']}.*'`"
    says = call["body"].get("says")
    if says == "no right" or (call["status"] in NO_RIGHT and not says):
        return f"ask Kayzen for access, or {deselect}"
    return deselect if call["status"] == HTTPStatus.NOT_FOUND else ""
