"""The sandbox's faults, over a socket: each does what it says, from a seed."""

from __future__ import annotations

import json
import math
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import pytest
import requests
from click.testing import CliRunner
from manual_clock import HurriedClock, ManualClock
from starlette.middleware import Middleware
from support import SAMPLE_CONFIG, TOKEN_PATH, sync

from tap_kayzen.api.throttle import Throttle
from tap_kayzen.sandbox.access import Access, Credentials
from tap_kayzen.sandbox.app import create_app
from tap_kayzen.sandbox.data import DEFAULT_ADVERTISER, Dataset
from tap_kayzen.sandbox.fault_answers import (
    ABSURD,
    DATE_SECONDS,
    DOWN_SECONDS,
    DRIP_PIECES,
    DRIP_SECONDS,
    RESET_DELAY_SECONDS,
)
from tap_kayzen.sandbox.fault_plan import TRANSIENT, FaultPlan
from tap_kayzen.sandbox.faults import FAILED_LOGINS, MIN_TOKEN_CALLS, Faults
from tap_kayzen.sandbox.fixed_lists import OWN_KEY
from tap_kayzen.sandbox.launcher import main
from tap_kayzen.sandbox.server import RESERVE_SECONDS, listen, running

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

LOGIN: dict[str, Any] = {
    "auth": (SAMPLE_CONFIG["api_key"], SAMPLE_CONFIG["api_secret"]),
    "data": {
        "grant_type": "password",
        "username": SAMPLE_CONFIG["username"],
        "password": SAMPLE_CONFIG["password"],
    },
}
LIST = "/v1/campaigns?per_page=100"
STALL_SECONDS = 0.3
IP_LOCAL_PORT_RANGE = 51
"""Of Linux since 6.3; Python's `socket` does not name it."""

T = TypeVar("T")


class Faulty:
    """A sandbox with faults, and a client that has logged in."""

    def __init__(
        self, url: str, dataset: Dataset, plan: FaultPlan, clock: ManualClock
    ) -> None:
        self.url = url
        self.dataset = dataset
        self.plan = plan
        self.clock = clock
        self.log_in()

    def meet(
        self, rates: Mapping[str, float], *, seed: int = 1, limit: int | None = None
    ) -> None:
        self.plan.change(seed, rates, limit)

    def log_in(self) -> int:
        answer = requests.post(self.url + TOKEN_PATH, timeout=5, **LOGIN)
        if answer.ok:
            self.headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        return answer.status_code

    def get(self, path: str = LIST, timeout: float = 5) -> requests.Response:
        return requests.get(
            self.url + path,
            headers=self.headers,
            timeout=timeout,
            allow_redirects=False,
        )

    def content(self, path: str = LIST) -> dict[str, Any]:
        content: dict[str, Any] = self.get(path).json()
        return content

    def during(self, call: Callable[[], T], *sleeps: float) -> T:
        """Make a call; it ends only after the sandbox slept this long, and no longer.

        Args:
            call: The call.
            sleeps: Seconds that the sandbox sleeps, one time after the other.
        """
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(call)
            for seconds in sleeps:
                assert not answer.done()
                assert self.clock.wake() == seconds
            return answer.result()

    def raw(self, *sleeps: float) -> tuple[bytes, bytes, bool]:
        """Ask over a socket.

        Args:
            sleeps: Seconds that the sandbox sleeps, each time after the client has
                received something.

        Returns:
            Head, body, and whether the end was a reset.
        """
        wanted = iter(sleeps)
        host, port = self.url.removeprefix("http://").split(":")
        received, is_reset = b"", False
        with socket.create_connection((host, int(port)), 5) as client:
            lines = [f"GET {LIST} HTTP/1.1", "Host: sandbox", "Connection: close"]
            lines += [f"{name}: {value}" for name, value in self.headers.items()]
            client.sendall("\r\n".join([*lines, "", ""]).encode())
            try:
                while part := client.recv(65536):
                    received += part
                    for seconds in islice(wanted, 1):
                        assert self.clock.wake() == seconds
            except ConnectionResetError:
                is_reset = True
        assert not [*wanted]
        head, _, body = received.partition(b"\r\n\r\n")
        return head.lower(), body, is_reset


