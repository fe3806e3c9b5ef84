"""The sandbox against the documentation: what it plays, and what it refuses."""

from __future__ import annotations

import gc
import json
import re
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests
from manual_clock import ManualClock
from starlette.middleware import Middleware
from support import SAMPLE_CONFIG, TOKEN_PATH, Sandbox, run_process, selecting
from watchdog import watched

from tap_kayzen.sandbox.access import Credentials
from tap_kayzen.sandbox.app import create_app
from tap_kayzen.sandbox.data import DEFAULT_ADVERTISER, Dataset
from tap_kayzen.sandbox.list_calls import CAMPAIGN_PARTS, LISTS, WITH_RECORDS
from tap_kayzen.sandbox.network import Latency
from tap_kayzen.sandbox.server import running

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

FORM = {
    "grant_type": "password",
    "username": SAMPLE_CONFIG["username"],
    "password": SAMPLE_CONFIG["password"],
}
BASIC = (SAMPLE_CONFIG["api_key"], SAMPLE_CONFIG["api_secret"])


def log_in(sandbox: Sandbox, **request: Any) -> requests.Response:
    options: dict[str, Any] = {"data": FORM, "auth": BASIC, **request}
    return requests.post(sandbox.url + TOKEN_PATH, timeout=5, **options)


def get(sandbox: Sandbox, path: str, token: str | None = None) -> requests.Response:
    bearer = token or log_in(sandbox).json()["access_token"]
    return requests.get(
        f"{sandbox.url}/v1/{path}",
        headers={"Authorization": f"Bearer {bearer}"},
        timeout=5,
    )


def test_a_login_returns_the_documented_response(sandbox: Sandbox) -> None:
    answer = log_in(sandbox)
    assert answer.status_code == 200
    token = answer.json()
    assert token.pop("access_token")
    assert token == {"expires_in": "1799", "scope": ""}


def test_a_login_with_json_is_accepted_too(sandbox: Sandbox) -> None:
    assert log_in(sandbox, data=None, json=FORM).status_code == 200


@pytest.mark.parametrize(
    ("request_", "status", "text"),
    [
        ({"auth": ("x", BASIC[1])}, 401, "Invalid API Key"),
        ({"auth": (BASIC[0], "x")}, 401, "Invalid API Key"),
        ({"auth": None}, 401, "Invalid API Key"),
        (
            {"auth": None, "headers": {"Authorization": "Basic ???"}},
            401,
            "Invalid API Key",
        ),
        ({"data": {**FORM, "password": "x"}}, 401, "Invalid login credentials"),
        ({"data": {**FORM, "username": "x"}}, 401, "Invalid login credentials"),
        ({"data": {**FORM, "grant_type": "x"}}, 401, "Invalid login credentials"),
        ({"data": None, "json": [1]}, 401, "Invalid login credentials"),
        ({"data": b"grant_type=password"}, 415, "Unsupported Media Type"),
    ],
)
def test_a_wrong_login_is_refused_with_a_message(
    sandbox: Sandbox, request_: dict[str, Any], status: int, text: str
) -> None:
    answer = log_in(sandbox, **request_)
    assert (answer.status_code, answer.json()) == (status, {"error": text})


@pytest.mark.parametrize(("is_single", "status"), [(False, 200), (True, 401)])
def test_a_login_revokes_older_tokens_only_if_configured(
    sandbox: Sandbox, status: int, *, is_single: bool
) -> None:
    sandbox.access.is_token_single = is_single
    old, new = (log_in(sandbox).json()["access_token"] for _ in range(2))
    assert get(sandbox, "campaigns", old).status_code == status
    assert get(sandbox, "campaigns", new).status_code == 200


