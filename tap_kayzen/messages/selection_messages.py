"""Messages about the selection of streams and columns."""

from __future__ import annotations

import logging

from tap_kayzen.messages.message import Message, Text

WAS_IT_REMOVED = Text("was it removed from `reports`? --discover lists all streams")

UNKNOWN_STREAM = Message(
    "The catalog selects `{stream}`, which is not a stream of this tap; {hint}",
    cause="A report was renamed, or the catalog is old",
    action="Use the suggested name, or save the output of `--discover` again",
    level=logging.WARNING,
)

NEEDS_SETTING = Message(
    "The catalog selects `{stream}`, which needs the setting `{setting}`; set it, or "
    "deselect the stream",
    cause="The stream exists only with that setting",
    action="Set it, or deselect the stream",
    level=logging.WARNING,
)

NOTHING_SELECTED = Message(
    "No stream is selected, so nothing is read; select streams with `streams`, in the "
    "catalog, or with Meltano's `select: ['campaigns.*']`",
    cause="Everything is deselected, or no pattern of `select` matches",
    action="Check the selection: `meltano select tap-kayzen --list --all`",
    level=logging.WARNING,
)

REPORTS_NOT_IN_CATALOG = Message(
    "Reports missing from the catalog are not read: {reports}; save the output of "
    "--discover again and select them (with Meltano: `meltano run --refresh-catalog`)",
    cause="The catalog is older than the setting `reports`",
    action="Save the output of `--discover` again",
    level=logging.WARNING,
)

REPORTS_DESELECTED = Message(
    "Reports not selected in the catalog are not read: {reports}; select them (with "
    "Meltano: `select: [{patterns}]`)",
    cause="`reports` contains them, but `select` does not",
    action="Add the suggested line to `meltano.yml`, or remove them from `reports`",
    level=logging.WARNING,
)

KEY_DESELECTED = Message(
    "Reading the key column `{column}`, although the catalog deselects it",
    cause="Targets need keys. At INFO if the catalog marks the column as `automatic`",
    action="None",
    level=logging.WARNING,
)

KEY_NOT_IN_CATALOG = Message(
    "the catalog's schema has no key column {columns}; save the output of --discover "
    "again",
    cause="Key columns were removed from the catalog's schema",
    action="Save the catalog again, and deselect columns instead of removing them",
)

KEY_PARTS_NOT_IN_CATALOG = Message(
    "the catalog's schema has no {columns}, which the key is made of; deselect such "
    "columns, but leave them in the schema",
    cause="Columns of a report were removed from the catalog's schema",
    action="Save the catalog again, and deselect them",
)

REPLICATION_NOT_SUPPORTED = Message(
    "the catalog requests {method} on `{column}`; this stream supports {choices}",
    cause="The catalog's replication key is not a time of the stream",
    action="Use one of the listed options",
)

REPLICATION_KEY_DESELECTED = Message(
    "the catalog requests {method} on `{column}`, which is not selected; select it too",
    cause="The column of the bookmark is deselected",
    action="Select it",
)

REPORTS_NOT_IN_STREAMS = Message(
    "Reports not in `streams` are not read: {reports}; add them to `streams`, or "
    "remove them from `reports`",
    cause="`reports` has an entry that `streams` does not select",
    action="Follow the message. An entry like `!name` in `streams` avoids the warning",
    level=logging.WARNING,
)

STREAMS_IGNORED = Message(
    "`streams` has no effect, because the catalog selects the streams; remove the "
    "setting (with Meltano, use `select`), or run without a catalog",
    cause="Both a catalog and `streams` are given",
    action="Use one of them",
    level=logging.WARNING,
)
