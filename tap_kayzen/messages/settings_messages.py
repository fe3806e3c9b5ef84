"""Messages about settings."""

from __future__ import annotations

from tap_kayzen.messages.message import Message

MISSING = Message(
    "`{name}` is missing; set it in the config file, as {variable} with --config ENV, "
    "or with Meltano in the project's `.env`",
    cause="A required setting has no value",
    action="Set it. Environment variables count only with `--config ENV`, and an "
    "empty one counts as not set",
)

EMPTY = Message(
    "`{name}` must not be empty",
    cause="A required setting is an empty string, or a list in a report is empty",
    action="Set a value",
)

BLANK_END = Message(
    "`{name}` starts or ends with a space or an invisible character; remove it",
    cause="It was copied with the value, such as a trailing line break",
    action="Remove it; in JSON, it may look like `\\n`",
)

PLACEHOLDER = Message(
    "`{name}` is still `...`, as in the documentation; set your own value",
    cause="The example was copied without your credentials",
    action="See [API key](api-key.md)",
)

UNKNOWN = Message(
    "Unknown setting `{name}`{hint}",
    cause="A misspelled name in the config file or in a variable `TAP_KAYZEN_...`",
    action="Correct it; see [settings](settings.md)",
)

NOT_A_DATE = Message(
    "`{name}` must be a date like 2026-01-31 or a date-time like 2026-01-31T00:00:00Z",
    cause="Another format, or a day that does not exist",
    action="Use one of the two formats",
)

WRONG_TYPE = Message(
    "`{name}` must be of type {expected}, not {found}",
    cause="Text where a number is expected, for example, or invalid JSON",
    action="Write a list as `1,2` in a variable and as `[1,2]` in Meltano. `reports` "
    "is JSON in both",
)

NOT_ONE_OF = Message(
    "`{name}` must be one of {choices}",
    cause="A value that the setting does not allow",
    action="Use one of the listed values",
)

TOO_LOW = Message(
    "`{name}` must be at least {limit}",
    cause="The value is below the allowed range",
    action="Use a larger value",
)

NOT_ABOVE = Message(
    "`{name}` must be greater than {limit}",
    cause="The value is below the allowed range",
    action="Use a larger value",
)

TOO_HIGH = Message(
    "`{name}` must be at most {limit}",
    cause="The value is above the allowed range",
    action="Use a smaller value",
)

NOT_FINITE = Message(
    "`{name}` must be a finite number",
    cause="`NaN` or `Infinity`",
    action="Set a number",
)

INVALID = Message(
    "`{name}` is invalid; see its description in the documentation of the Meltano SDK",
    cause="A setting of the SDK has a value that its schema does not allow",
    action="Compare it with [settings](settings.md#sdk-settings)",
)

PART_MISSING = Message(
    "`{name}` has no `{part}`",
    cause="A required key is missing in a report or in another nested setting",
    action="Add the key",
)

BAD_URL = Message(
    "`{name}` must be an http or https address, like {example}",
    cause="An address without `https://`, for example",
    action="Follow the example",
)

URL_WITH_LOGIN = Message(
    "`{name}` must not contain a login; use the login settings, and an address like "
    "{example}",
    cause="An address like `https://user:password@host`",
    action="Remove the login from the address",
)

URL_WITH_QUERY = Message(
    "`{name}` must end with the host or path, like {example}",
    cause="An address with a query (`?`) or a fragment (`#`)",
    action="Remove everything from `?` or `#` on",
)

INSECURE_URL = Message(
    "`{name}` must use https, because http would send the credentials unencrypted; if "
    "the network is safe, set `allow_insecure_http`",
    cause="An http address on another machine",
    action="Use https, or set `allow_insecure_http` to `true`",
)

COLON_IN_KEY = Message(
    "`api_key` must not contain a colon; if it holds key and secret, set "
    "`api_secret` separately",
    cause="Key and secret were pasted together",
    action="Set them as `api_key` and `api_secret`",
)

NOT_ASCII = Message(
    "`user_agent` must be printable ASCII text",
    cause="An HTTP header cannot carry other characters",
    action="Use letters, digits, and punctuation",
)

START_AFTER_END = Message(
    "`start_date` must not be after `end_date`",
    cause="`start_date` is later than `end_date`",
    action="Correct one of them",
)

BATCH_PART_MISSING = Message(
    "`{part}` is missing",
    cause="A required key of `batch_config` is missing",
    action='Add it: `{"encoding": {"format": "jsonl", "compression": "gzip"}, '
    '"storage": {"root": "file:///path"}}`',
)

BATCH_PART_UNKNOWN = Message(
    "Unknown key `{part}`; {hint}",
    cause="A misspelled key of `batch_config`",
    action="Correct or remove it",
)

BATCH_SIZE = Message(
    "`batch_config.batch_size` must be an integer of at least 1",
    cause="0, a negative number, or text",
    action="Set an integer, or remove the key",
)

NO_PYARROW = Message(
    "`batch_config` needs pyarrow for Parquet; install tap-kayzen[parquet]",
    cause="The tap was installed without the extra `parquet`",
    action="Install it; with Meltano, change the tap's `pip_url`",
)

NO_STORAGE_LIBRARY = Message(
    "`batch_config.storage.root` needs {module} for {scheme}://; install {package} in "
    "the tap's environment",
    cause="This kind of storage needs another library",
    action="Install it; with Meltano, add it to the tap's `pip_url`",
)

LOG_LEVEL = Message(
    "TAP_KAYZEN_LOGLEVEL or LOGLEVEL: {error}; use DEBUG, INFO, WARNING, or ERROR",
    cause="The value is not a log level",
    action="Use one of the levels",
)

LOG_CONFIG = Message(
    "SINGER_SDK_LOG_CONFIG {path!r}: not a logging configuration: {reason}",
    cause="The file is not a YAML configuration for Python's `logging.config`",
    action="Correct the file, or unset the variable",
)

NO_MATCHING_STREAM = Message(
    "`streams[{index}]`: no stream matches `{pattern}`; {hint}",
    cause="A misspelled name or pattern, or one with Meltano's `.*`",
    action="Correct it: `tags`, `campaign_*`, or `!tags`",
)

STREAM_NEEDS_KEY = Message(
    "`streams[{index}]`: `audiences` needs the setting `audience_api_key`; set it, or "
    "remove the entry",
    cause="The stream exists only with that setting",
    action="Follow the message",
)

ALL_STREAMS_EXCLUDED = Message(
    "`streams` selects no stream; its entries with `!` exclude all of them",
    cause="`streams` excludes all that it includes",
    action="Remove an entry",
)
