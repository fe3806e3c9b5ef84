"""Sends the requests of a survey sequentially."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from singer_sdk.exceptions import FatalAPIError

from tap_kayzen.api.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    import requests

    from tap_kayzen.api.client import KayzenClient
    from tap_kayzen.survey.shapes import NameGuard

SURVEY_SETTINGS: Mapping[str, float] = {
    "concurrency": 1,
    "max_retries": 1,
    "max_retry_seconds": 60,
}
"""Settings that override the user's.

Failed calls are results of the survey and not worth a long wait.
"""

LIMIT_HEADER = re.compile(r"(?:^|-)rate|limit|quota|retry", re.IGNORECASE)
"""Matches names of headers that may describe rate limits."""

PLAIN_VALUE = re.compile(
    r"\d{1,12}(\.\d{1,3})?|(\w{3}, )?\d{1,2} \w{3} \d{4} [\d:]{8} GMT", re.ASCII
)
"""Matches values of these headers that can be shown: numbers and dates."""

NOT_SHOWN = "(value not shown)"


@dataclass(frozen=True)
class Answer:
    """The result of one request.

    Attributes:
        status: HTTP status of the last response; 0 if there was none.
        milliseconds: Response time.
        body: Body of the response.
    """

    status: int
    milliseconds: int
    body: bytes

    @property
    def is_good(self) -> bool:
        """Whether the request succeeded."""
        return 200 <= self.status < 300  # noqa: PLR2004


class Probe:
    """Sends requests like a sync does, and counts them.

    Attributes:
        requests: Number of responses so far, including logins.
        limits: Latest values of headers that may describe rate limits, by name.
    """

    def __init__(self, client: KayzenClient, guard: NameGuard) -> None:
        """Initialize the probe without sending anything.

        Args:
            client: A client with `SURVEY_SETTINGS`.
            guard: Decides which names and values can be shown.
        """
        client.start()
        self.requests = 0
        self.limits: dict[str, str] = {}
        self._guard = guard
        self._transport = client.transport
        self._transport.on_response = self._note
        self._session = client.wire.session
        self._last: Answer | None = None

    def log_in(self) -> Answer:
        """Log in and return the response, which contains the token.

        Raises:
            LoginError: Kayzen returned no token.
        """
        noting = self._session.hooks["response"]

        def note(response: requests.Response, **_: Any) -> None:
            self._note(response, response.content)

        noting.append(note)
        try:
            self._transport.authenticator.update_access_token()
        finally:
            noting.remove(note)
        return self._answer(0)

    def send(self, request: requests.Request, what: str, *, with_token: bool) -> Answer:
        """Send a request and return the response, even if it is an error."""
        self._last = None
        status = 0
        try:
            self._transport.fetch(
                request, lambda body: body, what=what, with_token=with_token
            )
        except FatalAPIError as error:
            status = error.status if isinstance(error, ReadError) else 0
        return self._answer(status)

    def _answer(self, status: int) -> Answer:
        return self._last or Answer(status, 0, b"")

    def _note(self, response: requests.Response, body: bytes) -> None:
        self.requests += 1
        milliseconds = round(1000 * response.elapsed.total_seconds())
        self._last = Answer(response.status_code, milliseconds, body)
        for name, value in response.headers.items():
            if LIMIT_HEADER.search(name):
                is_plain = PLAIN_VALUE.fullmatch(value) is not None
                is_shown = is_plain and not self._guard.is_private(value)
                self.limits[self._guard(name)] = value if is_shown else NOT_SHOWN