def test_only_valid_tokens_give_access_to_a_list(sandbox: Sandbox) -> None:
    clock = sandbox.access.clock = ManualClock()
    token = log_in(sandbox).json()["access_token"]
    assert get(sandbox, "campaigns", token).status_code == 200
    assert get(sandbox, "campaigns", "invented").status_code == 401
    clock.advance(1798.9)
    assert get(sandbox, "campaigns", token).status_code == 200
    clock.advance(0.1)
    assert get(sandbox, "campaigns", token).status_code == 401
    sandbox.access.revoke_all()
    assert get(sandbox, "campaigns", token).status_code == 401


def test_an_unknown_path_is_404_before_any_login(sandbox: Sandbox) -> None:
    answer = requests.get(f"{sandbox.url}/v1/nothing", timeout=5)
    assert (answer.status_code, answer.json()) == (404, {"error": "Not Found"})


def test_lists_come_in_the_documented_envelope(sandbox: Sandbox) -> None:
    first = get(sandbox, "campaigns?per_page=100").json()
    last = get(sandbox, "campaigns?per_page=100&page=3").json()
    past = get(sandbox, "campaigns?per_page=100&page=4").json()
    assert (len(first["data"]), len(last["data"]), past["data"]) == (100, 50, [])
    assert first["meta"] == {"current_page": 1, "total_pages": 3, "total_entries": 250}
    assert past["meta"] == {"current_page": 4, "total_pages": 3, "total_entries": 250}


@pytest.mark.parametrize("path", LISTS)
def test_the_pages_of_every_list_add_up(sandbox: Sandbox, path: str) -> None:
    truth = LISTS[path](sandbox.dataset, DEFAULT_ADVERTISER)
    assert truth
    token = log_in(sandbox).json()["access_token"]
    usual = 25 if path.startswith("/v1/meta/") else 30
    for query, size in (("", usual), ("&per_page=100", 100), ("&per_page=7", 7)):
        rows: list[Any] = []
        total = -(-len(truth) // size)
        for number in range(1, total + 1):
            page = get(sandbox, f"{path[4:]}?page={number}{query}", token).json()
            assert page["meta"] == {
                "current_page": number,
                "total_pages": total,
                "total_entries": len(truth),
            }
            assert 0 < len(page["data"]) <= size
            rows += page["data"]
        assert rows == truth


def test_no_page_is_longer_than_100(sandbox: Sandbox) -> None:
    assert len(get(sandbox, "campaigns?per_page=1000").json()["data"]) == 100


@pytest.mark.parametrize("path", ["campaigns", "meta/cities"])
@pytest.mark.parametrize("query", ["page=0", "per_page=x", "advertiser_id=-1"])
def test_wrong_parameters_are_refused(sandbox: Sandbox, path: str, query: str) -> None:
    answer = get(sandbox, f"{path}?{query}")
    name = query.partition("=")[0]
    assert answer.status_code == 422
    assert answer.json() == {"error": f"{name} must be a positive integer"}


def test_search_and_advertisers(sandbox: Sandbox) -> None:
    found = get(sandbox, "campaigns?q=Puzzle").json()["data"]
    assert found
    assert all("Puzzle" in campaign["name"] for campaign in found)
    other = DEFAULT_ADVERTISER + 1
    answer = get(sandbox, f"campaigns?advertiser_id={other}").json()
    assert answer["meta"]["total_entries"] == 25
    assert get(sandbox, "campaigns?advertiser_id=1").status_code == 403


def test_a_campaign_can_be_deleted(sandbox: Sandbox) -> None:
    number = sandbox.dataset.campaigns[DEFAULT_ADVERTISER][3]["id"]
    url = f"{sandbox.url}/sandbox/campaigns/{number}"
    assert requests.delete(url, timeout=5).status_code == 200
    assert requests.delete(url, timeout=5).status_code == 404
    assert get(sandbox, "campaigns").json()["meta"]["total_entries"] == 249


@pytest.mark.parametrize("path", WITH_RECORDS)
def test_records_can_be_fetched_one_by_one(sandbox: Sandbox, path: str) -> None:
    token = log_in(sandbox).json()["access_token"]
    other = DEFAULT_ADVERTISER + 1
    *_, own = LISTS[path](sandbox.dataset, DEFAULT_ADVERTISER)
    *_, foreign = LISTS[path](sandbox.dataset, other)
    one, two = (f"{path[4:]}/{record['id']}" for record in (own, foreign))
    assert get(sandbox, one, token).json() == own
    assert get(sandbox, f"{two}?advertiser_id={other}", token).json() == foreign
    for missing in (two, f"{path[4:]}/1", f"{path[4:]}/{10**9}"):
        answer = get(sandbox, missing, token)
        assert (answer.status_code, answer.json()) == (404, {"error": "Not Found"})
    assert get(sandbox, one, "invented").status_code == 401


def test_lists_can_be_searched_by_id_too(sandbox: Sandbox) -> None:
    number = sandbox.dataset.lists("asset_files")[DEFAULT_ADVERTISER][4]["id"]
    (found,) = get(sandbox, f"asset_files?q={number}").json()["data"]
    assert found["id"] == number
    assert get(sandbox, "asset_files?q=nothing").json()["data"] == []


def test_the_documented_state_and_city_exist(sandbox: Sandbox) -> None:
    assert get(sandbox, "meta/states?country_id=11").json()["data"] == [
        {
            "id": 11,
            "country_id": 11,
            "country_alpha_2": "AF",
            "name": "Helmand",
            "iso_3166_2": "AF-HEL",
            "created_at": "2016-06-23T11:16:36.000Z",
            "updated_at": "2016-06-23T11:16:36.000Z",
        }
    ]
    assert get(sandbox, "meta/cities?q=Berlin").json()["data"] == [
        {
            "id": 100104,
            "name": "Berlin",
            "state_id": 3535,
            "state_name": "Schleswig-Holstein",
            "country_id": 93,
            "country_name": "Germany",
            "group": False,
        }
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("country_ids[]=93&country_ids[]=59", {59, 93}),
        ("state_ids[]=3535", {93}),
        ("state_ids[]=3535&country_ids[]=59", set()),
    ],
)
def test_cities_can_be_filtered(
    sandbox: Sandbox, query: str, expected: set[int]
) -> None:
    cities = get(sandbox, f"meta/cities?per_page=100&{query}").json()["data"]
    assert {city["country_id"] for city in cities} == expected


