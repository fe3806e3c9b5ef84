"""KayzenClient: everything it takes to send requests to Kayzen, built once."""

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
    """Session, login, throttle, transport and workers of a tap.

    The parts are built from the settings when they are first needed, so that
    ``--discover`` works without settings.
    """

    def __init__(
        self, config: Mapping[str, Any], *, is_impatient: bool = False
    ) -> None:
        """Keep the settings; nothing is built or sent yet.

        Args:
            config: The settings.
            is_impatient: See `Wire`; may be set until the first request.
        """
        self._config = config
        self.is_impatient = is_impatient

    @cached_property
    def workers(self) -> Workers:
        """The threads that fetch pages ahead."""
        return Workers(self._config["concurrency"], self.wire.throttle)

    @cached_property
    def wire(self) -> Wire:
        """What all requests share; from here on, log lines show no secrets."""
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
        # None is needed, and threads must not write into one jar.
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session.headers["User-Agent"] = self._config["user_agent"]
        check_proxy(self._config["api_url"], session, adapter)
        return Wire(
            self._config, session, throttle, redactor, is_impatient=self.is_impatient
        )

    @cached_property
    def transport(self) -> Transport:
        """The transport shared by all streams, which use the same token."""
        return Transport(self.wire)

    def be_impatient(self) -> None:
        """Give up soon on a server that cannot be reached, as it could not before."""
        self.wire.is_impatient = True

    def be_patient(self) -> None:
        """Go back to all retries, as a server has answered."""
        self.wire.is_impatient = self.is_impatient

    def start(self) -> None:
        """Build what is missing, in the main thread, before workers use `transport`."""
        _ = self.transport
