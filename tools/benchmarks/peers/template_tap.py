"""Peer: a tap from the SDK's template, without tuning.

Usage: template_tap.py CONFIG [STREAM]. `OAuthAuthenticator`, jsonpath records, a
page-number paginator, plain `RESTStream`.
"""

from __future__ import annotations

import base64
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from account import CAMPAIGNS, KEYS, REPORT, body, schema_of, windows
from singer_sdk import RESTStream, StreamSchema, Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import OAuthAuthenticator
from singer_sdk.pagination import PageNumberPaginator
from singer_sdk.schema.source import SchemaDirectory

from tap_kayzen import schemas

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests
    from singer_sdk.helpers.types import Context


class TemplateAuthenticator(OAuthAuthenticator):
    """OAuth password grant with Basic authentication."""

    def __init__(self, login: Mapping[str, str], **kwargs: Any) -> None:
        """Store the credentials."""
        super().__init__(**kwargs)
        self._login = login

    @property
    def oauth_request_body(self) -> dict[str, Any]:
        """Form fields of the token call."""
        return {"grant_type": "password", **self._login}


class TemplatePaginator(PageNumberPaginator):
    """Paginator by page number, until the last page in `meta`."""

    def has_more(self, response: requests.Response) -> bool:
        """Return whether `meta` announces more pages."""
        meta = response.json()["meta"]
        return bool(meta["current_page"] < meta["total_pages"])


class TemplateStream(RESTStream[int]):
    """Base class of the streams."""

    records_jsonpath = "$.data[*]"

    @property
    def url_base(self) -> str:
        """Base URL of the API."""
        return str(self.config["api_url"])

    @cached_property
    def authenticator(self) -> TemplateAuthenticator:
        """Authenticator of the stream."""
        pair = f"{self.config['api_key']}:{self.config['api_secret']}"
        basic = base64.b64encode(pair.encode()).decode()
        return TemplateAuthenticator(
            {name: self.config[name] for name in ("username", "password")},
            auth_endpoint=f"{self.url_base}/v1/authentication/token",
            default_expiration=1799,
            oauth_headers={"Authorization": f"Basic {basic}"},
        )

    def get_new_paginator(self) -> TemplatePaginator:
        """Return a paginator that starts at page 1."""
        return TemplatePaginator(start_value=1)


class TemplateCampaigns(TemplateStream):
    """The campaigns."""

    name = CAMPAIGNS
    path = "/v1/campaigns"
    primary_keys: ClassVar[tuple[str, ...]] = ("id",)
    schema: ClassVar[StreamSchema[str]] = StreamSchema(SchemaDirectory(schemas))

    def get_url_params(
        self,
        context: Context | None,  # noqa: ARG002
        next_page_token: int | None,
    ) -> dict[str, Any]:
        """Return page number and page size."""
        return {"page": next_page_token, "per_page": 100}


class TemplateReport(TemplateStream):
    """A report in weekly windows."""

    name = REPORT
    path = "/v1/report_data"
    http_method = "POST"
    primary_keys: ClassVar[tuple[str, ...]] = tuple(KEYS[REPORT])
    schema: ClassVar[dict[str, Any]] = schema_of(REPORT)
    state_partitioning_keys: ClassVar[list[str]] = []

    @property
    def partitions(self) -> list[dict[str, str]]:
        """One partition per week."""
        return [*windows(self.config)]

    def prepare_request_payload(
        self, context: Context | None, next_page_token: int | None
    ) -> dict[str, Any]:
        """Return days, dimensions, metrics, and page."""
        return body(dict(context or {}), next_page_token or 1)


class TemplateTap(Tap):
    """The tap."""

    name = "tap-template"
    config_jsonschema = th.PropertiesList(
        th.Property("username", th.StringType, required=True),
        th.Property("password", th.StringType, required=True, secret=True),
        th.Property("api_key", th.StringType, required=True, secret=True),
        th.Property("api_secret", th.StringType, required=True, secret=True),
        th.Property("api_url", th.StringType, required=True),
        th.Property("start_date", th.StringType),
        th.Property("end_date", th.StringType),
    ).to_dict()

    def discover_streams(self) -> list[TemplateStream]:
        """Return the selected stream."""
        return [TemplateReport(tap=self) if IS_REPORT else TemplateCampaigns(tap=self)]


IS_REPORT = REPORT in sys.argv[2:]

if __name__ == "__main__":
    TemplateTap.cli(["--config", sys.argv[1]])