def test_a_balance_is_money_as_text(sandbox: Sandbox) -> None:
    body = get(sandbox, "balance").json()
    amount = body["advertiser"].pop("balance")
    assert re.fullmatch(r"\d+\.\d\d", amount)
    assert body == {"advertiser": {"warning": "ok"}}
    other = get(sandbox, f"balance?advertiser_id={DEFAULT_ADVERTISER + 1}").json()
    assert other["advertiser"]["balance"] != amount
    assert get(sandbox, "balance?advertiser_id=1").status_code == 403
    assert get(sandbox, "balance", "invented").status_code == 401


@pytest.mark.parametrize("part", CAMPAIGN_PARTS)
def test_parts_of_a_campaign_have_no_envelope(sandbox: Sandbox, part: str) -> None:
    token = log_in(sandbox).json()["access_token"]
    for campaign in sandbox.dataset.campaigns[DEFAULT_ADVERTISER][:5]:
        body = get(sandbox, f"campaigns/{campaign['id']}/{part}", token).json()
        assert body == CAMPAIGN_PARTS[part](sandbox.dataset, campaign)
    foreign = sandbox.dataset.campaigns[DEFAULT_ADVERTISER + 1][0]["id"]
    assert get(sandbox, f"campaigns/{foreign}/{part}", token).status_code == 404
    assert get(sandbox, f"campaigns/1/{part}", token).status_code == 404
    assert get(sandbox, f"campaigns/{foreign}/{part}", "invented").status_code == 401


