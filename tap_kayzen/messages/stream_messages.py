"""Messages about reading streams, and about their records."""

from __future__ import annotations

import logging

from tap_kayzen.messages.message import Message, Text

DESELECT = Text(
    "check `advertiser_ids` and `api_url`, or deselect the stream: set `streams` to "
    "`['!{stream}']`, or with Meltano `select: ['!{stream}.*']`"
)

USE_JSONL = Text(
    "deselect the column, or set `batch_config.encoding.format` to `jsonl`"
)

CHECK_AUDIENCE_KEY = Text("check `audience_api_key`, or remove it to skip the stream")

KEPT = Text("kept in `_extra`")

DROPPED = Text("dropped, because `_extra` is not selected")

FORBIDDEN = Message(
    "HTTP 403: Kayzen denied access",
    cause="The user or the API key may not read this",
    action="Ask Kayzen for access, or deselect the stream: with Meltano, "
    "`select: ['!tags.*']`",
)

NOT_FOUND = Message(
    "HTTP 404: Kayzen has nothing at this address",
    cause="The list does not exist: some are known only from public clients. Or "
    "`api_url` or an advertiser ID is wrong",
    action="Deselect the stream, or correct the setting",
)

NO_ACCESS_FOR_KEY = Message(
    "HTTP 401: Kayzen denied access to this API key",
    cause="The token is valid, but the API key has no access to this path",
    action="Ask Kayzen for access, or deselect the stream",
)

TOKENS_REJECTED = Message(
    "HTTP 401: Kayzen rejected every token; this user has no access, or another "
    "process with the same login revokes the tokens",
    cause="No token was accepted for this stream",
    action="If other streams work, ask Kayzen for access. If other processes use the "
    "login, run one at a time",
)

TOKENS_REVOKED = Message(
    "HTTP 401: Kayzen rejected every new token, although it accepted earlier ones; "
    "perhaps another process with the same login revokes them",
    cause="Each new token was revoked before it was used",
    action="Run one process at a time, or give each its own login",
)

ONE_PROCESS = Text("run one process at a time, or give each its own login")

KEY_REJECTED = Message(
    "HTTP 401: Kayzen rejected the key",
    cause="`audience_api_key` is wrong",
    action="Copy it from the console again",
)

REQUEST_REJECTED = Message(
    "HTTP {status}: Kayzen rejected the request",
    cause="With HTTP 422, Kayzen does not know a metric, dimension, filter, or "
    "option, or the range is too long",
    action="Read Kayzen's response. Remove names until it works, or lower "
    "`window_days`",
)

NOT_EXPECTED = Message(
    "the response is not {expected}",
    cause="JSON in another shape, such as an error with HTTP 200",
    action="Read Kayzen's response",
)

NOT_DECODABLE = Message(
    "the rows cannot be decoded: {reason}",
    cause="A number is too large, or objects are nested too deeply",
    action="Open an issue with the message",
)

NO_KEY = Message(
    "Kayzen sent a record without a usable key ({keys}); its fields: {fields}",
    cause="No target could load such a record",
    action="Open an issue with the fields; deselect the stream until then",
)

NO_ID = Message(
    "Kayzen sent a record without a usable `id`",
    cause="Other streams need the IDs of this list",
    action="Open an issue; deselect these streams until then",
)

TOO_DEEP = Message(
    "Kayzen sent a record that is nested too deeply to write",
    cause="A record with hundreds of levels of nested objects",
    action="Open an issue; deselect the stream until then",
)

CAMPAIGN_DELETED = Message(
    "Skipping campaign {id}: HTTP 404, so it was probably deleted during the sync",
    cause="The campaign is in the list, but its own address returns 404",
    action="None",
    level=logging.WARNING,
)

REPORT_DELETED = Message(
    "Skipping saved report {id}: HTTP 404, so it was probably deleted during the sync",
    cause="The report is in the list, but its own address returns 404",
    action="None",
    level=logging.WARNING,
)

NEEDS_CAMPAIGNS = Message(
    "{stream} needs the list of campaigns",
    cause="That list failed",
    action="Follow the rest of the message",
)

NEEDS_SAVED_REPORTS = Message(
    "{stream} needs the list of saved reports",
    cause="That list failed",
    action="Follow the rest of the message",
)

SHORT_LIST = Message(
    "This list of campaigns has little more than ID and name; for the other columns, "
    "set `campaigns_endpoint` to `campaigns`",
    cause="The default list, `meta/campaigns`, is short on this account",
    action="Set `campaigns_endpoint` to `campaigns`",
    level=logging.WARNING,
)

UNKNOWN_FIELD = Message(
    "Field {field!r} is not in the schema; values are {outcome}",
    cause="Kayzen sends a field that is not documented",
    action="None: values are in `_extra`",
    level=logging.WARNING,
)

UNFIT_VALUE = Message(
    "Field {field!r} has a value that does not fit its type, such as {value}{row}; "
    "such values are {outcome}",
    cause="Text where a number is documented, for example. The column is null",
    action="None, or convert the value: [amounts as text](reports.md#amounts-as-text)",
    level=logging.WARNING,
)

SECRET_FIELD = Message(
    "Field {field} is named like a secret; removing it",
    cause="Kayzen sent a key or password in a record",
    action="None; see "
    "[secrets in Kayzen's records](security.md#secrets-in-kayzens-records)",
    level=logging.WARNING,
)

NO_TIME = Message(
    "Some records have no `{column}`, so every run sends them",
    cause="The catalog requests INCREMENTAL, but some records have no time",
    action="None",
    level=logging.WARNING,
)

MAY_BE_MORE = Message(
    "{list}: received {received}, but there may be more",
    cause="The list kept changing while it was read, or is shorter than announced",
    action="None: the next run reads it again. Until then, the target deletes nothing",
    level=logging.WARNING,
)

BOOKMARK_KEPT = Message(
    "The bookmark did not move, because records may be missing",
    cause="Part of the stream could not be read, or it kept changing",
    action="None: the next run continues from there",
    level=logging.WARNING,
)

NO_DELETIONS = Message(
    "The target deletes nothing this time, because records may be missing",
    cause="`emit_activate_version_messages`, and an incomplete list",
    action="None: the next complete run deletes them",
    level=logging.WARNING,
)

INCOMPLETE = Message(
    "Incomplete: {failed} of {streams} streams failed; all other records were sent, "
    "and their bookmarks were saved",
    cause="Some streams or advertisers could not be read",
    action="Follow the table below the message. To stop at the first failure, set "
    "`on_stream_error` to `abort`",
)

NOT_IN_PARQUET = Message(
    "Parquet cannot hold the values of `{column}`: {reason}",
    cause="A row of a BATCH file in Parquet has a value out of range or invalid text",
    action="Deselect the column, or write JSON Lines",
)
