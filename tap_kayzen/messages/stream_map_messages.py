"""Messages about stream maps."""

from __future__ import annotations

import logging

from tap_kayzen.messages.message import Message, Text

CHECK = Text("check the expression")

NOT_AN_EXPRESSION = Message(
    "`{place}` is not a valid expression: {reason}",
    cause="Invalid Python in a stream map",
    action="Correct it; see [stream maps](settings.md#stream-maps)",
)

NO_FAKER = Message(
    "`{place}` uses `fake`, which needs Faker; install singer-sdk[faker] in the tap's "
    "environment",
    cause="A stream map generates fake values",
    action="Install it; with Meltano, add it to the tap's `pip_url`",
)

NO_STREAM = Message(
    "`stream_maps.{key}` has no effect, because there is no stream `{stream}`{hint}",
    cause="A stream map for a misspelled stream",
    action="Correct the name, or remove the entry",
    level=logging.WARNING,
)

NO_COLUMN = Message(
    "`{place}` has no effect, because there is no column `{column}` to remove{hint}",
    cause="A stream map removes a misspelled column",
    action="Correct the name, or remove the line",
    level=logging.WARNING,
)

OPTION_AS_COLUMN = Message(
    "`{place}` adds a column of that name; {hint}",
    cause="A misspelled option such as `__filter__`",
    action="Correct the name if you meant the option",
    level=logging.WARNING,
)

UNKNOWN_NAME = Message(
    "`{name}` is neither a selected column nor a function{hint}",
    cause="An expression uses a misspelled or deselected column. A warning at the "
    "start, an error when evaluated",
    action="Correct the name, or select the column",
    level=logging.WARNING,
)

FAILED = Message(
    "`{place}`, `{expression}`, failed: {reason}",
    cause="The expression failed on a row",
    action="Follow the hint; see [stream maps](settings.md#stream-maps)",
)

NULL_VALUE = Message(
    "check the expression: `{name}` is null here, so write "
    "`... if {name} is not None else None`",
    cause="The expression does not handle null",
    action="Rewrite it as shown",
)

DECIMAL_VALUE = Message(
    "check the expression: `{name}` is an exact decimal, so write `float({name})`",
    cause="A decimal times a fraction such as `0.92`",
    action="Rewrite it as shown",
)

DUPLICATE_COLUMN = Message(
    "flattening creates two columns named `{column}`; raise "
    "`flattening_max_key_length`, or set another `flattening_separator`",
    cause="Two flattened names were shortened to the same one",
    action="Change one of the two settings",
)

INVALID_MAP = Message(
    "`stream_maps` of `{stream}`: {error}",
    cause="The SDK rejects the stream map",
    action="Follow the SDK's message; see [stream maps](settings.md#stream-maps)",
)

CATALOG_ALIAS = Message(
    "The catalog's `stream` of `{stream}` has no effect; to rename the stream, set "
    "`{option}` in `stream_maps`",
    cause="`stream` was edited in the catalog",
    action="Rename the stream with a [stream map](settings.md#stream-maps)",
    level=logging.WARNING,
)

KEY_REPLACED = Message(
    "the key `{column}` no longer tells rows apart, because the expression does not "
    "depend on it; targets may overwrite rows",
    cause="A stream map replaces a key column",
    action="Use the key in the expression, such as `md5(str(id))`, or set "
    "`__key_properties__`",
    level=logging.WARNING,
)
