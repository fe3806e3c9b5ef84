"""The settings, as JSON Schema."""

from __future__ import annotations

from typing import Any

from singer_sdk import typing as th

from tap_kayzen.reports.definition import DEFAULT_REPORTS, REPORT

ENVIRONMENT_PREFIX = "TAP_KAYZEN_"

SETTINGS: dict[str, Any] = th.PropertiesList(
    th.Property(
        "username",
        th.StringType(min_length=1),
        required=True,
        title="Username",
        description="Login e-mail of the Kayzen console, as it is: not encoded.",
    ),
    th.Property(
        "password",
        th.StringType(min_length=1),
        required=True,
        secret=True,
        title="Password",
        description="Password of the Kayzen console, as it is: not encoded.",
    ),
    th.Property(
        "api_key",
        th.StringType(min_length=1),
        required=True,
        secret=True,
        title="API key",
        description="API key, made in the Kayzen console.",
    ),
    th.Property(
        "api_secret",
        th.StringType(min_length=1),
        required=True,
        secret=True,
        title="API secret",
        description="Secret that belongs to the API key.",
    ),
    th.Property(
        "api_url",
        th.StringType(min_length=1),
        default="https://api.kayzen.io",
        title="API address",
        description=(
            "All that stands before /v1: https://api.kayzen.io, or "
            "https://dsp.example.com/api for a white-label or console host, or the "
            "sandbox's address."
        ),
    ),
    th.Property(
        "campaigns_endpoint",
        th.StringType(),
        allowed_values=["meta/campaigns", "campaigns"],
        default="meta/campaigns",
        title="Campaigns endpoint",
        description=(
            "Which list the `campaigns` stream reads: the look-up list "
            "(meta/campaigns) or the full objects (campaigns)."
        ),
    ),
    th.Property(
        "advertiser_ids",
        th.ArrayType(th.IntegerType(minimum=1)),
        title="Advertiser IDs",
        description=(
            "Advertisers to read, one after the other; each record carries its "
            "`advertiser_id`. For enterprise admins. Default: the API key's own "
            "advertiser."
        ),
    ),
    th.Property(
        "start_date",
        th.DateType(),
        title="Start date",
        description=(
            "First day that report streams read, like 2026-01-31. Default: 30 days "
            "before the run, or what the state says. Streams of entities, such as "
            "`campaigns`, are read whole."
        ),
    ),
    th.Property(
        "end_date",
        th.DateType(),
        title="End date",
        description=(
            "Last day that report streams read, inclusive. Default: yesterday in the "
            "report's time zone."
        ),
    ),
    th.Property(
        "lookback_days",
        th.IntegerType(minimum=0, maximum=3650),
        default=7,
        title="Look-back",
        description=(
            "Days before the bookmark that report streams read again, as Kayzen "
            "restates installs, conversions and revenue."
        ),
    ),
    th.Property(
        "reports",
        th.ArrayType(th.CustomType(REPORT)),
        default=DEFAULT_REPORTS,
        title="Reports",
        description=(
            "Reports to read, each as a stream of its name: `name`, `metrics`, "
            "`group_by`, and if need be `filters`, `time_zone`, `window_days` and "
            "`options`. Default: one by day and campaign, `campaign_performance`."
        ),
    ),
    th.Property(
        "report_ids",
        th.ArrayType(th.IntegerType(minimum=1)),
        title="Saved reports",
        description=(
            "Numbers of the saved reports whose rows the stream `report_results` "
            "reads, which is then selected by default. Default: all of them."
        ),
    ),
    th.Property(
        "report_page_size",
        th.IntegerType(minimum=1, maximum=10_000),
        default=1000,
        title="Report page size",
        description="Rows asked for per page of a report; Kayzen may give fewer.",
    ),
    th.Property(
        "audience_api_key",
        th.StringType(min_length=1),
        secret=True,
        title="Audience API key",
        description=(
            "Key of the audience API, made in the Kayzen console for an account, app "
            "or website. With it there is a stream `audiences`."
        ),
    ),
    th.Property(
        "audience_url",
        th.StringType(min_length=1),
        default="https://audience.kayzen.io",
        title="Audience API address",
        description="Host of the audience API, or the sandbox's address.",
    ),
    th.Property(
        "allow_insecure_http",
        th.BooleanType(),
        default=False,
        title="Allow insecure HTTP",
        description=(
            "Whether the two addresses may be http, unencrypted, on other machines "
            "than this one. Everybody in between can then read the credentials."
        ),
    ),
    th.Property(
        "page_size",
        th.IntegerType(minimum=1, maximum=1000),
        default=100,
        title="Page size",
        description="Records asked for per page of a list; Kayzen may give fewer.",
    ),
    th.Property(
        "concurrency",
        th.IntegerType(minimum=1, maximum=64),
        default=8,
        title="Concurrency",
        description="Requests in flight at once, at most.",
    ),
    th.Property(
        "requests_per_second",
        th.NumberType(exclusive_minimum=0),
        title="Requests per second",
        description="Requests started in a second, at most. Default: no ceiling.",
    ),
    th.Property(
        "request_timeout",
        th.NumberType(exclusive_minimum=0),
        default=120,
        title="Request timeout",
        description="Seconds to wait for Kayzen's answer to one request.",
    ),
    th.Property(
        "max_retries",
        th.IntegerType(minimum=0, maximum=100),
        default=8,
        title="Retries",
        description=(
            "How many times a request is repeated after HTTP 429 or 5xx, a lost "
            "connection or a broken body, with growing waits."
        ),
    ),
    th.Property(
        "max_retry_seconds",
        th.NumberType(minimum=0),
        default=900,
        title="Retry time",
        description=(
            "Seconds after which a request is not repeated any more, however many "
            "retries are left."
        ),
    ),
    th.Property(
        "max_response_mb",
        th.IntegerType(minimum=1, maximum=2000),
        default=100,
        title="Largest answer",
        description=(
            "Millions of bytes of one answer, unpacked, at most; a larger one ends "
            "the run, before it fills the memory."
        ),
    ),
    th.Property(
        "user_agent",
        th.StringType(min_length=1),
        title="User agent",
        description=(
            "User-Agent header of all requests. Default: the tap and its version."
        ),
    ),
    th.Property(
        "emit_activate_version_messages",
        th.BooleanType(),
        default=False,
        title="Emit ACTIVATE_VERSION",
        description=(
            "After a complete pass over a stream, tell the target that it may drop "
            "or mark the rows that are gone from Kayzen; those of advertisers that are "
            "not among `advertiser_ids` too."
        ),
    ),
).to_dict()
"""JSON Schema of the tap's own settings; the SDK adds its own when it starts."""
