"""Writes fixtures of a release: its catalog, and its states of all kinds.

Run it before tagging a release (docs/CONTRIBUTING.md). It writes the folder
tests/fixtures/<version>/. Later versions must resume from these states; see
tests/contract/test_upgrades.py.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from project import DEFAULT_REPORTS, ROOT, SAMPLE_CONFIG
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from watchdog import finished

from tap_kayzen.sandbox.server import running

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    Json = dict[str, Any]

FIXTURES = ROOT / "tests" / "fixtures"
_PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
(VERSION,) = re.findall(r'^version = "(.*)"$', _PROJECT, re.MULTILINE)
"""Version of the source, which may be newer than that of the installed package."""

FIRST, NEXT = date(2026, 9, 10), date(2026, 9, 12)
"""Last days of the run that writes a state and of the run that resumes from it."""

ADVERTISERS = [7, 8]
REPORT = "campaign_performance"
COMMON: Json = {
    "campaigns_endpoint": "campaigns",
    "start_date": "2026-09-01",
    "lookback_days": 2,
}
WITH_ADVERTISERS: Json = {"advertiser_ids": ADVERTISERS}
WITH_REPORTS: Json = {
    "reports": [
        {**DEFAULT_REPORTS[0], "window_days": 3},
        {
            "name": "spend_by_country",
            "metrics": ["installs", "advertiser_spend"],
            "group_by": ["day", "campaign_id", "country"],
            "filters": {"country": ["DE", "US"]},
            "time_zone": "Europe/Berlin",
        },
    ],
}


class Api:
    """A fake Kayzen API with new data every day. Do not change its responses.

    Attributes:
        today: The current day; later data does not exist yet.
    """

    def __init__(self, today: date) -> None:
        """Create the app without any recorded request."""
        self.today = today
        self._requests: set[str] = set()
        self._app = Starlette(
            routes=[
                Route("/v1/authentication/token", self._token, methods=["POST"]),
                Route("/v1/campaigns", self._campaigns),
                Route("/v1/campaigns/{id:int}/changelogs", self._changes),
                Route("/v1/reports", self._reports),
                Route("/v1/reports/{id:int}/report_results", self._results),
                Route("/v1/report_data", self._report, methods=["POST"]),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a request."""
        await self._app(scope, receive, send)

    @property
    def requests(self) -> list[str]:
        """The distinct requests, sorted, without page numbers."""
        return sorted(self._requests)

    def _record(self, what: str, *details: object) -> None:
        self._requests.add(" ".join([what, *map(str, filter(None, details))]))

    async def _token(self, _: Request) -> JSONResponse:
        return JSONResponse({"access_token": "token", "expires_in": "1799"})

    async def _campaigns(self, request: Request) -> JSONResponse:
        advertiser = request.query_params.get("advertiser_id")
        self._record(request.url.path, advertiser)
        first = 100 * int(advertiser or 1)
        days = {number: number for number in (1, 3, 5, 9, 11, 12)}
        if self.today.day > days[3]:
            days[1] = self.today.day - 1
        rows = [
            {"id": first + number, "name": f"Campaign {number}", "updated_at": at(day)}
            for number, day in days.items()
            if day <= self.today.day
        ]
        return page(rows)

    async def _changes(self, request: Request) -> JSONResponse:
        campaign = request.path_params["id"]
        self._record(request.url.path)
        days = range(campaign % 10, self.today.day + 1, 4)
        rows = [
            {
                "id": 100 * campaign + day,
                "loggable_id": campaign,
                "action": "update",
                "loggable_updated_at": at(day),
            }
            for day in days
        ]
        return page(rows)

    async def _reports(self, request: Request) -> JSONResponse:
        self._record(request.url.path, request.query_params.get("advertiser_id"))
        rows = [
            {"id": 11, "name": "By country", "time_zone_name": "Europe/Berlin"},
            {"id": 12, "name": "By campaign", "time_zone_name": "UTC"},
        ]
        return page(rows)

    async def _results(self, request: Request) -> JSONResponse:
        query = request.query_params
        self._record(request.url.path, query.get("advertiser_id"), query["start_date"])
        day = date.fromisoformat(query["start_date"])
        if request.path_params["id"] == 11:  # noqa: PLR2004
            rows = performance(day, ["day", "country"], ["installs"])
        else:
            rows = [{"campaign_id": 101, "advertiser_spend": day.day + 0.25}]
        return page(rows)

    async def _report(self, request: Request) -> JSONResponse:
        body = await request.json()
        first, last = map(date.fromisoformat, (body["start_date"], body["end_date"]))
        group_by, metrics = body["group_by"], body["metrics"]
        advertiser = body.get("advertiser_id")
        self._record("/v1/report_data", advertiser, ",".join(group_by), first, last)
        rows = [
            row
            for day in range((last - first).days + 1)
            for row in performance(first + timedelta(days=day), group_by, metrics)
        ]
        start = (body["page"] - 1) * body["per_page"]
        return JSONResponse({"data": rows[start : start + body["per_page"]]})


