"""The sandbox against the documentation: what it plays, and what it refuses."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import requests
from support import SAMPLE_CONFIG, TOKEN_PATH, run_process

from tap_kayzen.sandbox.data import DEFAULT_ADVERTISER, Dataset

if TYPE_CHECKING:
    from pathlib import Path

    from support import Sandbox

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


def test_a_login_gives_the_documented_answer(sandbox: Sandbox) -> None:
    answer = log_in(sandbox)
    assert answer.status_code == 200
    token = answer.json()
    assert token.pop("access_token")
    assert token == {"expires_in": "1799", "scope": ""}


def test_a_login_with_json_is_taken_too(sandbox: Sandbox) -> None:
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
def test_a_wrong_login_is_refused_in_words(
    sandbox: Sandbox, request_: dict[str, Any], status: int, text: str
) -> None:
    answer = log_in(sandbox, **request_)
    assert (answer.status_code, answer.json()) == (status, {"error": text})


def test_only_good_tokens_open_a_list(sandbox: Sandbox) -> None:
    now = [0.0]
    sandbox.access.clock = lambda: now[0]
    token = log_in(sandbox).json()["access_token"]
    assert get(sandbox, "campaigns", token).status_code == 200
    assert get(sandbox, "campaigns", "invented").status_code == 401
    now[0] = 1798.9
    assert get(sandbox, "campaigns", token).status_code == 200
    now[0] = 1799.0
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


def test_page_sizes(sandbox: Sandbox) -> None:
    assert len(get(sandbox, "meta/campaigns").json()["data"]) == 25
    assert len(get(sandbox, "campaigns?per_page=1000").json()["data"]) == 100
    for query in ("page=0", "per_page=x", "advertiser_id=-1"):
        assert get(sandbox, f"campaigns?{query}").status_code == 422


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


def test_a_seed_makes_the_same_data_everywhere() -> None:
    once, again = (Dataset(campaigns=30, seed=5).campaigns for _ in range(2))
    assert once == again
    assert once != Dataset(campaigns=30, seed=6).campaigns
    ids = [campaign["id"] for each in once.values() for campaign in each]
    assert len(ids) == len(set(ids)) == 36


def sandbox_process(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from tap_kayzen.sandbox.cli import main; main()",
            *arguments,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def test_the_command_serves_what_it_says(tmp_path: Path) -> None:
    with sandbox_process("--port", "0", "--campaigns", "12") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "12 campaigns of advertiser 108993" in line
        url = line.split()[3]
        config = tmp_path / "config.json"
        config.write_text(json.dumps({**SAMPLE_CONFIG, "api_url": url}))
        run = run_process("--config", config)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert len(run.records) == 12
    assert stderr == ""
    assert process.returncode == 0


def test_a_port_in_use_is_said_in_one_line(sandbox: Sandbox) -> None:
    port = sandbox.url.rsplit(":", 1)[1]
    with sandbox_process("--port", port) as process:
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert stdout == ""
    assert stderr == (
        f"Error: cannot listen on 127.0.0.1 port {port}: Address already in use; "
        "try --port 0\n"
    )
