from __future__ import annotations

import json
import os
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from starlette.middleware import Middleware
from starlette.requests import Request
from support import LAST, REPORT_DAYS, SAMPLE_CONFIG, Sandbox, ScriptedApi

from tap_kayzen.api.throttle import Throttle
from tap_kayzen.sandbox.access import Access, Credentials
from tap_kayzen.sandbox.app import create_app
from tap_kayzen.sandbox.data import Dataset
from tap_kayzen.sandbox.exchange import SERVER
from tap_kayzen.sandbox.server import running

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send
    from support import Call, Fault

    Serve = Callable[[Callable[[Call], Response]], tuple[str, ScriptedApi]]
    Broken = Callable[[Fault], dict[str, Any]]


# How fast examples are made says more about the machine than about a test.
# The same examples in each run; `make fuzz` looks for others.
settings.register_profile(
    "ci",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "long", settings.get_profile("ci"), derandomize=False, max_examples=2_000
)
settings.register_profile("mutation", settings.get_profile("ci"), database=None)
settings.load_profile("ci")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return two processes for each CPU: tests wait for half of their time."""
    return 2 * (os.cpu_count() or 1)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Isolate the tests from the user's settings and files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NETRC", raising=False)
    # It hides what Python says when it cannot write at the end.
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    for variable in os.environ:
        ours = variable.startswith(("TAP_KAYZEN_", "TARGET_", "LOGLEVEL"))
        if ours or variable.lower().endswith(("_proxy", "_ca_bundle")):
            monkeypatch.delenv(variable)


@pytest.fixture
def campaigns() -> int:
    """Return how many campaigns each advertiser of the sandbox has."""
    return 250


@pytest.fixture
def sandbox(campaigns: int) -> Generator[Sandbox]:
    dataset = Dataset(campaigns=campaigns, seed=1)
    access = Access(Credentials())
    requests: list[str] = []

    class Noted:
        """Notes the paths that are requested."""

        def __init__(self, app: ASGIApp) -> None:
            self._app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            requests.append(scope.get("path", ""))
            await self._app(scope, receive, send)

    app = create_app(dataset, access, middleware=[Middleware(Noted)])
    with running(app) as url:
        yield Sandbox(url, dataset, access, requests)


@pytest.fixture
def config(sandbox: Sandbox) -> dict[str, Any]:
    return {**SAMPLE_CONFIG, "api_url": sandbox.url}


@pytest.fixture
def everything(sandbox: Sandbox) -> dict[str, Any]:
    return {
        **SAMPLE_CONFIG,
        # Small, so that long streams have several pages.
        "page_size": 25,
        "report_page_size": 100,
        "api_url": sandbox.url,
        "audience_url": sandbox.url,
        "audience_api_key": "sandbox-audience-key",
        **REPORT_DAYS,
    }


@pytest.fixture
def config_file(config: dict[str, Any], tmp_path: Path) -> Path:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


@pytest.fixture
def serve() -> Generator[Serve]:
    """Serve a scripted API; returns its address and what it has been asked."""
    with ExitStack() as servers:

        def start(answer: Callable[[Call], Response]) -> tuple[str, ScriptedApi]:
            api = ScriptedApi(answer)
            return servers.enter_context(running(api)), api

        yield start


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that retries would have waited, instead of waiting them."""
    waited: list[float] = []

    def sleep(_: Throttle, seconds: float) -> None:
        waited.append(seconds)

    def refused(_: Throttle, started: float, seconds: float) -> None:  # noqa: ARG001
        waited.append(seconds)

    monkeypatch.setattr(Throttle, "sleep", sleep)
    monkeypatch.setattr(Throttle, "refused", refused)
    return waited


@pytest.fixture
def requested() -> Counter[str]:
    """Count the requests for each path."""
    return Counter()


@pytest.fixture
def broken(requested: Counter[str]) -> Generator[Broken]:
    """Serve a sandbox that fails as a function says; returns settings to read it."""
    with ExitStack() as servers:

        def start(fault: Fault) -> dict[str, Any]:
            class Faulty:
                def __init__(self, app: ASGIApp) -> None:
                    self._app = app

                async def __call__(
                    self, scope: Scope, receive: Receive, send: Send
                ) -> None:
                    request = Request(scope, receive)
                    requested[request.url.path] += 1
                    body = await request.body()

                    async def again() -> Message:
                        return {"type": "http.request", "body": body}

                    answer = fault(request, body)
                    if answer is LAST:
                        await scope["extensions"][SERVER].go_down(seconds=1e6)
                    await (answer or self._app)(scope, again, send)

            dataset = Dataset(campaigns=12, seed=1, advertisers=3)
            app = create_app(
                dataset, Access(Credentials()), middleware=[Middleware(Faulty)]
            )
            url = servers.enter_context(running(app))
            return {**SAMPLE_CONFIG, **REPORT_DAYS, "api_url": url, "max_retries": 0}

        yield start
