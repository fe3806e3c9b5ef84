"""Helpers for all tests: API servers on real sockets, and runs of the tap."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from project import DEFAULT_REPORTS
from starlette.responses import Response
from watchdog import finished

from tap_kayzen.cli.check import selecting_all
from tap_kayzen.messages.message import ELLIPSIS
from tap_kayzen.reports.definition import Report
from tap_kayzen.sandbox.data import DEFAULT_ADVERTISER
from tap_kayzen.sandbox.kinds import KINDS
from tap_kayzen.sandbox.report_builder import saved_request
from tap_kayzen.sandbox.report_calls import request_of
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    import pytest
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from tap_kayzen.messages.message import Text
    from tap_kayzen.sandbox.access import Access
    from tap_kayzen.sandbox.data import Dataset

    Fault = Callable[[Request, bytes], Response | None]

ROOT = Path(__file__).resolve().parent.parent
SAMPLE_CONFIG: dict[str, Any] = json.loads((ROOT / "sample_config.json").read_text())
SCHEMAS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "tap_kayzen" / "schemas").glob("*.json"))
}
ALL_STREAMS = sorted(
    TapKayzen(config={**SAMPLE_CONFIG, "audience_api_key": "a key"}).streams
)
WARNINGS = (
    *("-W", "error"),
    *("-W", "ignore:Python 3.10 reached its end of life"),
    # A failed run does not wait for the open requests of other threads.
    *("-W", "ignore:unclosed <socket:ResourceWarning"),
)
TOKEN_PATH = "/v1/authentication/token"
COLUMNS: dict[str, dict[str, Any]] = {
    "integer": {"type": ["integer", "null"]},
    "number": {"type": ["number", "null"]},
    "boolean": {"type": ["boolean", "null"]},
    "string": {"type": ["string", "null"]},
    "time": {"type": ["string", "null"], "format": "date-time"},
    "day": {"type": ["string", "null"], "format": "date"},
    "integers": {"type": ["array", "null"], "items": {"type": ["integer", "null"]}},
    "anything": {"type": ["array", "null"]},
    "object": {"type": ["object", "null"]},
}
"""A column of each type."""

REPORT_DAYS = {"start_date": "2025-03-01", "end_date": "2025-03-02"}
"""Days that `truth` has the report rows of."""


@dataclass(frozen=True)
class Sandbox:
    url: str
    dataset: Dataset
    access: Access
    requests: list[str] = field(default_factory=list)
    """Paths that were requested."""


@dataclass(frozen=True)
class Call:
    """A request as it came in."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass
class ScriptedApi:
    """An ASGI app that does as a test says and remembers what it was asked."""

    answer: Callable[[Call], Response]
    calls: list[Call] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http", "uvicorn asks for lifespan in `auto` mode"
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return  # Killed in the middle of its request.
            body += message.get("body", b"")
            more = message.get("more_body", False)
        call = Call(
            scope["method"],
            scope["raw_path"].decode(),
            scope["query_string"].decode(),
            {name.decode(): value.decode() for name, value in scope["headers"]},
            body,
        )
        self.calls.append(call)
        await self.answer(call)(scope, receive, send)

    def to(self, path: str) -> list[Call]:
        return [call for call in self.calls if call.path == path]


def json_response(payload: object, status: int = 200, **headers: str) -> Response:
    return Response(json.dumps(payload), status, headers, "application/json")


def token_response(token: str = "token-1", **fields: object) -> Response:
    payload = {"access_token": token, "expires_in": "1799", "scope": "", **fields}
    return json_response(payload)


def page_response(records: list[dict[str, Any]], **meta: object) -> Response:
    return json_response({"data": records, "meta": meta} if meta else {"data": records})


REFUSED = json_response({"error": "Forbidden"}, 403)
LAST = json_response({}, 403, connection="close")
"""The last response of a server before it shuts down."""


def refusing(path: str, answer: Response = REFUSED) -> Fault:
    """Break one path of a sandbox."""
    return lambda request, _: answer if request.url.path == path else None


def whole(_: Request, __: bytes) -> None:
    """Break nothing."""