def at(day: int) -> str:
    """Return a time on a day of September 2026."""
    return f"2026-09-{day:02}T08:00:00.000Z"


def page(rows: list[Json]) -> JSONResponse:
    """Return the response with a list of one page."""
    meta = {"current_page": 1, "total_pages": 1, "total_entries": len(rows)}
    return JSONResponse({"data": rows, "meta": meta})


def performance(
    day: date, group_by: Sequence[str], metrics: Sequence[str]
) -> list[Json]:
    """Return the rows of a report for one day."""
    values: Json = {
        "day": [str(day)],
        "campaign_id": [101, 102],
        "campaign_name": ["Campaign"],
        "country": ["DE", None],
    }
    return [
        {
            **dict(zip(group_by, dimensions, strict=True)),
            **{
                name: day.day * 10 + number + (0.25 if name.endswith("spend") else 0)
                for name in metrics
            },
        }
        for number, dimensions in enumerate(
            product(*(values[each] for each in group_by))
        )
    ]


@dataclass(frozen=True)
class Scenario:
    """A run that writes a state.

    Attributes:
        streams: Selected streams with the replication key that the catalog sets for
            INCREMENTAL; empty for none.
        settings: Settings in addition to `COMMON`.
        cut: Keep the first STATE that contains this text; empty for the last STATE.
    """

    streams: Mapping[str, str]
    settings: Json = field(default_factory=dict)
    cut: str = ""


REPORTS = {REPORT: "", "spend_by_country": ""}
LISTS = {"campaigns": "updated_at", "campaign_changelogs": ""}
NEXT_DAY = '"unfinished": {"next_day": "2'
SECOND_NEXT_DAY = (
    '"advertiser_id": 8}, "replication_key": "day", "replication_key_value": "2'
)

SCENARIOS = {
    "reports": Scenario(REPORTS, WITH_REPORTS),
    "reports_of_advertisers": Scenario(REPORTS, {**WITH_REPORTS, **WITH_ADVERTISERS}),
    "reports_unfinished": Scenario(REPORTS, WITH_REPORTS, cut=NEXT_DAY),
    "reports_of_advertisers_unfinished": Scenario(
        REPORTS, {**WITH_REPORTS, **WITH_ADVERTISERS}, cut=SECOND_NEXT_DAY
    ),
    "lists": Scenario(LISTS),
    "lists_of_advertisers": Scenario(LISTS, WITH_ADVERTISERS),
    "saved_reports": Scenario({"report_results": ""}, {"report_ids": [11, 12]}),
    "saved_reports_of_advertisers": Scenario({"report_results": ""}, WITH_ADVERTISERS),
    "saved_reports_unfinished": Scenario({"report_results": ""}, cut=NEXT_DAY),
    "all_at_once": Scenario({**REPORTS, **LISTS, "report_results": ""}, WITH_REPORTS),
}


