"""``--test=report``: what it says of an account, and what it must never say."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner
from odd_account import (
    ACCOUNT,
    account,
    call_of,
    content,
    lasting,
    odd,
    survey_like,
    survey_of,
)
from starlette.middleware import Middleware
from starlette.responses import Response
from support import (
    ROOT,
    SAMPLE_CONFIG,
    TOKEN_PATH,
    contains,
    json_response,
    run_process,
    sync,
    token_response,
)
from watchdog import watched

from tap_kayzen.cli.check import selecting_all
from tap_kayzen.messages import file_messages, login_messages, stream_messages
from tap_kayzen.sandbox.clock import REAL_CLOCK
from tap_kayzen.sandbox.exchange import Exchange
from tap_kayzen.sandbox.launcher import main
from tap_kayzen.sandbox.likeness import LIKE_REPORTS, Likeness, report_of
from tap_kayzen.sandbox.report_calls import ReportOptions
from tap_kayzen.streams.failures import IncompleteError
from tap_kayzen.survey.markdown import as_json, as_markdown
from tap_kayzen.survey.rejected import advice, rejected
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Serve
    from starlette.types import ASGIApp, Receive, Scope, Send
    from support import Call

SCHEMA = json.loads((ROOT / "docs" / "account-report.schema.json").read_text())
MAX_REQUESTS = 50
MARK = "zqx"
REPORT_OPTIONS = {
    "documented": None,
    "one page only": ReportOptions("ignored", 100, 60),
    "announced pages": ReportOptions("meta", 200, 92),
    "no long ranges": ReportOptions("short", 10_000, 31),
}


def valid(report: dict[str, Any]) -> dict[str, Any]:
    jsonschema.validate(report, SCHEMA)
    return report


def config_in(folder: Path, config: dict[str, Any]) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


def test_the_report_is_markdown_with_json_at_its_end(tmp_path: Path) -> None:
    with account() as config:
        path = config_in(tmp_path, config)
        run = run_process("--config", path, "--test=report")
    assert run.code == 0, run.stderr
    assert run.errors == []
    assert run.stdout.startswith("# What this account's API returns\n")
    assert '{"type":"' not in run.stdout, "no Singer messages"
    report = valid(report_of(run.stdout))
    assert report["requests"] <= MAX_REQUESTS
    assert f"with {report['requests']} requests in" in run.stdout
    calls = {call["call"] for call in report["calls"] if call.get("readable")}
    assert len(calls) == 25
    for call in calls:
        assert f"| `{call}`" in run.stdout
    assert "| `GET /v1/orders` | `daily_budget_cap` | number |" in run.stdout
    assert "The other list of campaigns" not in run.stdout


def test_the_log_shows_long_ranges_and_ends_with_a_count(tmp_path: Path) -> None:
    with account(odd(), reports=REPORT_OPTIONS["announced pages"]) as config:
        path = config_in(tmp_path, config)
        run = run_process("--config", path, "--test=report")
        as_json_alone = run_process("--config", path, "--test=report-json")
    assert re.findall(r"report_data, (\d+) days: HTTP (\d+)", run.stderr) == [
        ("31", "200"),
        ("92", "200"),
        ("366", "400"),
    ]
    for last, place in (
        (run.stderr.splitlines()[-1], "the section Rejected of the report"),
        (as_json_alone.stderr.splitlines()[-1], "`status` of `calls` in the report"),
    ):
        assert last.endswith(f"| 27 calls, 3 rejected: see {place}")
    found = re.search(r"(?s)## Rejected\n\n(.*?)\n## ", run.stdout)
    assert found is not None
    right = "ask Kayzen for access"
    table, _, words = found[1].partition("\n\n")
    assert table.splitlines()[2:] == [
        "| `GET /v1/meta/exchanges` | 500 |  |",
        f"| `GET /v1/tags` | 403 | {right}, or deselect it: `'!tags.*'` |",
        "| `GET /v1/website_objects` | 404 | deselect it: `'!website_objects.*'` |",
    ]
    assert "`select`" in words


def test_the_other_list_of_campaigns_is_not_needed() -> None:
    body = {"is": "empty", "keys": {}}
    calls = [
        {"stream": "campaigns", "call": f"GET /v1/{name}", "status": 403, "body": body}
        for name in ("campaigns", "meta/campaigns")
    ]
    report = {"settings": {"campaigns_endpoint": "campaigns"}, "calls": calls}
    chosen, other = (advice(report, call) for call in rejected(report))
    assert chosen == "ask Kayzen for access, or deselect it: `'!campaigns.*'`"
    assert other == "not needed with your `campaigns_endpoint`"


def test_a_report_without_rejected_calls_does_not_list_any(tmp_path: Path) -> None:
    with account() as config:
        run = run_process("--config", config_in(tmp_path, config), "--test=report")
    assert run.stderr.splitlines()[-1].endswith("| 27 calls, 0 rejected")
    assert "## Rejected" not in run.stdout


def test_the_report_is_also_json_alone(tmp_path: Path) -> None:
    with account() as config:
        path = config_in(tmp_path, config)
        run = run_process("--config", path, "--test=report-json")
        assert run.code == 0, run.stderr
        assert lasting(valid(json.loads(run.stdout))) == lasting(survey_of(config))


def test_other_values_are_refused(tmp_path: Path) -> None:
    path = config_in(tmp_path, SAMPLE_CONFIG)
    run = run_process("--config", path, "--test=raport")
    assert run.code == 2
    assert run.stdout == ""
    choices = "all, schema, disabled, report, report-json"
    text = file_messages.BAD_TEST(choices=choices, value="raport")
    assert text in " ".join(run.stderr.split())
    assert "--test=report" in run_process("--help").stdout


def test_a_failed_login_is_one_line(serve: Serve, tmp_path: Path) -> None:
    def answer(_: Call) -> Response:
        return json_response({"error": "Invalid login credentials"}, 401)

    url, _ = serve(answer)
    path = config_in(tmp_path, {**SAMPLE_CONFIG, "api_url": url})
    run = run_process("--config", path, "--test=report")
    assert run.code == 1
    assert run.stdout == ""
    (error,) = run.errors
    assert contains(error, login_messages.REJECTED_LOGIN)


def test_an_account_that_refuses_everything_is_a_report(serve: Serve) -> None:
    def answer(call: Call) -> Response:
        return token_response() if call.path == TOKEN_PATH else Response("No", 403)

    url, api = serve(answer)
    report = valid(survey_of({**ACCOUNT, "api_url": url, "audience_url": url}))
    calls = report["calls"]
    assert {call["status"] for call in calls if "status" in call} == {200, 403}
    skipped = [call["call"] for call in calls if "skipped" in call]
    assert len(skipped) == 4
    assert report["requests"] == len(api.calls) == len(calls) - len(skipped)
    assert "skipped: there is no campaign" in as_markdown(report)


def test_oddities_are_reported() -> None:
    with account(odd({"X-RateLimit-Limit": "100", "X-Rate-Owner": "me"})) as config:
        report = valid(survey_of(config))
    assert report["requests"] <= MAX_REQUESTS
    assert report["limit_headers"] == {
        "x-rate-owner": "(value not shown)",
        "x-ratelimit-limit": "100",
    }
    orders = call_of(report, "GET /v1/orders")["paging"]
    assert orders == {"page": "heeded", "per_page": "ignored", "page_size": 3}
    creatives = call_of(report, "GET /v1/creatives")
    assert creatives["body"] == {
        "is": "array",
        "keys": {},
        "rows_in": "",
        "single": False,
    }
    assert creatives["paging"]["page"] == "ignored"
    tags = call_of(report, "GET /v1/tags")
    assert (tags["status"], tags["body"]["keys"]) == (
        403,
        {
            "error": ["object"],
            "error.code": ["integer"],
            "error.message": ["string"],
        },
    )
    assert call_of(report, "GET /v1/website_objects")["body"]["is"] == "empty"
    assert call_of(report, "GET /v1/meta/exchanges")["status"] == 500
    assert call_of(report, "GET /v1/app_objects")["readable"] is False
    tracker = call_of(report, "GET /v1/tracker_assets")
    assert tracker["readable"] is False
    assert tracker["body"]["rows_in"] == "tracker_assets"
    assert tracker["body"]["keys"]["metadata.total_pages"] == ["string"]
    files = call_of(report, "GET /v1/asset_files")
    assert (files["rows"], files["never"]) == (14, [])
    campaigns = call_of(report, "GET /v1/campaigns")
    assert campaigns["never"] == ["day_budget", "status"]
    fields = campaigns["fields"]
    assert fields["target_bid"]["shapes"] == ["$9,999.99", "9.99 %"]
    assert fields["target_bid"]["unreadable"] == 70
    assert fields["updated_at"]["shapes"] == ["9999/99/99"]
    assert fields["id"] == {"types": ["string"], "column": "integer", "shapes": ["9"]}
    assert fields["pacing.by_day.(name not shown)"] == {"types": ["integer"]}
    assert fields["labels.(name not shown)"] == {"types": ["string"]}
    rows = next(call for call in report["calls"] if "ranges" in call)
    assert rows["stream"] == "daily"
    assert rows["fields"]["day"]["shapes"] == ["9999-99-99T99:99:99Z"]
    assert rows["fields"]["country"]["placeholders"] == ["", "N/A"]
    assert "$9.99" in rows["fields"]["advertiser_spend"]["shapes"]


@pytest.mark.parametrize(
    ("options", "ranges", "limit"),
    [
        ("documented", [200, 200, 200, 200], False),
        ("one page only", [200, 200, 422], True),
        ("announced pages", [200, 200, 200, 422], True),
        ("no long ranges", [200, 200, 422], False),
    ],
)
def test_the_limits_of_reports_are_found(
    options: str, ranges: list[int], *, limit: bool
) -> None:
    with account(reports=REPORT_OPTIONS[options]) as config:
        report = valid(survey_of(config))
    rows = next(call for call in report["calls"] if "ranges" in call)
    assert [*rows["ranges"].values()] == ranges
    assert ("refusal" in rows) is (422 in ranges)
    assert rows["is_limit"] is limit
    page = "ignored" if options == "one page only" else "heeded"
    assert rows["paging"]["page"] == page


# What must not be seen


class Marked:
    """Marks every text of every answer, hides what is in names, keeps it all."""

    def __init__(self, app: ASGIApp, values: set[str]) -> None:
        self._app = app
        self._values = values

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") in {None, TOKEN_PATH}:
            await self._app(scope, receive, send)
            return
        exchange = await Exchange.read(self._app, scope, receive, send, REAL_CLOCK)
        whole = self._marked(await content(exchange))
        for row in whole["data"] if isinstance(whole.get("data"), list) else [whole]:
            self._add_hostile(row)
        status = 422 if exchange.path == "/v1/tags" else 200
        headers = {"X-Rate-Of": f"{MARK} tier", "X-Quota-Key": "sandbox-api-key"}
        await exchange.respond(json_response(whole, status, **headers))

    def _marked(self, value: Any) -> Any:  # noqa: ANN401
        if isinstance(value, dict):
            return {name: self._marked(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self._marked(each) for each in value]
        if isinstance(value, str) and not value[:1].isdigit():
            value = f"{MARK}{value}"
        if isinstance(value, str) or (type(value) is int and value > 10**5):
            self._values.add(str(value))
        return value

    def _add_hostile(self, row: dict[str, Any]) -> None:
        added: dict[str, Any] = {
            f"{MARK}@example.com": 1,
            "135019": 1,
            SAMPLE_CONFIG["api_secret"]: 1,
            f"of_{SAMPLE_CONFIG['api_key']}_x": SAMPLE_CONFIG["password"],
            f"{MARK} Campaign": {f"{MARK}/path": f"{MARK} deep"},
            "by_mail": {f"{number}{MARK}@example.com": 1 for number in range(3)},
            "by_name": {f"{MARK}_{chr(97 + n // 26)}{n % 26}": n for n in range(60)},
            "name": f"{MARK}|`</script>\n# {MARK}",
            "is_active": f"{MARK} yes",
            "updated_at": f"{MARK} 2026",
            "day": f"{MARK} Total",
            "impressions": f"{MARK} 1,234,567",
            "advertiser_spend": "$7,654,321.98",
            "country": f"{MARK} N/A",
            "balance": f"{MARK} 12.50",
        }
        row.update(added)
        self._values.update(("7,654,321", "1,234,567", *filter(_is_text, added)))


def _is_text(value: object) -> bool:
    return isinstance(value, str) and MARK in value


def test_a_report_contains_no_values_or_secrets(
    capfd: pytest.CaptureFixture[str],
) -> None:
    values: set[str] = set()
    with account(Middleware(Marked, values=values)) as config:
        report = valid(survey_of(config))
    tags = call_of(report, "GET /v1/tags")
    assert tags["status"] == 422
    # The columns of reports are known by name, and hide nothing.
    assert call_of(report, "GET /v1/orders")["readable"]
    assert len(values) > 1000
    secrets = [
        *(ACCOUNT[name] for name in ("username", "password", "api_key", "api_secret")),
        ACCOUNT["audience_api_key"],
        SAMPLE_CONFIG["username"].partition("@")[0],
    ]
    for text in (as_markdown(report), as_json(report), *capfd.readouterr()):
        assert MARK not in text
        for value in (*secrets, *values):
            is_seen = len(value) > 3 and value in text
            # The day of the report is its own.
            assert not is_seen or report["date"].startswith(value), value
    assert report["limit_headers"] == {
        "x-quota-key": "(value not shown)",
        "x-rate-of": "(value not shown)",
    }


# What follows from a report


def test_the_stream_maps_give_unknown_fields_columns(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with account(odd()) as config:
        text = as_markdown(survey_of(config))
        (as_yaml,) = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        maps = yaml.safe_load(as_yaml)
        assert json.loads(re.findall(r"(?s)```json\n(.*?)```", text)[0]) == maps
        names = ["campaigns", "orders", "campaign_details", "daily"]
        days = {"start_date": "2026-11-01", "end_date": "2026-11-02"}
        settings = {**config, **days}
        catalog = selecting_all(TapKayzen(config=dict(settings)).catalog_dict)
        catalog["streams"] = [
            entry for entry in catalog["streams"] if entry["tap_stream_id"] in names
        ]
        plain = sync(settings, capsys, catalog=catalog)
        run = sync({**settings, **maps}, capsys, catalog=catalog)
    assert {*maps["stream_maps"]} == {*names}
    types = {
        (message["stream"], name): column["type"]
        for message in run.of_type("SCHEMA")
        for name, column in message["schema"]["properties"].items()
    }
    assert types["orders", "app_object_id"] == ["integer", "null"]
    assert types["orders", "daily_budget_cap"] == ["number", "null"]
    assert types["daily", "viewability"] == ["string", "null"]
    before, after = plain.of_type("RECORD"), run.of_type("RECORD")
    assert len(before) == len(after) > 100
    is_missing = set()
    for old, new in zip(before, after, strict=True):
        extra = old["record"].get("_extra", {})
        for name in maps["stream_maps"][old["stream"]]:
            value = extra.get(name)
            is_missing.add(value is None)
            if isinstance(value, (dict, list)):
                assert json.loads(new["record"][name]) == value
            else:
                assert new["record"][name] == value
    assert is_missing == {False, True}


def test_a_record_without_unknown_fields_is_mapped_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with account() as config:
        text = as_markdown(survey_of(config))
        maps = json.loads(re.findall(r"(?s)```json\n(.*?)```", text)[0])
        expression = maps["stream_maps"]["orders"]["app_object_id"]
        maps = {"stream_maps": {"tags": {"app_object_id": expression}}}
        run = sync({**config, **maps}, capsys, streams=["tags"])
    assert run.records
    assert {record["app_object_id"] for record in run.records} == {None}


def test_the_better_list_of_campaigns_is_named() -> None:
    with account() as config:
        report = survey_of({**config, "campaigns_endpoint": "meta/campaigns"})
    assert 'Set `"campaigns_endpoint":"campaigns"`' in as_markdown(report)


@pytest.mark.parametrize("options", REPORT_OPTIONS)
@pytest.mark.parametrize("is_odd", [False, True])
def test_a_sandbox_like_a_report_has_the_same_report(
    options: str, *, is_odd: bool
) -> None:
    layers = [odd({"X-RateLimit-Limit": "100"})] if is_odd else []
    with account(*layers, reports=REPORT_OPTIONS[options]) as config:
        report = survey_of(config)
    again = survey_like(report_of(as_markdown(report)))
    for call, same in zip(report["calls"], again["calls"], strict=True):
        assert lasting(same) == lasting(call)
    assert lasting(again) == lasting(report)


def test_a_sandbox_like_a_hostile_account_has_the_same_report() -> None:
    values: set[str] = set()
    with account(Middleware(Marked, values=values)) as config:
        report = survey_of(config)
    again = survey_like(report)
    for call, same in zip(report["calls"], again["calls"], strict=True):
        assert lasting(same) == lasting(call)


REFUSALS: dict[str, tuple[int, bytes]] = {
    "/v1/orders": (
        401,
        b'{"fault": {"faultstring": "Invalid API call as no apiproduct match found"}}',
    ),
    "/v1/tags": (401, b"APIResource /v1/tags does not exist"),
    "/v1/creatives": (500, b'["policies.ratelimit.SpikeArrestViolation"]'),
    "/v1/app_lists": (429, b'"policies.ratelimit.QuotaViolation"'),
    "/v1/app_objects": (403, b'{"error": "Not for you"}'),
}


class Refusing:
    """Refuses some paths in the words of a gateway."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if scope.get("path") in REFUSALS:
            status, body = REFUSALS[scope["path"]]
            app = Response(body, status, {"Retry-After": "0"})
        await app(scope, receive, send)


