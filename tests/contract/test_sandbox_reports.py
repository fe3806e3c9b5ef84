"""The sandbox's report calls, over a real socket."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import requests
from click.testing import CliRunner
from support import SAMPLE_CONFIG, TOKEN_PATH

from tap_kayzen.sandbox import launcher
from tap_kayzen.sandbox.access import Access, Credentials
from tap_kayzen.sandbox.app import create_app
from tap_kayzen.sandbox.data import DEFAULT_ADVERTISER, Dataset
from tap_kayzen.sandbox.report_builder import saved_request
from tap_kayzen.sandbox.report_calls import ReportOptions, request_of
from tap_kayzen.sandbox.server import running

if TYPE_CHECKING:
    from collections.abc import Generator
    from contextlib import AbstractContextManager

    from tap_kayzen.sandbox.basics import Record

TODAY = date(2026, 9, 10)
WEEK = TODAY - timedelta(days=6), TODAY
BODY: dict[str, Any] = {
    "start_date": "2026-09-04",
    "end_date": "2026-09-10",
    "metrics": ["impressions", "clicks", "advertiser_spend", "ctr"],
    "group_by": ["day", "campaign_id", "campaign_name"],
}


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return Dataset(campaigns=60, seed=1)


@pytest.fixture(scope="module")
def url(dataset: Dataset) -> Generator[str]:
    with serving(dataset) as url:
        yield url


@pytest.fixture(autouse=True)
def _today(dataset: Dataset) -> None:
    dataset.today = TODAY


def serving(dataset: Dataset, **options: Any) -> AbstractContextManager[str]:
    app = create_app(dataset, Access(Credentials()), reports=ReportOptions(**options))
    return running(app)


def header(url: str) -> dict[str, str]:
    form = {
        "grant_type": "password",
        "username": SAMPLE_CONFIG["username"],
        "password": SAMPLE_CONFIG["password"],
    }
    pair = SAMPLE_CONFIG["api_key"], SAMPLE_CONFIG["api_secret"]
    answer = requests.post(url + TOKEN_PATH, data=form, auth=pair, timeout=5)
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def post(url: str, content: str | bytes = b"", **body: object) -> requests.Response:
    return requests.post(
        f"{url}/v1/report_data",
        data=content or json.dumps({**BODY, **body}),
        headers=header(url),
        timeout=5,
    )


def data_of(answer: requests.Response) -> list[Record]:
    assert answer.status_code == 200, answer.text
    rows: list[Record] = answer.json(parse_float=Decimal)["data"]
    return rows


def get_results(url: str, number: int, **query: str | int) -> requests.Response:
    return requests.get(
        f"{url}/v1/reports/{number}/report_results",
        params=query,
        headers=header(url),
        timeout=5,
    )


def test_a_report_is_returned_as_documented(dataset: Dataset, url: str) -> None:
    answer = post(url, anything_else={"x": 1})
    body = answer.json(parse_float=Decimal)
    assert list(body) == ["headers", "data"]
    assert body["headers"] == []
    assert list(body["data"][0]) == [*BODY["group_by"], *BODY["metrics"]]
    assert len(body["data"]) > 100
    truth = dataset.report_rows(DEFAULT_ADVERTISER, request_of(BODY))
    assert body["data"] == truth


def test_time_zones_and_filters(dataset: Dataset, url: str) -> None:
    campaign = dataset.campaigns[DEFAULT_ADVERTISER][-1]
    body: dict[str, Any] = {
        "time_zone": "America/New_York",
        "group_by": ["country", "hour"],
        "filters": {"campaign_id": [campaign["id"]], "country": ["DE", None]},
    }
    rows = data_of(post(url, **body))
    assert {row["country"] for row in rows} == {"DE", None}
    request = request_of({**BODY, **body})
    assert rows == dataset.report_rows(DEFAULT_ADVERTISER, request)
    assert rows != data_of(post(url, **{**body, "time_zone": "UTC"}))


def test_the_body_names_the_advertiser(dataset: Dataset, url: str) -> None:
    other = DEFAULT_ADVERTISER + 1
    own = data_of(post(url, advertiser_id=DEFAULT_ADVERTISER))
    assert own == data_of(post(url))
    foreign = data_of(post(url, advertiser_id=other, group_by=["advertiser_id"]))
    assert [row["advertiser_id"] for row in foreign] == [other]
    assert foreign != data_of(post(url, group_by=["advertiser_id"]))
    assert post(url, advertiser_id=1).status_code == 403
    report = dataset.lists("reports")[other][0]["id"]
    days = {"start_date": f"{WEEK[0]}", "end_date": f"{WEEK[1]}"}
    assert get_results(url, report, **days).status_code == 404
    assert get_results(url, report, advertiser_id=other, **days).status_code == 200
    assert get_results(url, report, advertiser_id=1, **days).status_code == 403


def test_reports_need_a_token(url: str) -> None:
    for content in (json.dumps(BODY), "no JSON"):
        answer = requests.post(f"{url}/v1/report_data", data=content, timeout=5)
        assert answer.status_code == 401


@pytest.mark.parametrize(
    ("body", "culprit"),
    [
        ({"metrics": []}, "metrics must"),
        ({"metrics": None}, "metrics must be an array"),
        ({"metrics": "clicks"}, "metrics must be an array"),
        ({"metrics": ["clicks", "likes"]}, 'metrics: unknown name "likes"'),
        ({"metrics": [["clicks"]]}, 'metrics: unknown name ["clicks"]'),
        ({"group_by": ["day", "weather"]}, 'group_by: unknown name "weather"'),
        ({"group_by": {}}, "group_by must be an array"),
        ({"start_date": None}, "start_date must be a date"),
        ({"start_date": 20260901}, "start_date must be a date"),
        ({"start_date": "2026-9-1"}, "start_date must be a date"),
        ({"end_date": "2026-02-30"}, "end_date must be a date"),
        ({"start_date": "2026-09-11"}, "start_date must not be after end_date"),
        ({"time_zone": "Mars/Olympus"}, 'time_zone: unknown name "Mars/Olympus"'),
        ({"time_zone": "Europe"}, 'time_zone: unknown name "Europe"'),
        ({"time_zone": "../UTC"}, 'time_zone: unknown name "../UTC"'),
        ({"time_zone": None}, "time_zone: unknown name null"),
        ({"filters": []}, "filters must"),
        ({"filters": {"day": "2026-09-01"}}, "filters must"),
        ({"filters": {"weather": []}}, 'filters: unknown name "weather"'),
        ({"page": 0}, "page must"),
        ({"per_page": "x"}, "per_page must"),
        ({"advertiser_id": -1}, "advertiser_id must"),
    ],
)
def test_wrong_requests_are_refused_with_a_message(
    url: str, body: dict[str, Any], culprit: str
) -> None:
    answer = post(url, **body)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(culprit)


@pytest.mark.parametrize("content", [b"[]", b"no JSON", b"\xff", b'"text"'])
def test_a_body_that_is_not_an_object_is_refused(url: str, content: bytes) -> None:
    answer = post(url, content)
    assert (answer.status_code, answer.json()) == (
        422,
        {"error": "The body must be a JSON object"},
    )


@pytest.mark.parametrize("missing", ["start_date", "end_date", "metrics"])
def test_required_fields_of_a_request(url: str, missing: str) -> None:
    content = json.dumps({name: BODY[name] for name in BODY if name != missing})
    answer = post(url, content)
    assert answer.status_code == 422
    assert missing in answer.json()["error"]


def test_pages_without_their_number(url: str) -> None:
    rows = data_of(post(url))
    pages = [data_of(post(url, page=page, per_page=40)) for page in range(1, 12)]
    assert [row for page in pages for row in page] == rows
    assert pages[-1] == []
    assert {len(page) for page in pages[: len(rows) // 40]} == {40}


def test_pages_with_their_number(dataset: Dataset, url: str) -> None:
    rows = data_of(post(url))
    with serving(dataset, paging="meta", max_rows=50) as other:
        body = post(other, page=2, per_page=1000).json(parse_float=Decimal)
        assert body == {
            "headers": [],
            "data": rows[50:100],
            "meta": {
                "current_page": 2,
                "total_pages": -(-len(rows) // 50),
                "total_entries": len(rows),
            },
        }
        report = dataset.lists("reports")[DEFAULT_ADVERTISER][0]
        truth = dataset.report_rows(DEFAULT_ADVERTISER, saved_request(report, *WEEK))
        days = {"start_date": f"{WEEK[0]}", "end_date": f"{WEEK[1]}"}
        answer = get_results(other, report["id"], page=1, per_page=10, **days)
        assert data_of(answer) == truth[:10]
        assert answer.json()["meta"]["total_entries"] == len(truth)


def test_pages_that_are_ignored(dataset: Dataset, url: str) -> None:
    rows = data_of(post(url))
    with serving(dataset, paging="ignored", max_rows=50) as other:
        for page in (1, 2, 99):
            assert data_of(post(other, page=page)) == rows[:50]
            assert data_of(post(other, page=page, per_page=7)) == rows[:7]


def test_a_page_has_1000_rows_by_default(url: str) -> None:
    group_by = ["day", "campaign_id", "country"]
    assert len(data_of(post(url, group_by=group_by))) == 1000
    assert len(data_of(post(url, group_by=group_by, per_page=20_000))) > 1000


def test_pages_are_recounted_after_a_change(dataset: Dataset) -> None:
    changing = Dataset(campaigns=60, seed=1)
    with serving(changing) as url:
        changing.today = TODAY
        before = data_of(post(url))
        number = before[0]["campaign_id"]
        requests.delete(f"{url}/sandbox/campaigns/{number}", timeout=5)
        after = data_of(post(url))
        assert after == [row for row in before if row["campaign_id"] != number]
        changing.campaigns[DEFAULT_ADVERTISER][-1]["name"] = "Renamed"
        assert "Renamed" in {row["campaign_name"] for row in data_of(post(url))}
        changing.today = TODAY - timedelta(days=1)
        assert {row["day"] for row in data_of(post(url))} == {
            row["day"] for row in before if row["day"] != f"{TODAY}"
        }
    assert dataset.report_rows(DEFAULT_ADVERTISER, request_of(BODY)) == before


def test_today_can_be_set(dataset: Dataset, url: str) -> None:
    put = f"{url}/sandbox/today"
    assert requests.put(f"{put}/2026-09-05", timeout=5).status_code == 200
    assert dataset.today == date(2026, 9, 5)
    early = data_of(post(url, group_by=["day"], metrics=["installs"]))
    assert [row["day"] for row in early] == ["2026-09-04", "2026-09-05"]
    requests.put(f"{put}/2026-09-06", timeout=5)
    later = data_of(post(url, group_by=["day"], metrics=["installs"]))
    assert len(later) == 3
    assert later[0]["installs"] > early[0]["installs"]
    for wrong in ("tomorrow", "2026-02-30"):
        answer = requests.put(f"{put}/{wrong}", timeout=5)
        assert answer.status_code == 422
        assert answer.json()["error"].startswith("today must be a date")


def test_long_reports_can_be_forbidden(dataset: Dataset) -> None:
    with serving(dataset, max_days=7) as url:
        assert post(url).status_code == 200
        answer = post(url, start_date="2026-09-03")
        assert answer.status_code == 422
        assert answer.json() == {"error": "end_date: a report may span at most 7 days"}
        number = dataset.lists("reports")[DEFAULT_ADVERTISER][0]["id"]
        days = {"start_date": "2026-09-03", "end_date": "2026-09-10"}
        assert get_results(url, number, **days).status_code == 422


def test_old_days_can_be_forbidden(dataset: Dataset) -> None:
    oldest = TODAY - timedelta(days=30)
    with serving(dataset, retention_days=30) as url:
        assert post(url, start_date=f"{oldest}", end_date=f"{oldest}").ok
        before = f"{oldest - timedelta(days=1)}"
        answer = post(url, start_date=before, end_date=f"{TODAY}")
        assert answer.status_code == 400
        assert answer.json() == {"error": "start_date is out of range"}
        number = dataset.lists("reports")[DEFAULT_ADVERTISER][0]["id"]
        days = {"start_date": before, "end_date": before}
        assert get_results(url, number, **days).status_code == 400


def test_saved_reports_have_results(dataset: Dataset, url: str) -> None:
    days = {"start_date": f"{WEEK[0]}", "end_date": f"{WEEK[1]}"}
    for report in dataset.lists("reports")[DEFAULT_ADVERTISER][:6]:
        number = report["id"]
        got = requests.get(f"{url}/v1/reports/{number}", headers=header(url), timeout=5)
        assert got.json() == report
        body = get_results(url, number, **days).json(parse_float=Decimal)
        request = saved_request(report, *WEEK)
        assert request.time_zone == report["time_zone_name"]
        assert body == {"data": dataset.report_rows(DEFAULT_ADVERTISER, request)}
        elsewhere = replace(request, time_zone="Pacific/Auckland")
        assert body["data"] != dataset.report_rows(DEFAULT_ADVERTISER, elsewhere)


@pytest.mark.parametrize(
    ("query", "culprit"),
    [
        ({}, "start_date"),
        ({"start_date": "2026-09-01"}, "end_date"),
        ({"end_date": "2026-09-01"}, "start_date"),
        ({"start_date": "2026-09-02", "end_date": "2026-09-01"}, "start_date"),
        ({"start_date": "x", "end_date": "2026-09-01"}, "start_date"),
    ],
)
def test_results_need_both_dates(
    dataset: Dataset, url: str, query: dict[str, str], culprit: str
) -> None:
    number = dataset.lists("reports")[DEFAULT_ADVERTISER][0]["id"]
    answer = get_results(url, number, **query)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(culprit)


def test_results_of_unknown_reports_are_not_found(url: str) -> None:
    days = {"start_date": f"{WEEK[0]}", "end_date": f"{WEEK[1]}"}
    assert get_results(url, 1, **days).status_code == 404
    answer = requests.get(f"{url}/v1/reports/1/report_results", params=days, timeout=5)
    assert answer.status_code == 401


def test_the_command_takes_the_options(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def stop(dataset: Dataset, _: Access, **options: Any) -> None:
        seen.update(options, today=dataset.today)
        raise KeyboardInterrupt

    monkeypatch.setattr(launcher, "create_app", stop)
    arguments = ["--campaigns", "1", "--today", "2026-09-10", "--report-paging", "meta"]
    arguments += ["--max-report-days", "31", "--max-report-rows", "500"]
    arguments += ["--report-retention-days", "90"]
    CliRunner().invoke(launcher.main, arguments)
    assert seen["today"] == TODAY
    assert seen["reports"] == ReportOptions(
        "meta", max_rows=500, max_days=31, retention_days=90
    )
    CliRunner().invoke(launcher.main, ["--campaigns", "1"])
    assert seen["today"] is None
    assert seen["reports"] == ReportOptions()
