"""Messages about files of the command line: settings, state, and catalog."""

from __future__ import annotations

import logging

from tap_kayzen.messages.message import Message

NOT_AN_OBJECT = Message(
    "{option} {file}: expected a file with one JSON object: {reason}",
    cause="The file does not exist, or is not JSON",
    action="Follow the end of the line. For `--catalog`, save the output of "
    "`--discover` again",
)

OTHER_VALUE = Message(
    "the file contains a different JSON value",
    cause="A JSON list, string, or number",
    action="Use an object: `{...}`",
)

NOT_UTF8 = Message(
    "{file}: not UTF-8 text; save it as UTF-8",
    cause="The file, or `.env`, has another encoding",
    action="Save it as UTF-8, or as UTF-16 with a byte order mark",
)

EMPTY_FILE = Message(
    "the file is empty; run without {option} until it has content",
    cause="For example, the state file before the first run",
    action="Omit the option",
)

SEVERAL_LINES = Message(
    "the file has {count} lines; keep only the last one",
    cause="The complete output of a target",
    action="Keep only the last line; see [state](state.md)",
)

STATE_OF_OTHERS = Message(
    "the state has no `bookmarks`, but {names}, which this tap cannot use; pass the "
    "last STATE of this tap, or none",
    cause="The state of another tap",
    action="Run without it, with `start_date` set to the day after the last loaded one",
)

STATE_IN_ENVELOPE = Message(
    "the bookmarks are inside `{name}`; pass only the content of `{name}`",
    cause="A complete STATE message, or the output of `meltano state get`",
    action="Save only the part under that name",
)

BOOKMARKS_NOT_AN_OBJECT = Message(
    "`bookmarks` must be an object",
    cause="The state was edited, or belongs to another tap",
    action="Repair it, or run without it",
)

BOOKMARK_NOT_AN_OBJECT = Message(
    "the bookmark of `{stream}` must be an object",
    cause="The state was edited, or belongs to another tap",
    action="Repair it, or run without it",
)

BAD_PARTITIONS = Message(
    "`partitions` of `{stream}` must be a list of objects, each with an object "
    "`context`",
    cause="The state was edited, or belongs to another tap",
    action="Repair it, or run without it",
)

BAD_STATE = Message(
    "The state is invalid: {fault}",
    cause="Another program runs the tap as a library and passes an invalid state",
    action="Follow the rest of the message",
)

PARTITION_REPEATED = Message(
    "{stream}: the state contains the partition {partition} {count} times; using the "
    "earliest bookmark, {bookmark}",
    cause="Another program wrote an advertiser's bookmark twice",
    action="None; some days are read again",
    level=logging.WARNING,
)

PARTITION_WITHOUT_CONTEXT = Message(
    "{stream}: the state contains a partition without `context`; ignoring it, so its "
    "days or changes are read again",
    cause="The state was edited",
    action="None",
    level=logging.WARNING,
)

NO_STREAMS = Message(
    "the catalog has no list `streams`; pass the output of --discover",
    cause="The file is not a catalog",
    action="Save the output of `--discover`",
)

BAD_ENTRY = Message(
    "`streams[{index}]`{stream} {fault}; save the output of --discover again",
    cause="The catalog was edited",
    action="Correct the entry, or save the catalog again",
)

BAD_TEST = Message(
    "must be one of {choices}, not {value!r}",
    cause="An unknown value of `--test`",
    action="Use one of the listed values",
)
