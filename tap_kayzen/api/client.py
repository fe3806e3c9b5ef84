"""The client that all streams of a tap share."""

from __future__ import annotations

from functools import cached_property
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter

from tap_kayzen.api.proxies import check_proxy
from tap_kayzen.api.retries import Wire
from tap_kayzen.api.throttle import Throttle
from tap_kayzen.api.transport import Transport
from tap_kayzen.api.workers import Workers
from tap_kayzen.output.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Mapping


class KayzenClient:
    """Session, login, throttle, transport, and workers of a tap.

    They are created on first use, so that ``--discover`` works without settings.
    """

    def __init__(self, config: Mapping[str, Any], *, fail_fast: bool = False) -> None:
        """Initialize the client without sending anything.

        Args:
            config: The settings.
            fail_fast: See `Wire`; can be changed until the first request.
        """
        self._config = config
        self.fail_fast = fail_fast

    @cached_property
    def workers(self) -> Workers:
        """Threads that fetch pages ahead."""
        return Workers(self._config["concurrency"], self.wire.throttle)

    @cached_property
    def wire(self) -> Wire:
        """Session, throttle, and redactor; first use also masks secrets in logs."""
        concurrency = self._config["concurrency"]
        redactor = Redactor(self._config)
        redactor.guard()
        throttle = Throttle(
            concurrency=concurrency,
            requests_per_second=self._config.get("requests_per_second"),
        )
        session = requests.Session()
        adapter = HTTPAdapter(pool_maxsize=concurrency)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        # Kayzen needs no cookies, and the jar is not safe to share among threads.
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session.headers["User-Agent"] = self._config["user_agent"]
        check_proxy(self._config["api_url"], session, adapter)
        return Wire(self._config, session, throttle, redactor, fail_fast=self.fail_fast)

    @cached_property
    def transport(self) -> Transport:
        """The transport shared by all streams, with a single token."""
        return Transport(self.wire)

    def enable_fail_fast(self) -> None:
        """Give up within seconds on unreachable servers from now on."""
        self.wire.fail_fast = True

    def reset_fail_fast(self) -> None:
        """Return to the configured retries after a response."""
        self.wire.fail_fast = self.fail_fast

    def start(self) -> None:
        """Create the transport in the main thread, before workers use it."""
        _ = self.transport
