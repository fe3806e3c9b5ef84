"""KayzenClient: everything it takes to send requests to Kayzen, built once."""

from __future__ import annotations

from functools import cached_property
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, TypeVar

import requests
from requests.adapters import HTTPAdapter

from tap_kayzen.api.auth import KayzenAuthenticator
from tap_kayzen.api.throttle import Throttle
from tap_kayzen.api.transport import Transport
from tap_kayzen.api.workers import Workers
from tap_kayzen.output.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_kayzen.api.transport import Request

Result = TypeVar("Result")


class KayzenClient:
    """Session, login, throttle, transport and workers of a tap.

    The parts are built from the settings when they are first needed, so that
    ``--discover`` works without settings.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Keep the settings; nothing is built or sent yet.

        Args:
            config: The tap's settings, with their defaults.
        """
        self._config = config

    @cached_property
    def workers(self) -> Workers:
        """The threads that fetch pages ahead."""
        return Workers(self._config["concurrency"])

    @cached_property
    def throttle(self) -> Throttle:
        """The gate that all requests pass, the login's too."""
        return Throttle(
            concurrency=self._config["concurrency"],
            requests_per_second=self._config.get("requests_per_second"),
        )

    @cached_property
    def redactor(self) -> Redactor:
        """Masks secrets in messages, and from here on in log lines."""
        redactor = Redactor(self._config)
        redactor.guard()
        return redactor

    @cached_property
    def session(self) -> requests.Session:
        """The HTTP session of all requests, with a connection for each worker."""
        session = requests.Session()
        adapter = HTTPAdapter(pool_maxsize=self._config["concurrency"])
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        # None is needed, and threads must not write into one jar.
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        session.headers["User-Agent"] = self._config["user_agent"]
        return session

    @cached_property
    def authenticator(self) -> KayzenAuthenticator:
        """The one authenticator, so that all streams use the same token."""
        return KayzenAuthenticator(
            config=self._config,
            session=self.session,
            throttle=self.throttle,
            redactor=self.redactor,
        )

    @cached_property
    def transport(self) -> Transport:
        """The transport shared by all streams."""
        return Transport(
            config=self._config,
            session=self.session,
            authenticator=self.authenticator,
            throttle=self.throttle,
            redactor=self.redactor,
        )

    def start(self) -> None:
        """Build what is missing, and let requests through again after `stop`.

        To be called in the main thread, before workers call `fetch`.
        """
        _ = self.transport
        self.throttle.start()

    def stop(self) -> None:
        """Abort all requests that wait for their turn or for a retry."""
        self.throttle.stop()

    def log_in(self) -> None:
        """Get a token.

        Raises:
            LoginError: Kayzen returned none.
        """
        self.authenticator.update_access_token()

    def fetch(
        self,
        request: Request,
        parse: Callable[[bytes], Result],
        *,
        what: str,
        hint: str = "",
    ) -> Result:
        """Send a request and parse the response, as `Transport.fetch` does."""
        return self.transport.fetch(request, parse, what=what, hint=hint)
