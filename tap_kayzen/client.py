"""KayzenStream: how any list of Kayzen is asked for, checked and turned to records."""

from __future__ import annotations

import logging
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import RESTStream, StreamSchema
from singer_sdk.exceptions import (
    FatalAPIError,
    MissingKeyPropertiesError,
    RetriableAPIError,
)
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.schema.source import SchemaDirectory
from singer_sdk.streams.rest import PageContext

from tap_kayzen import schemas
from tap_kayzen.pagination import EnvelopeError, Page, parse_page, read_pages
from tap_kayzen.records import RecordConverter
from tap_kayzen.retries import TRANSIENT_ERRORS, is_transient, reason, retrying

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import requests
    from singer_sdk.helpers.types import Context
    from singer_sdk.streams.rest import HTTPRequest

    from tap_kayzen.auth import KayzenAuthenticator
    from tap_kayzen.tap import TapKayzen

ADVERTISER = "advertiser_id"
BODY_SHOWN = 200
"""Characters of an error's body that its message quotes."""


class KayzenStream(RESTStream[int]):
    """A list of Kayzen, read whole.

    A subclass needs a `name`, a `path`, its `primary_keys` and a schema file of its
    name.
    """

    schema: ClassVar[StreamSchema[str]] = StreamSchema(SchemaDirectory(schemas))
    # `RecordConverter` has done it all, and in a way that loses nothing.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    _tap: TapKayzen

    def __init__(self, tap: TapKayzen) -> None:
        """Prepare the stream; nothing is asked of Kayzen yet."""
        super().__init__(tap=tap)
        self._held_version: int | None = None
        self._incomplete: list[str] = []
        self._partition_of: dict[tuple[Any, ...], Context | None] = {}

    @property
    def url_base(self) -> str:
        """The address that paths are appended to."""
        return f"{self.config['api_url']}/v1"

    @property
    def http_headers(self) -> dict[str, str]:
        """Headers of every request: those that all known clients send, GET too."""
        return {"Accept": "application/json", "Content-Type": "application/json"}

    @property
    def requests_session(self) -> requests.Session:
        """The tap's one HTTP session."""
        return self._tap.session

    @property
    def authenticator(self) -> KayzenAuthenticator:
        """The tap's one authenticator."""
        return self._tap.authenticator

    @property
    def partitions(self) -> list[dict[str, Any]] | None:
        """One partition an advertiser of the settings, never one out of old state."""
        advertisers = self.config.get("advertiser_ids")
        return [{ADVERTISER: each} for each in dict.fromkeys(advertisers or ())] or None

    @property
    def emit_activate_version_messages(self) -> bool:
        """Whether targets may be told which rows are gone.

        Not with BATCH files: their rows carry no version, so a target would take
        all of them for gone.
        """
        return (
            super().emit_activate_version_messages and "batch_config" not in self.config
        )

    def log(
        self,
        message: str,
        *args: Any,
        level: int = logging.INFO,
        **kwargs: Any,
    ) -> None:
        """Log a message, the SDK's "unhandled error" one at DEBUG only.

        The command line says in one line what went wrong, with the stream's name.
        """
        if message.startswith("An unhandled error occurred"):
            level = logging.DEBUG
        super().log(message, *args, level=level, **kwargs)

    # Reading

    def request_records(self, context: Context | None) -> Iterator[dict[str, Any]]:
        """Read the list, or one advertiser's part of it, and yield its records.

        Args:
            context: The advertiser, if the settings name any.

        Yields:
            Records in the schema's types, each key once in a pass.

        Raises:
            FatalAPIError: Kayzen refused, or could not be read after all retries.
            MissingKeyPropertiesError: A record has no key.
        """
        rows, announced = 0, None
        with self.get_http_request_counter() as requests_made:
            requests_made.with_context(context)

            def fetch(number: int) -> Page:
                requests_made.increment()
                return self.fetch_page(context, number)

            for page in read_pages(fetch):
                announced = page.total_entries
                self.check_page(page)
                for raw in page.records:
                    record = self.converter.convert({**(context or {}), **raw})
                    key = self._key_of(record, raw)
                    if key not in self._partition_of:
                        self._partition_of[key] = context
                        yield record
                    elif self._partition_of[key] == context:
                        continue
                    rows += 1
        if announced is not None and rows < announced:
            self._incomplete.append(f"{rows:,} of {announced:,} records came")

    def check_page(self, page: Page) -> None:
        """Look at a page before its records are used; for subclasses."""

    def fetch_page(self, context: Context | None, number: int) -> Page:
        """Get one page, with all retries.

        Args:
            context: The advertiser, if the settings name any.
            number: The page, 1 being the first.

        Raises:
            FatalAPIError: Kayzen refused, or could not be read after all retries.
                The message names the stream, the page and what to do.
        """
        where = f"{self.name}, page {number}"
        if context:
            where += f" of advertiser {context[ADVERTISER]}"
        fetch = retrying(
            self._request_page,
            what=where,
            max_retries=self.config["max_retries"],
            logger=self.logger,
        )
        request = self.get_http_request(
            page=PageContext(stream_context=context, next_page_token=number)
        )
        try:
            return fetch(request)
        except TRANSIENT_ERRORS as error:
            msg = (
                f"{where}: {reason(error)}, {self.config['max_retries']} retries "
                "included; try again later, or raise `max_retries` or "
                "`request_timeout`"
            )
            raise FatalAPIError(msg) from error
        except (EnvelopeError, _RefusedError) as error:
            msg = f"{where}: {error}"
            raise FatalAPIError(msg) from error

    def get_url_params(
        self, context: Context | None, next_page_token: int | None
    ) -> dict[str, Any]:
        """Build the query: paging, and the advertiser if the settings name any."""
        params = {"page": next_page_token, "per_page": self.config["page_size"]}
        return {**params, **(context or {})}

    def _request_page(self, http_request: HTTPRequest) -> Page:
        """Send one request, once more with a new token if its token is refused."""
        response = self._send(http_request)
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            self.authenticator.discard(response.request)
            response = self._send(http_request)
        self.validate_response(response)
        try:
            return parse_page(response.content)
        except EnvelopeError as error:
            msg = f"the answer is {error}: {self._excerpt(response)}"
            raise EnvelopeError(msg) from error
        except ValueError as error:
            msg = f"HTTP {response.status_code} with a body that is not JSON"
            raise RetriableAPIError(msg, response) from error

    def _send(self, http_request: HTTPRequest) -> requests.Response:
        prepared = self.build_prepared_request(
            method=http_request.method,
            url=http_request.url,
            params=http_request.encode_params(),
            headers=http_request.headers,
            json=http_request.data,
        )
        session = self.requests_session
        # `send` alone would not look at REQUESTS_CA_BUNDLE.
        environment = session.merge_environment_settings(
            prepared.url, {}, None, None, None
        )
        return session.send(
            prepared,
            timeout=self.config["request_timeout"],
            allow_redirects=False,
            **environment,
        )

    def validate_response(self, response: requests.Response) -> None:
        """Check the status.

        Raises:
            RetriableAPIError: The same request may succeed later.
            FatalAPIError: It will not; the message says what to do.
        """
        status = response.status_code
        if status == HTTPStatus.OK:
            return
        if is_transient(status):
            msg = f"HTTP {status}"
            raise RetriableAPIError(msg, response)
        msg = f"{_advice(status)}. Kayzen's words: {self._excerpt(response)}"
        raise _RefusedError(msg)

    def _excerpt(self, response: requests.Response) -> str:
        text = self.authenticator.redact(" ".join(response.text.split()))
        return text[:BODY_SHOWN] or "(empty body)"

    # Records

    @cached_property
    def converter(self) -> RecordConverter:
        """The conversion to the schema of the catalog, which may lack columns."""
        return RecordConverter(self.effective_schema, logger=self.logger)

    def _key_of(
        self, record: Mapping[str, Any], raw: Mapping[str, Any]
    ) -> tuple[Any, ...]:
        key = tuple(record.get(name) for name in self.primary_keys)
        if None in key:
            msg = (
                f"{self.name}: Kayzen sent a record without a usable key "
                f"({', '.join(self.primary_keys)}); its fields: {', '.join(raw)}"
            )
            raise MissingKeyPropertiesError(msg)
        return key

    # ACTIVATE_VERSION

    def _write_activate_version_message(self, full_table_version: int) -> None:
        """Hold the message back until the pass is complete.

        The SDK calls this before the first record, and has no public place to move
        it from there. A run that died after that would leave a warehouse without
        most of its rows.
        """
        self._held_version = full_table_version

    def finalize_state_progress_markers(
        self, state: dict[str, Any] | None = None
    ) -> None:
        """End a pass; the SDK calls this when all records are out, and only then."""
        version, self._held_version = self._held_version, None
        if version is not None:
            if self._incomplete:
                self.logger.warning(
                    "%s: nothing is deleted in the target this time",
                    "; ".join(self._incomplete),
                )
            else:
                super()._write_activate_version_message(version)
        self._incomplete.clear()
        self._partition_of.clear()
        super().finalize_state_progress_markers(state)


class _RefusedError(FatalAPIError):
    """Kayzen refused a request; `KayzenStream.fetch_page` adds which one it was."""


def _advice(status: int) -> str:
    by_status: dict[int, str] = {
        HTTPStatus.UNAUTHORIZED: (
            "Kayzen refused a fresh token; check that the API key may read this"
        ),
        HTTPStatus.FORBIDDEN: (
            "Kayzen does not allow it to this user; deselect the stream, or check "
            "`advertiser_ids`"
        ),
        HTTPStatus.NOT_FOUND: (
            "there is no such address; check `api_url`, or deselect the stream"
        ),
    }
    advice = by_status.get(status, "Kayzen does not accept the request")
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        advice = "redirects are not followed; set `api_url` to the final address"
    return f"HTTP {status}: {advice}"