@contextmanager
def faulty(
    rates: Mapping[str, float],
    *,
    limit: int | None = None,
    clock: ManualClock | None = None,
) -> Generator[Faulty]:
    clock = clock or ManualClock()
    dataset, access = Dataset(campaigns=250, seed=1), Access(Credentials())
    plan = FaultPlan(1, rates, limit, stall_seconds=STALL_SECONDS)
    layer = Middleware(Faults, plan=plan, access=access, dataset=dataset, clock=clock)
    with running(create_app(dataset, access, middleware=[layer]), clock) as url:
        yield Faulty(url, dataset, plan, clock)


@pytest.fixture(scope="module")
def api() -> Generator[Faulty]:
    """A sandbox for all tests that leave it as it was."""
    with faulty({}) as shared:
        yield shared


@pytest.fixture
def whole(api: Faulty) -> bytes:
    """The body that there is without faults."""
    api.meet({})
    body = api.get().content
    assert len(json.loads(body)["data"]) == 100
    return body


def test_a_plan_without_faults_changes_nothing(api: Faulty, whole: bytes) -> None:
    api.meet({"http-503": 0})
    assert api.get().content == whole
    assert api.plan.report["injected"] == {}


def test_http_429_has_every_kind_of_retry_after(api: Faulty) -> None:
    api.meet({"http-429-seconds": 1})
    answer = api.get()
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    api.meet({"http-429-date": 1})
    until = parsedate_to_datetime(api.get().headers["Retry-After"])
    assert until.timestamp() == api.clock.unix_time() + DATE_SECONDS
    api.meet({"http-429-absurd": 1})
    values = {api.get().headers["Retry-After"] for _ in range(40)}
    assert len(values) > 3
    assert values <= set(ABSURD)
    api.meet({"http-429-missing": 1})
    answer = api.get()
    assert answer.status_code == 429
    assert "Retry-After" not in answer.headers


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_broken_server_answers_with_json_html_or_nothing(
    api: Faulty, status: int
) -> None:
    api.meet({f"http-{status}": 1})
    answers = [api.get() for _ in range(20)]
    assert {answer.status_code for answer in answers} == {status}
    kinds = [answer.headers.get("Content-Type", "") for answer in answers]
    assert {kind.partition(";")[0] for kind in kinds} == {
        "application/json",
        "text/html",
        "",
    }


def test_connections_are_reset_before_and_in_the_middle(
    api: Faulty, whole: bytes
) -> None:
    api.meet({"reset-before": 1})
    assert api.raw() == (b"", b"", True)
    with pytest.raises(requests.ConnectionError):
        api.get()
    api.meet({"reset-middle": 1})
    head, body, is_reset = api.raw(RESET_DELAY_SECONDS)
    assert (head[:15], is_reset) == (b"http/1.1 200 ok", True)
    assert 0 < len(body) < len(whole)
    assert whole.startswith(body)
    with pytest.raises(requests.RequestException):
        api.during(api.get, RESET_DELAY_SECONDS)


def test_connections_are_refused_for_a_moment() -> None:
    with faulty({"refused": 1}, limit=1) as api:
        assert api.raw() == (b"", b"", True)
        api.clock.advance(0.99 * DOWN_SECONDS)
        with pytest.raises(requests.ConnectionError, match="refused"):
            api.get()
        assert api.clock.wake() == DOWN_SECONDS
        assert api.clock.now() == DOWN_SECONDS
        assert api.get().status_code == 200


def test_no_one_else_gets_the_port_while_connections_are_refused() -> None:
    with faulty({"refused": 1}, limit=1) as api, socket.socket() as other:
        assert api.raw() == (b"", b"", True)
        address = urlsplit(api.url)
        assert address.port
        only = struct.pack("=HH", address.port, address.port)
        try:
            other.setsockopt(socket.IPPROTO_IP, IP_LOCAL_PORT_RANGE, only)
        except OSError:
            pytest.skip("this system does not let a client choose among few ports")
        # From a port that is free, it would now be connected with itself.
        with pytest.raises(OSError, match="assign"):
            other.connect((address.hostname, address.port))


