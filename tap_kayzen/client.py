"""KayzenStream: how any list of Kayzen is asked for, checked and turned to records."""

from __future__ import annotations

import logging
from datetime import datetime, timezone
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
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.schema.source import SchemaDirectory
from singer_sdk.singerlib import RecordMessage
from singer_sdk.streams.rest import PageContext

from tap_kayzen import schemas
from tap_kayzen.pagination import EnvelopeError, Page, parse_page
from tap_kayzen.reading import ListReader
from tap_kayzen.records import RecordConverter
from tap_kayzen.retries import (
    TRANSIENT_ERRORS,
    is_redirect,
    is_refusal,
    is_transient,
    reason,
    retrying,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

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
        # Those of the class: a catalog may have others, or none.
        self._keys = tuple(self.primary_keys)
        self._held_version: int | None = None
        self._reader: ListReader | None = None

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
        wanted = super().emit_activate_version_messages
        return wanted and self.get_batch_config(self.config) is None

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
        partitions = self.partitions or []
        reader = self._reader
        if reader is None or context is None or partitions[:1] == [context]:
            reader = self._reader = self._new_reader()
        with self.get_http_request_counter() as self._pages_read:
            self._pages_read.with_context(context)
            try:
                yield from reader.read(context)
            except Exception:
                # Whoever still waits for another try need not.
                self._tap.throttle.stop()
                raise

    def _new_reader(self) -> ListReader:
        return ListReader(
            fetch=self.fetch_page,
            convert=self._convert,
            contexts=self.partitions or [],
            workers=self._tap.workers,
            on_page=self.on_page,
            logger=self.logger,
        )

    def _convert(
        self, row: dict[str, Any], context: Context | None
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        record = self.converter.convert(row)
        for name, value in (context or {}).items():
            if record.get(name) is None:
                record[name] = value
        key = tuple([record.get(name) for name in self._keys])
        if None in key:
            msg = (
                f"{self.name}: Kayzen sent a record without a usable key "
                f"({', '.join(self._keys)}); its fields: {', '.join(map(repr, row))}"
            )
            raise MissingKeyPropertiesError(msg)
        return key, record

    def on_page(self, page: Page) -> None:  # noqa: ARG002
        """Do what is due when a page's records are out.

        Args:
            page: That page, for subclasses to look at.
        """
        self._pages_read.increment()
        self._tap.message_writer.flush()

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
            throttle=self._tap.throttle,
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
        throttle = self._tap.throttle
        with throttle.request():
            response = session.send(
                prepared,
                timeout=self.config["request_timeout"],
                allow_redirects=False,
                **environment,
            )
        if not is_refusal(response.status_code):
            throttle.accepted()
        return response

    def validate_response(self, response: requests.Response) -> None:
        """Check the status.

        Raises:
            RetriableAPIError: The same request may succeed later.
            FatalAPIError: It will not; the message says what to do.
        """
        status = response.status_code
        if response.ok and not is_redirect(status):
            return
        if is_transient(status):
            msg = f"HTTP {status}"
            raise RetriableAPIError(msg, response)
        msg = f"{_advice(status)}. Kayzen's words: {self._excerpt(response)}"
        raise _RefusedError(msg)

    def _excerpt(self, response: requests.Response) -> str:
        text = self.authenticator.redact(response.text)
        return " ".join(text.split())[:BODY_SHOWN] or "(empty body)"

    # Records

    @cached_property
    def converter(self) -> RecordConverter:
        """The conversion to the schema of the catalog, which may lack columns."""
        schema = self.effective_schema
        return RecordConverter(
            schema,
            logger=self.logger,
            deselected=[
                name
                for name in schema["properties"]
                if not self.mask["properties", name]
            ],
        )

    def generate_child_contexts(
        self, record: dict[str, Any], context: Context | None
    ) -> Iterator[Context | None]:
        """Generate contexts for child streams, if there are any."""
        if self.child_streams:
            yield from super().generate_child_contexts(record, context)

    def _generate_record_messages(
        self, record: dict[str, Any]
    ) -> Generator[RecordMessage, None, None]:
        """Make the RECORD message, on a short way if no map is to be applied.

        Overridden since the SDK goes through selection, conformance and maps for
        each record anew, even where they do nothing: half of the time of a run.
        """
        if not self.is_plain:
            yield from super()._generate_record_messages(record)
            return
        yield RecordMessage(
            self.name,
            record,
            version=self._stream_version,
            time_extracted=datetime.now(timezone.utc),
        )

    @cached_property
    def is_plain(self) -> bool:
        """Whether a record's message is the record as it is."""
        (first, *others) = self.stream_maps
        options = first.flattening_options
        return (
            type(first) is SameRecordTransform
            and not others
            and first.stream_alias == self.name
            and not (options and options.enabled)
        )

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
            if self._reader and self._reader.incomplete:
                self.logger.warning(
                    "%s: nothing is deleted in the target this time",
                    "; ".join(self._reader.incomplete),
                )
            else:
                super()._write_activate_version_message(version)
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
    if is_redirect(status):
        advice = "redirects are not followed; set `api_url` to the final address"
    return f"HTTP {status}: {advice}"
