"""Decides which calls a survey makes, and in which order.

docs/account-report.md documents the format of the report.
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
from tap_kayzen.survey.long_reports import DAYS, last_day, survey_report
from tap_kayzen.survey.probe import SURVEY_SETTINGS

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Mapping

    from tap_kayzen.streams.base import KayzenStream
    from tap_kayzen.survey.observe import Row

FORMAT = 1
"""Version of the report format."""

CAMPAIGN_LISTS = ("/meta/campaigns", "/campaigns")
"""Paths of both lists of campaigns, which are always requested for comparison."""

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
    """Request a sample of all data of an account, and return the report.

    Failed calls are recorded in the report.

    Args:
        streams: All streams of the tap.
        config: The settings.
        only_selected: Whether to leave out streams that are not selected.
        version: Version of the tap.
        logger: Logger for the progress.

    Raises:
        LoginError: The login failed.
    """
    begin = time.monotonic()
    interview = Interview({**config, **SURVEY_SETTINGS}, logger)
    interview.log_in()
    surveyed = _with_sources([*streams]) if only_selected else streams
    _request_all(interview, sorted(surveyed, key=_order))
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


def _with_sources(streams: list[KayzenStream]) -> list[KayzenStream]:
    """Return the selected streams, and the lists that provide IDs for them."""
    selected = [each for each in streams if each.selected]
    names = {each.name for each in selected}
    for each in selected:
        if isinstance(each, CampaignPartStream):
            names.add(CampaignsStream.name)
        elif isinstance(each, ReportResultsStream):
            names.add(SavedReportsStream.name)
    return [each for each in streams if each.name in names]


def _order(stream: KayzenStream) -> tuple[bool, str]:
    """Return the sort key of a stream; streams that need an ID come last."""
    needs_id = isinstance(stream, (CampaignPartStream, ReportResultsStream))
    return needs_id, stream.name


def _request_all(interview: Interview, streams: list[KayzenStream]) -> None:
    ids: dict[str, int | None] = {}
    reports = [each for each in streams if isinstance(each, CustomReportStream)]
    # Long date ranges are requested for the first report, so prefer a daily one.
    reports.sort(key=lambda stream: not stream.report.is_daily)
    for stream in streams:
        if isinstance(stream, CustomReportStream):
            place = reports.index(stream)
            if place < MAX_REPORTS:
                survey_report(interview, stream, is_first=place == 0)
            else:
                interview.skip(Call.of_stream(stream), "too many reports")
        elif isinstance(stream, CampaignPartStream):
            _request_one(interview, stream, CAMPAIGN, ids["campaigns"])
        elif isinstance(stream, ReportResultsStream):
            _request_one(interview, stream, REPORT, ids["reports"])
        else:
            ids[stream.name] = _request_list(interview, stream)


def _request_list(interview: Interview, stream: KayzenStream) -> int | None:
    """Request a list, or both lists of campaigns, and return an ID from it."""
    is_campaigns = isinstance(stream, CampaignsStream)
    rows: list[Row] = []
    for path in CAMPAIGN_LISTS if is_campaigns else (stream.path,):
        rows += interview.read_list(replace(Call.of_stream(stream), path=path))
    for row in rows:
        with suppress(LossyError):
            return to_integer(row.get("id"))
    return None


def _request_one(
    interview: Interview, stream: KayzenStream, name: str, number: int | None
) -> None:
    """Request the data of one campaign or saved report.

    Args:
        interview: Sends the request.
        stream: The stream.
        name: Context key of the ID, such as ``campaign_id``.
        number: The ID; None if there is none.
    """
    if number is None:
        what = name.removesuffix("_id")
        interview.skip(Call.of_stream(stream), f"there is no {what}")
        return
    call = Call.of_stream(stream, **{name: number})
    if isinstance(stream, ReportResultsStream):
        call = call.for_days(last_day(interview.config, "UTC"), DAYS)
    interview.read_list(call)