def selecting(catalog: Json, streams: Mapping[str, str]) -> Json:
    """Return a catalog that selects only some streams.

    Args:
        catalog: The catalog.
        streams: See `Scenario`.
    """
    entries = []
    for entry in catalog["streams"]:
        name = entry["tap_stream_id"]
        metadata = [
            each
            if each["breadcrumb"]
            else {**each, "metadata": {**each["metadata"], "selected": name in streams}}
            for each in entry["metadata"]
        ]
        changed = {**entry, "metadata": metadata}
        if column := streams.get(name):
            changed |= {"replication_method": "INCREMENTAL", "replication_key": column}
        entries.append(changed)
    return {"streams": entries}


def settings_of(scenario: Scenario, end: date) -> Json:
    """Return the settings of a run, without credentials and URL."""
    return {**COMMON, **scenario.settings, "end_date": str(end)}


def tap(folder: Path, *arguments: str | Path, **files: Json) -> list[Json]:
    """Run the tap and return its messages.

    Args:
        folder: Folder for the files.
        arguments: Arguments of the command.
        files: Contents of the files by option, such as ``config``.
    """
    options: list[str | Path] = []
    for name, content in files.items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        options += [f"--{name}", path]
    command = [sys.executable, "-m", "tap_kayzen", *options, *arguments]
    done = finished(command, check=True)
    if " | WARNING " in done.stderr:
        sys.exit(done.stderr)
    if "--discover" in arguments:
        return [json.loads(done.stdout)]
    return [json.loads(line) for line in done.stdout.splitlines()]


def states(messages: Sequence[Json]) -> list[Json]:
    """Return the values of the STATE messages."""
    return [each["value"] for each in messages if each["type"] == "STATE"]


def records(messages: Sequence[Json]) -> list[Json]:
    """Return the RECORD messages as ``{"stream": ..., "record": ...}``."""
    return [
        {"stream": each["stream"], "record": each["record"]}
        for each in messages
        if each["type"] == "RECORD"
    ]


def played(scenario: Scenario, catalog: Json, folder: Path) -> Json:
    """Run the tap twice; return the fixture of a scenario.

    Args:
        scenario: The scenario.
        catalog: Catalog of the tap.
        folder: Folder for the files.

    Returns:
        The state between the runs, and the requests, records, and final state of the
        second run.
    """
    files = {"catalog": selecting(catalog, scenario.streams)}
    runs = []
    for end in (FIRST, NEXT):
        api = Api(end)
        with running(api) as url:
            config = {**SAMPLE_CONFIG, **settings_of(scenario, end), "api_url": url}
            runs.append(tap(folder, config=config, **files))
        if end == FIRST:
            seen = [
                each for each in states(runs[0]) if scenario.cut in json.dumps(each)
            ]
            files["state"] = seen[0 if scenario.cut else -1]
    return {
        "settings": settings_of(scenario, NEXT),
        "streams": dict(scenario.streams),
        "state": files["state"],
        "requests": api.requests,
        "records": records(runs[1]),
        "next_state": states(runs[1])[-1],
    }


def main() -> None:
    """Write the fixtures of this version."""
    target = FIXTURES / VERSION
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = {**SAMPLE_CONFIG, **WITH_REPORTS, "audience_api_key": "key"}
        (catalog,) = tap(folder, "--discover", config=config)
        contents = {"catalog": catalog} | {
            name: played(scenario, catalog, folder)
            for name, scenario in SCENARIOS.items()
        }
    for each, content in contents.items():
        text = json.dumps(content, indent=1) + "\n"
        (target / f"{each}.json").write_text(text, encoding="utf-8")
    print(f"Wrote {len(contents)} files to {target}")


if __name__ == "__main__":
    main()
