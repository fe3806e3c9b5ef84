"""Decides which calls the survey of an account makes, in what order.

docs/account-report.md has the format of the report.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from tap_kayzen.records.values import LossyError, to_integer
from tap_kayzen.streams.campaign_parts import CAMPAIGN, CampaignPartStream
from tap_kayzen.streams.campaigns import CampaignsStream
from tap_kayzen.streams.custom_reports import CustomReportStream
from tap_kayzen.streams.saved_reports import (
    REPORT,
    ReportResultsStream,
    SavedReportsStream,
)
from tap_kayzen.survey.calls import Call
from tap_kayzen.survey.interview import Interview
from tap_kayzen.survey.long_reports import DAYS, ask_report, last_day
from tap_kayzen.survey.probe import PATIENCE

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Mapping

    from tap_kayzen.streams.base import KayzenStream
    from tap_kayzen.survey.observe import Row

FORMAT = 1
"""Version of the report's format."""

CAMPAIGN_LISTS = ("/meta/campaigns", "/campaigns")
"""Both lists are requested, whatever the settings say, to compare them."""

MAX_REPORTS = 5
"""Maximum number of configured reports in a survey."""


def survey(
    streams: Iterable[KayzenStream],
    config: Mapping[str, Any],
    *,
    only_selected: bool,
    version: str,
    logger: logging.Logger,
) -> dict[str, Any]:
    """Request a sample of everything from an account and return the report.

    A call that fails is an entry of the report.

    Args:
        streams: All streams of a tap.
        config: The settings.
        only_selected: Whether to leave out streams that are not selected.
        version: Version of the tap.
        logger: Receives a line for each call.

    Raises:
        LoginError: The login failed, so nothing can be requested.
    """
    begin = time.monotonic()
    interview = Interview({**config, **PATIENCE}, logger)
    interview.log_in()
    asked = _with_needed([*streams]) if only_selected else streams
    _ask_all(interview, sorted(asked, key=_order))
    return {
        "format": FORMAT,
        "tap": version,
        "date": f"{datetime.now(timezone.utc):%Y-%m-%d}",
        "requests": interview.probe.requests,
        "seconds": round(time.monotonic() - begin, 1),
        "settings": {
            "campaigns_endpoint": config["campaigns_endpoint"],
            "advertiser_ids": bool(config.get("advertiser_ids")),
        },
        "limit_headers": dict(sorted(interview.probe.limits.items())),
        "calls": interview.entries,
    }


def _with_needed(streams: list[KayzenStream]) -> list[KayzenStream]:
    """Return the selected streams, and the lists from which they need an ID."""
    selected = [each for each in streams if each.selected]
    names = {each.name for each in selected}
    for each in selected:
        if isinstance(each, CampaignPartStream):
            names.add(CampaignsStream.name)
        elif isinstance(each, ReportResultsStream):
            names.add(SavedReportsStream.name)
    return [each for each in streams if each.name in names]


def _order(stream: KayzenStream) -> tuple[bool, str]:
    """Return the sort key of a stream: last if it needs an ID from another one."""
    needs_id = isinstance(stream, (CampaignPartStream, ReportResultsStream))
    return needs_id, stream.name


def _ask_all(interview: Interview, streams: list[KayzenStream]) -> None:
    ids: dict[str, int | None] = {}
    reports = [each for each in streams if isinstance(each, CustomReportStream)]
    # Long ranges are requested for the first report, which should be daily.
    reports.sort(key=lambda stream: not stream.report.is_daily)
    for stream in streams:
        if isinstance(stream, CustomReportStream):
            place = reports.index(stream)
            if place < MAX_REPORTS:
                ask_report(interview, stream, is_first=place == 0)
            else:
                interview.skip(Call.of(stream), "too many reports")
        elif isinstance(stream, CampaignPartStream):
            _ask_of_one(interview, stream, CAMPAIGN, ids["campaigns"])
        elif isinstance(stream, ReportResultsStream):
            _ask_of_one(interview, stream, REPORT, ids["reports"])
        else:
            ids[stream.name] = _ask_list(interview, stream)


def _ask_list(interview: Interview, stream: KayzenStream) -> int | None:
    """Request a list, or both lists of campaigns; return an ID from it."""
    is_campaigns = isinstance(stream, CampaignsStream)
    rows: list[Row] = []
    for path in CAMPAIGN_LISTS if is_campaigns else (stream.path,):
        rows += interview.read_list(replace(Call.of(stream), path=path))
    for row in rows:
        with suppress(LossyError):
            return to_integer(row.get("id"))
    return None


def _ask_of_one(
    interview: Interview, stream: KayzenStream, name: str, number: int | None
) -> None:
    """Request the data of one campaign or saved report."""
    if number is None:
        what = name.removesuffix("_id")
        interview.skip(Call.of(stream), f"there is no {what}")
        return
    call = Call.of(stream, **{name: number})
    if isinstance(stream, ReportResultsStream):
        call = call.over(last_day(interview.config, "UTC"), DAYS)
    interview.read_list(call)