@dataclass(frozen=True)
class Run:
    """The exit code and output of a run of the tap."""

    code: int
    stdout: str
    stderr: str

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stdout.splitlines()]

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == kind]

    @property
    def records(self) -> list[dict[str, Any]]:
        return [message["record"] for message in self.of_type("RECORD")]

    @property
    def errors(self) -> list[str]:
        """Messages of the ERROR lines before the table of failures."""
        messages = self._error_lines
        return messages[: len(messages) - len(self.table)]

    @property
    def table(self) -> list[str]:
        """The table of failures: its title, its head, and a line for each."""
        messages = self._error_lines
        is_title = [each.startswith("Incomplete: ") for each in messages]
        return messages[is_title.index(True) :] if any(is_title) else []

    @property
    def _error_lines(self) -> list[str]:
        """Messages of the ERROR lines; any other non-log line fails the test."""
        lines = [line.split(" | ", 3) for line in self.stderr.splitlines()]
        assert all(len(line) == 4 for line in lines), self.stderr
        return [line[3] for line in lines if line[1].strip() == "ERROR"]


def regex(text: Text) -> str:
    """Return a pattern for a text with any values, also in mid-sentence."""
    pattern = ".*".join(map(re.escape, text.pattern.split(ELLIPSIS)))
    first = pattern[0]
    is_letter = first.isalpha()
    return f"[{first.upper()}{first.lower()}]{pattern[1:]}" if is_letter else pattern


def contains(line: str, text: Text) -> bool:
    """Return whether a line contains a text with any values."""
    return re.search(regex(text), line) is not None


def selecting(folder: Path, *streams: str) -> tuple[str, Path]:
    """Write a catalog of these streams; give the arguments that name it."""
    path = folder / "catalog.json"
    path.write_text(json.dumps(catalog_of(*streams)), encoding="utf-8")
    return "--catalog", path


def run_process(
    *arguments: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Run:
    """Run the tap as users do: as a process."""
    command = [sys.executable, *WARNINGS, "-m", "tap_kayzen", *arguments]
    done = finished(command, cwd=cwd, env=env)
    return Run(done.returncode, done.stdout, done.stderr)


def sync(
    config: Mapping[str, Any],
    capsys: pytest.CaptureFixture[str],
    *,
    streams: Collection[str] = ("campaigns",),
    **options: Any,
) -> Run:
    """Run a sync in this process, where a test can control the time, for example."""
    capsys.readouterr()
    tap = TapKayzen(config=dict(config), **options)
    for name, stream in tap.streams.items():
        if "catalog" not in options:
            stream.selected = name in streams
    tap.sync_all()
    captured = capsys.readouterr()
    return Run(0, captured.out, captured.err)


def catalog_of(*streams: str) -> dict[str, Any]:
    """Make a catalog that has only these streams, selected whole; without any, all."""
    tap = TapKayzen(config={**SAMPLE_CONFIG, "audience_api_key": "key"})
    catalog = selecting_all(tap.catalog_dict)
    catalog["streams"] = [
        entry
        for entry in catalog["streams"]
        if not streams or entry["tap_stream_id"] in streams
    ]
    return catalog


def truth(dataset: Dataset, stream: str) -> list[dict[str, Any]]:
    """Return the sandbox's rows for a stream, in Kayzen's format."""
    advertiser = DEFAULT_ADVERTISER
    campaigns = dataset.campaigns[advertiser]
    special: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "campaigns": lambda: campaigns,
        "balance": lambda: [dataset.balance[advertiser]],
        "campaign_details": lambda: [dataset.detail(each) for each in campaigns],
        "campaign_changelogs": lambda: [
            row for each in campaigns for row in dataset.changelogs(each)["data"]
        ],
        "campaign_bid_multipliers": lambda: [
            row
            for each in campaigns
            for row in dataset.bid_multipliers(each)["bid_multipliers"]
        ],
        "app_lookups": lambda: dataset.lookups["app_objects"],
        "site_lookups": lambda: dataset.lookups["site_objects"],
    }
    if stream in special:
        return special[stream]()
    if stream == "campaign_performance":
        request = request_of(
            {**Report.from_config(DEFAULT_REPORTS[0]).body, **REPORT_DAYS}
        )
        return dataset.report_rows(advertiser, request)
    if stream == "report_results":
        first, last = map(date.fromisoformat, REPORT_DAYS.values())
        return [
            row
            for report in dataset.lists("reports")[advertiser]
            for day in (first, last)
            for row in dataset.report_rows(advertiser, saved_request(report, day, day))
        ]
    if stream in KINDS:
        return dataset.lists(stream)[advertiser]
    return dataset.lookups[stream]