def audiences(sandbox: Sandbox, **query: str | int) -> requests.Response:
    return requests.get(f"{sandbox.url}/audiences", params=query, timeout=5)


def test_audiences_have_30_rows_per_page(sandbox: Sandbox) -> None:
    key = Credentials().audience_api_key
    first, last, past = (
        audiences(sandbox, apikey=key, page=page, per_page=100).json()
        for page in (1, 2, 3)
    )
    truth = sandbox.dataset.lists("audiences")[DEFAULT_ADVERTISER]
    assert [*first["data"], *last["data"]] == truth
    assert (len(first["data"]), past["data"]) == (30, [])
    assert first["meta"] == {"current_page": 1, "total_pages": 2, "total_entries": 40}
    assert audiences(sandbox, apikey=key, page=0).status_code == 422


@pytest.mark.parametrize("query", [{}, {"apikey": ""}, {"apikey": "x"}])
def test_audiences_require_their_own_key(
    sandbox: Sandbox, query: dict[str, str]
) -> None:
    answer = audiences(sandbox, **query)
    assert (answer.status_code, answer.json()) == (401, {"error": "Invalid API Key"})


def test_responses_generated_at_the_start_are_the_same(sandbox: Sandbox) -> None:
    dataset = Dataset(campaigns=250, seed=1)
    with running(create_app(dataset, sandbox.access, pre_encoded=True)) as url:
        quick = Sandbox(url, dataset, sandbox.access)
        for path in ("campaigns", "campaigns?q=Farm", "meta/campaigns", "orders"):
            assert get(quick, path).content == get(sandbox, path).content


def test_latency_delays_every_response(sandbox: Sandbox) -> None:
    clock = ManualClock()
    layer = Middleware(Latency, seconds=2, clock=clock)
    app = create_app(sandbox.dataset, sandbox.access, middleware=[layer])
    with running(app) as url, ThreadPoolExecutor(1) as pool:
        for _ in range(2):
            answer = pool.submit(requests.get, f"{url}/v1/balance", timeout=5)
            assert not answer.done()
            assert clock.wake() == 2
            assert answer.result().status_code == 401


def sandbox_process(
    *arguments: str,
) -> AbstractContextManager[subprocess.Popen[str]]:
    return watched(
        [
            sys.executable,
            "-c",
            "from tap_kayzen.sandbox.launcher import main; main()",
            *arguments,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_the_command_serves_the_printed_settings(tmp_path: Path) -> None:
    with sandbox_process("--port", "0", "--campaigns", "12") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "12 campaigns of advertiser 108993" in line
        url = line.split()[3]
        config = tmp_path / "config.json"
        config.write_text(json.dumps({**SAMPLE_CONFIG, "api_url": url}))
        only = selecting(tmp_path, "campaigns")
        run = run_process("--config", config, *only)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate()
    assert len(run.records) == 12
    assert stderr == ""
    assert process.returncode == 0


def test_a_port_in_use_is_reported_in_one_line(sandbox: Sandbox) -> None:
    port = sandbox.url.rsplit(":", 1)[1]
    with sandbox_process("--port", port) as process:
        stdout, stderr = process.communicate()
    assert process.returncode == 1
    assert stdout == ""
    assert stderr == (
        f"Error: cannot listen on 127.0.0.1, port {port}: Address already in use; "
        "try --port 0\n"
    )


def test_a_sandbox_that_stops_closes_unread_connections() -> None:
    """Otherwise, a later test would show a warning."""
    is_sending = threading.Event()

    async def endless(_: Any, __: Any, send: Any) -> None:  # noqa: ANN401
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send(
                {
                    "type": "http.response.body",
                    "body": bytes(1 << 20),
                    "more_body": True,
                }
            )
            is_sending.set()

    with socket.socket() as client:
        with running(endless) as url:
            address, port = url.removeprefix("http://").split(":")
            client.connect((address, int(port)))
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert is_sending.wait(timeout=30)
        gc.collect()
