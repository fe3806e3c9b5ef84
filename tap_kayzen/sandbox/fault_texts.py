"""Descriptions of all faults, for ``kayzen-sandbox --help`` and docs/sandbox.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_kayzen.sandbox.fault_plan import LASTING, TRANSIENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FAULT_TEXTS: Mapping[str, str] = {
    "http-429-seconds": "HTTP 429 with Retry-After in seconds",
    "http-429-date": "HTTP 429 with Retry-After as a date",
    "http-429-absurd": "HTTP 429 with a Retry-After that makes no sense",
    "http-429-missing": "HTTP 429 without Retry-After",
    "gateway-limit": "HTTP 429 or 500 with an API gateway's text about a rate limit",
    "http-500": "HTTP 500 with JSON, HTML, or an empty body",
    "http-502": "HTTP 502 with JSON, HTML, or an empty body",
    "http-503": "HTTP 503 with JSON, HTML, or an empty body",
    "http-504": "HTTP 504 with JSON, HTML, or an empty body",
    "refused": "Resets the connection and refuses new ones for 0.3 s",
    "reset-before": "Resets the connection before the response",
    "reset-middle": "Resets the connection in the middle of the body",
    "truncated": "Closes the connection before the end of the body",
    "not-json": "HTTP 200 with an HTML page",
    "half-json": "HTTP 200 with JSON that ends too early",
    "wrong-length": "Content-Length is 10 bytes too large or too small",
    "broken-gzip": "A body that is labeled as gzip but cannot be decompressed",
    "slow-drip": "Sends the body in small pieces",
    "stall": "Does not respond for --stall-seconds, then closes the connection",
    "token-revoked": "Ends all tokens early with HTTP 401; a new login succeeds",
    "token-down": "Ends all tokens; the next two logins fail with HTTP 503",
    "token-limit": "Ends all tokens; the next two logins meet a rate limit",
    "meta-missing": "Leaves out `meta`",
    "meta-shrinking": "`meta` announces fewer pages and rows on each page",
    "meta-growing": "`meta` announces more pages than exist",
    "meta-strings": "`meta` has its numbers as text",
    "duplicate-rows": "A page has one of its rows twice",
    "unknown-field": "Rows have an undocumented field",
    "wrong-type-field": "A row has text in place of a number",
    "secret-field": "Rows have undocumented fields named like secrets",
    "total-row": "Report pages end with a row of totals",
    "day-renamed": "Report rows have `date` instead of `day`",
    "amount-text": "Report rows have spend as text, such as $1,234.50",
    "endless-page": "`meta` always announces one more page, which repeats the last",
    "huge-page": "Page 1 has all rows and ignores `per_page`",
    "rows-move": "Campaigns change their order between pages",
    "redirect": "Redirects to another host",
    "forbidden-advertiser": "HTTP 403 for the second advertiser",
    "no-api-product": "HTTP 401 for a path, with an API gateway's text",
    "unauthorized-path": "HTTP 401 for a path, as if the token had ended",
    "invalid-client": "Rejects the API key pair at login, with a gateway's text",
}
"""Descriptions by the names in `fault_plan.FAULTS`."""

GROUPS: Mapping[str, Iterable[str]] = {
    "Faults that pass when a request is repeated": TRANSIENT,
    "Faults that last": LASTING,
}
"""Names of faults by the title of their section."""