def test_a_refusal_is_the_same_in_a_sandbox_like_the_report() -> None:
    with account(Middleware(Refusing)) as config:
        report = valid(survey_of(config))
    again = survey_like(report_of(as_markdown(report)))
    for each in (report, again):
        said = {path: call_of(each, f"GET {path}") for path in REFUSALS}
        assert {path: call["body"].get("says") for path, call in said.items()} == {
            "/v1/orders": "no right",
            "/v1/tags": "no right",
            "/v1/creatives": "rate limit",
            "/v1/app_lists": "rate limit",
            "/v1/app_objects": None,
        }
    assert lasting(again["calls"]) == lasting(report["calls"])
    assert "apiproduct" not in as_markdown(report)


def test_the_tap_finds_the_same_cause_in_a_sandbox_like_a_report(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with account(Middleware(Refusing)) as config:
        report = survey_of(config)
    layer = Middleware(Likeness, report=report)
    with (
        account(layer, reports=LIKE_REPORTS) as config,
        pytest.raises(IncompleteError, match=stream_messages.NO_ACCESS_FOR_KEY()),
    ):
        sync(config, capsys, streams=["orders"])


def test_the_sandbox_reads_a_report_from_a_file(tmp_path: Path) -> None:
    with account(odd()) as config:
        report = survey_of({**config, "campaigns_endpoint": "campaigns"})
    path = tmp_path / "report.md"
    path.write_text(as_markdown(report), encoding="utf-8")
    program = "from tap_kayzen.sandbox.launcher import main; main()"
    command: list[str | Path] = [
        sys.executable,
        "-c",
        program,
        "--port",
        "0",
        "--like",
        path,
    ]
    with watched(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[3]
        line = process.stdout.readline()
        settings = {**SAMPLE_CONFIG, "api_url": url, "max_retries": 0}
        run = run_process("--config", config_in(tmp_path, settings), "--test")
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert line == (
        f"Behaving like the account report of {report['date']}: 27 calls, 3 rejected\n"
    )
    assert run.code == 1
    assert stream_messages.FORBIDDEN() in run.stderr


@pytest.mark.parametrize("text", ["", "# No report", "[]", '{"format": 99}', "{"])
def test_a_file_that_is_not_a_report_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    path.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(main, ["--like", str(path)])
    assert result.exit_code == 2
    assert "tap-kayzen --test=report" in result.output