def test_a_server_comes_back_although_its_socket_was_copied(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As those of a process are, for a moment, when it starts another one."""
    copies: list[socket.socket] = []

    def copied(host: str, port: int) -> socket.socket:
        listener = listen(host, port)
        copies.append(listener.dup())
        return listener

    monkeypatch.setattr("tap_kayzen.sandbox.server.listen", copied)
    with faulty({"refused": 1}, limit=1) as api:
        assert api.raw() == (b"", b"", True)
        assert api.clock.wake() == RESERVE_SECONDS
        copies[0].close()
        assert api.clock.wake() == RESERVE_SECONDS
        assert api.clock.wake() == DOWN_SECONDS
        assert api.get().status_code == 200


def test_a_stalled_response_keeps_the_client_waiting(api: Faulty) -> None:
    api.meet({"stall": 1})
    assert api.during(api.raw, STALL_SECONDS) == (b"", b"", False)
    with pytest.raises(requests.ReadTimeout):
        api.get(timeout=0.1)


def test_bodies_are_truncated_by_length_and_by_chunks(
    api: Faulty, whole: bytes
) -> None:
    api.meet({"truncated": 1})
    heads = set()
    for _ in range(20):
        head, body, is_reset = api.raw()
        by_length = f"content-length: {len(whole)}".encode() in head
        heads.add(by_length)
        assert by_length != (b"transfer-encoding: chunked" in head)
        assert not is_reset
        assert len(body) < len(whole)
        assert not body.endswith(b"0\r\n\r\n")
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            api.get()
    assert heads == {True, False}


def test_bodies_with_status_200_can_be_invalid_json(api: Faulty, whole: bytes) -> None:
    api.meet({"not-json": 1})
    answer = api.get()
    assert (answer.status_code, answer.text[:9]) == (200, "<!DOCTYPE")
    api.meet({"half-json": 1})
    answer = api.get()
    assert answer.status_code == 200
    assert whole.startswith(answer.content)
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_lengths_are_wrong_in_both_directions(api: Faulty, whole: bytes) -> None:
    api.meet({"wrong-length": 1})
    lengths = set()
    for _ in range(20):
        head, body, _ = api.raw()
        assert body == whole
        lengths.add(int(head.partition(b"content-length: ")[2].split()[0]))
    assert lengths == {len(whole) - 10, len(whole) + 10}


def test_gzip_is_broken_in_several_ways(api: Faulty, whole: bytes) -> None:
    def read(api: Faulty) -> str:
        try:
            answer = api.get()
        except requests.exceptions.ContentDecodingError:
            return "not decoded"
        assert whole.startswith(answer.content)
        return "cut off" if answer.content != whole else "whole"

    api.meet({"broken-gzip": 1})
    assert {read(api) for _ in range(20)} == {"not decoded", "cut off"}


def test_a_slow_body_is_complete(api: Faulty, whole: bytes) -> None:
    api.meet({"slow-drip": 1})
    pauses = [DRIP_SECONDS] * DRIP_PIECES
    assert api.during(api.get, *pauses).content == whole
    api.meet({"slow-drip": 1, "unknown-field": 1})
    assert len(api.during(api.get, *pauses).content) > len(whole)


@pytest.mark.parametrize(
    ("name", "troubles"),
    [
        ("token-revoked", []),
        ("token-down", [503] * FAILED_LOGINS),
        ("token-limit", [500] * FAILED_LOGINS),
    ],
)
def test_tokens_are_revoked_and_the_login_fails_for_a_while(
    name: str, troubles: list[int]
) -> None:
    with faulty({name: 1}) as api:
        statuses = [api.get().status_code for _ in range(MIN_TOKEN_CALLS + 3)]
        assert statuses == [200] * MIN_TOKEN_CALLS + [401] * 3
        logins = [api.log_in() for _ in range(len(troubles) + 1)]
        assert logins == [*troubles, 200]
        assert api.get().status_code == 200
        assert api.plan.injected == {name: 1}


def test_a_gateway_limits_with_429_and_500(api: Faulty) -> None:
    api.meet({"gateway-limit": 1})
    answers = [api.get() for _ in range(20)]
    assert {answer.status_code for answer in answers} == {429, 500}
    assert {answer.json()["fault"]["detail"]["errorcode"] for answer in answers} == {
        "policies.ratelimit.QuotaViolation",
        "policies.ratelimit.SpikeArrestViolation",
    }


def test_a_key_can_lack_access_to_a_path(api: Faulty) -> None:
    bodies = set()
    for seed in range(10):
        api.meet({"no-api-product": 1}, seed=seed)
        answer = api.get()
        assert answer.status_code == 401
        bodies.add(answer.json()["fault"]["faultstring"])
    assert bodies == {
        "Invalid API call as no apiproduct match found",
        "APIResource /v1/campaigns does not exist",
    }
    api.meet({"unauthorized-path": 1})
    answer = api.get()
    assert (answer.status_code, answer.text) == (
        401,
        '{"error":"Authentication error"}',
    )


@pytest.mark.parametrize("name", ["no-api-product", "unauthorized-path"])
def test_a_path_is_refused_for_all_ids_and_others_are_not(
    api: Faulty, name: str
) -> None:
    def statuses(seed: int) -> list[int]:
        api.meet({name: 0.5}, seed=seed)
        ids = [row["id"] for row in api.dataset.campaigns[DEFAULT_ADVERTISER]]
        paths = [f"/v1/campaigns/{number}/detail" for number in ids[:5]]
        return [api.get(path).status_code for path in (*paths, "/v1/orders")]

    found = [statuses(seed) for seed in range(20)]
    assert {len(set(each[:5])) for each in found} == {1}
    assert {(each[0], each[5]) for each in found} == {
        (a, b) for a in (200, 401) for b in (200, 401)
    }


def test_a_login_is_refused_as_by_a_gateway(api: Faulty) -> None:
    found = set()
    for seed in range(20):
        api.meet({"invalid-client": 1}, seed=seed)
        answer = requests.post(api.url + TOKEN_PATH, timeout=5, **LOGIN)
        found.add((answer.status_code, answer.text))
        assert "nvalid" in answer.text
    assert {status for status, _ in found} == {400, 401}
    assert len(found) == 3


def test_meta_is_missing_text_or_wrong(api: Faulty) -> None:
    api.meet({"meta-missing": 1})
    assert api.content().keys() == {"data"}
    api.meet({"meta-strings": 1})
    assert api.content()["meta"]["total_entries"] == "250"
    api.meet({"meta-shrinking": 1})
    metas = [api.content(f"{LIST}&page={page}")["meta"] for page in (1, 2, 3)]
    assert [meta["total_pages"] for meta in metas] == [3, 2, 1]
    assert [meta["total_entries"] for meta in metas] == [250, 240, 230]
    api.meet({"meta-growing": 1})
    pages = [api.content(f"{LIST}&page={page}") for page in (1, 3, 8)]
    assert [page["meta"]["total_pages"] for page in pages] == [4, 6, 8]
    assert [len(page["data"]) for page in pages] == [100, 50, 0]


def test_rows_are_duplicated_or_undocumented(api: Faulty, whole: bytes) -> None:
    rows = json.loads(whole)["data"]
    api.meet({"duplicate-rows": 1})
    found = api.content()["data"]
    assert len(found) == len(rows) + 1
    assert {row["id"] for row in found} == {row["id"] for row in rows}
    assert api.content()["data"] == found
    api.meet({"unknown-field": 1})
    found = api.content()["data"]
    assert all(row.pop("unheard_of") for row in found)
    assert found == rows
    api.meet({"wrong-type-field": 1})
    found = api.content()["data"]
    changed = [
        (name, value)
        for row, other in zip(found, rows, strict=True)
        for name, value in row.items()
        if value != other[name]
    ]
    assert [value for _, value in changed] == ["abc"]
    assert api.content()["data"] == found


def test_rows_contain_their_own_secrets(api: Faulty, whole: bytes) -> None:
    api.meet({"secret-field": 1})
    found = api.content()["data"]
    assert all(row.pop("api_key").startswith(OWN_KEY) for row in found)
    nested = [row.pop("integration")["steps"][0]["accessToken"] for row in found]
    assert {*nested} == {OWN_KEY}
    assert found == json.loads(whole)["data"]


def test_report_rows_differ_from_the_request(api: Faulty) -> None:
    days = {"start_date": "2025-03-01", "end_date": "2025-03-02"}
    asked = {"group_by": ["day"], "metrics": ["clicks", "advertiser_spend"]}

    def rows_with(fault: str) -> list[dict[str, Any]]:
        api.meet({fault: 1})
        url = f"{api.url}/v1/report_data"
        body = {**days, **asked}
        answer = requests.post(url, json=body, headers=api.headers, timeout=5)
        rows: list[dict[str, Any]] = answer.json()["data"]
        return rows

    rows = rows_with("unknown-field")
    for row in rows:
        del row["unheard_of"]
    assert len(rows) == 2
    assert rows_with("day-renamed") == [
        {"date": row["day"], **{name: row[name] for name in asked["metrics"]}}
        for row in rows
    ]
    *same, total = rows_with("total-row")
    assert same == rows
    assert total["day"] == "Total"
    assert total["clicks"] == sum(row["clicks"] for row in rows)
    spend = [row["advertiser_spend"] for row in rows_with("amount-text")]
    assert spend == [f"${row['advertiser_spend']:,.2f}" for row in rows]


def test_decimals_of_reports_stay_unchanged(api: Faulty) -> None:
    days = {"start_date": "2025-03-01", "end_date": "2025-03-02"}
    body = {**days, "group_by": ["campaign_id"], "metrics": ["advertiser_spend"]}
    texts = []
    for rate in (0.0, 1.0):
        api.meet({"unknown-field": rate, "meta-missing": 1})
        answer = requests.post(
            f"{api.url}/v1/report_data", json=body, headers=api.headers, timeout=5
        )
        assert answer.status_code == 200, answer.text
        texts.append(answer.text)
    plain, changed = texts
    assert '"unheard_of"' in changed
    assert changed.replace(',"unheard_of":{"nested":[1,"two",null]}', "") == plain


def test_an_endless_list_and_a_list_in_one_page(api: Faulty) -> None:
    api.meet({"endless-page": 1})
    pages = [api.content(f"{LIST}&page={page}") for page in (1, 3, 4, 99)]
    totals = [page["meta"]["total_pages"] for page in pages]
    assert totals == [4, 4, 5, 100]
    assert pages[1]["data"] == pages[2]["data"] == pages[3]["data"] != []
    api.meet({"huge-page": 1})
    page = api.content("/v1/campaigns?per_page=7")
    assert page["data"] == api.dataset.campaigns[DEFAULT_ADVERTISER]
    assert page["meta"]["total_pages"] == 1
    assert api.content("/v1/campaigns?per_page=7&page=2")["data"] == []


def test_rows_move_between_pages() -> None:
    with faulty({"rows-move": 1}) as api:
        before = [row["id"] for row in api.dataset.campaigns[DEFAULT_ADVERTISER]]
        first = [row["id"] for row in api.content()["data"]]
        after = [row["id"] for row in api.dataset.campaigns[DEFAULT_ADVERTISER]]
    assert first == before[:100]
    assert len({*before} ^ {*after}) == 1
    assert after == sorted(after)


def test_a_redirect_leads_to_another_host(api: Faulty) -> None:
    api.meet({"redirect": 1})
    answer = api.get()
    assert answer.status_code == 302
    host = urlsplit(answer.headers["Location"]).hostname
    assert host != urlsplit(api.url).hostname


def test_one_advertiser_is_forbidden(api: Faulty) -> None:
    api.meet({"forbidden-advertiser": 1})
    forbidden = api.plan.forbidden
    statuses = [
        api.get(f"{LIST}&advertiser_id={number}").status_code
        for number in (DEFAULT_ADVERTISER, forbidden, forbidden + 1)
    ]
    assert statuses == [200, 403, 200]


MIX = dict.fromkeys(("http-500", "http-503", "not-json"), 0.2)


def outcomes(api: Faulty, pages: list[int]) -> dict[int, list[tuple[int, bool]]]:
    found: dict[int, list[tuple[int, bool]]] = {}
    for page in pages:
        answer = api.get(f"/v1/campaigns?page={page}")
        is_good = "data" in answer.text
        found.setdefault(page, []).append((answer.status_code, is_good))
    return found


def test_the_seed_decides_regardless_of_call_order(api: Faulty) -> None:
    api.meet(MIX, seed=7)
    first = outcomes(api, [1, 2, 3] * 10)
    counts = dict(api.plan.injected)
    api.meet(MIX, seed=7)
    assert outcomes(api, [3] * 10 + [2, 1] * 10) == first
    assert dict(api.plan.injected) == counts
    api.meet(MIX, seed=8)
    assert outcomes(api, [1, 2, 3] * 10) != first
    assert math.isclose(sum(counts.values()), 18, abs_tol=7)


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_faults_in_a_row_are_limited(api: Faulty, limit: int) -> None:
    api.meet({"http-500": 1}, limit=limit)
    statuses = [api.get().status_code for _ in range(2 * limit + 2)]
    assert statuses == ([500] * limit + [200]) * 2
    assert api.plan.injected["http-500"] == 2 * limit


def test_the_plan_can_be_changed_and_watched(api: Faulty) -> None:
    api.meet({})
    url = f"{api.url}/sandbox/faults"
    plan = {"seed": 3, "rates": {"http-502": 1}, "limit": 1}
    expected = {**plan, "injected": {}}
    assert requests.put(url, json=plan, timeout=5).json() == expected
    assert [api.get().status_code for _ in range(3)] == [502, 200, 502]
    expected = {**plan, "injected": {"http-502": 2}}
    assert requests.get(url, timeout=5).json() == expected
    assert requests.put(url, json={}, timeout=5).json() == {
        "seed": 3,
        "rates": {},
        "limit": 3,
        "injected": {},
    }
    assert api.get().status_code == 200


@pytest.mark.parametrize(
    ("rates", "words"),
    [
        ({"http-418": 1}, "unknown fault http-418"),
        ({"http-500": 1.5}, "from 0 to 1"),
        ({"http-500": 0.6, "http-502": 0.6}, "not exceed 1 in total"),
        ([], "keys"),
        ({"http-500": "x"}, "not supported"),
    ],
)
def test_an_invalid_plan_is_refused(api: Faulty, rates: object, words: str) -> None:
    api.meet({"http-500": 1})
    url = f"{api.url}/sandbox/faults"
    answer = requests.put(url, json={"rates": rates}, timeout=5)
    assert answer.status_code == 422
    assert words in answer.json()["error"]
    assert api.get().status_code == 500


@pytest.mark.parametrize("value", ["http-418=1", "http-500=x", "http-500"])
def test_the_command_refuses_unknown_faults(value: str) -> None:
    result = CliRunner().invoke(main, ["--fault", value])
    assert result.exit_code == 2
    assert "http-503" in result.output


def test_the_tap_gets_through_all_transient_faults(
    capsys: pytest.CaptureFixture[str], waits: list[float]
) -> None:
    # Retries that do not wait do not outlast the time without a server.
    names = [name for name in TRANSIENT if name != "refused"]
    rates = dict.fromkeys(names, 0.5 / len(names))
    with faulty(rates, limit=3, clock=HurriedClock()) as api:
        config = {
            **SAMPLE_CONFIG,
            "api_url": api.url,
            "campaigns_endpoint": "campaigns",
            "concurrency": 4,
            "page_size": 5,
            "request_timeout": 1,
        }
        run = sync(config, capsys)
        truth = api.dataset.campaigns[DEFAULT_ADVERTISER]
        assert [row["id"] for row in run.records] == [row["id"] for row in truth]
        assert len(api.plan.injected) > 10
    assert waits


def test_the_tap_waits_for_a_server_that_is_down(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with faulty({"refused": 1}, limit=1) as api:
        # What the tap waits is all the time that passes for the server.
        monkeypatch.setattr(
            Throttle, "sleep", lambda _, seconds: api.clock.advance(seconds)
        )
        # Its retries take no time, while the server needs a moment until it sleeps.
        config = {**SAMPLE_CONFIG, "api_url": api.url, "max_retries": 40}
        run = sync(config, capsys)
        assert len(run.records) == 250
        assert api.plan.injected["refused"] > 0
        assert api.clock.now() >= DOWN_SECONDS
