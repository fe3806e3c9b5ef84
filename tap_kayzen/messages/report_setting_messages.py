"""Messages about the setting `reports`."""

from __future__ import annotations

import logging

from tap_kayzen.messages.message import Message

UNKNOWN_KEY = Message(
    "{place}: unknown key `{key}`; {hint}",
    cause="A misspelled key of a report",
    action="Correct it; see [reports](reports.md)",
)

NAME_WITHOUT_LETTERS = Message(
    "{place}: `name` must contain letters from a to z, because it becomes the name of "
    "a table",
    cause="A name in another script, for example",
    action="Add Latin letters",
)

NAME_TOO_LONG = Message(
    "{place}: `name` must have at most {limit} characters",
    cause="PostgreSQL truncates longer table names",
    action="Shorten it",
)

NAME_OF_STREAM = Message(
    "{place}: the tap already has a stream `{stream}`; choose another `name`",
    cause="A report has the name of a stream",
    action="Rename the report",
)

NAME_TAKEN = Message(
    "{place}: its stream would be named `{stream}`, like that of {other}; choose "
    "another `name`",
    cause="Two reports have the same name, apart from case and punctuation",
    action="Rename one of them",
)

NO_WINDOWS = Message(
    "{place}: `window_days` requires `day` or `hour` in `group_by`; without them, "
    "remove `window_days` to read all days at once",
    cause="Rows without a day cannot be read in windows",
    action="Add `day` to `group_by`, or remove `window_days`",
)

WEEK_WITHOUT_START = Message(
    "{place}: `week` without `day` requires the setting `start_date`, the first day "
    "of a week; otherwise, the row of a partial week would replace the full one",
    cause="A report by `week` alone",
    action="Set `start_date` to the first day of a week, or add `day` to `group_by`",
)

NOT_A_ZONE = Message(
    "{place}: `time_zone` must be an IANA name like UTC or America/New_York, not "
    "{zone!r}",
    cause="Another spelling of the time zone",
    action="Use the IANA name. Kayzen's own spelling belongs in `options.time_zone`",
)

ZONE_ONLY_IN_OPTIONS = Message(
    "{place}: `options.time_zone` is only Kayzen's spelling; also set `time_zone` to "
    "the IANA name of the same zone",
    cause="The tap needs the IANA name to know which days are complete",
    action="Set both",
)

RESERVED_OPTION = Message(
    "{place}: `options` must not contain `{key}`, which the tap sets itself",
    cause="Another setting or key exists for it",
    action="Use that one, such as `filters`, `metrics`, or `start_date`",
)

COLUMN_WITHOUT_LETTERS = Message(
    "{place}: {name!r} cannot become a column, because it has no Latin letter or digit",
    cause="A metric or dimension in another script, for example",
    action="Correct or remove it",
)

COLUMN_TOO_LONG = Message(
    "{place}: the column for {name!r} would have more than {limit} characters, which "
    "PostgreSQL truncates; remove it",
    cause="A metric or dimension with a long name",
    action="Remove it",
)

COLUMN_TAKEN = Message(
    "{place}: {name!r} would become the column `{column}`, like {other!r}; remove one "
    "of them",
    cause="A metric or dimension is listed twice, perhaps in two spellings",
    action="Remove one of them",
)

MAPPED_BACKWARD = Message(
    "{place}: `columns.{name}` maps a requested name; put the name in Kayzen's rows "
    "first, such as `date: day`",
    cause="The names in `columns` are in the wrong order",
    action='Swap them: `{"name in Kayzen\'s rows": "name in group_by"}`',
)

MAPPED_TO_UNKNOWN = Message(
    "{place}: `columns.{name}` is {wanted!r}, which is not in `group_by` or "
    "`metrics`{hint}",
    cause="The report does not request that name",
    action="Correct the name, or add it to `group_by` or `metrics`",
)

MAPPED_TWICE = Message(
    "{place}: `columns.{name}` and `columns.{other}` are both {wanted!r}; remove one "
    "of them",
    cause="Two entries of `columns` map to the same name",
    action="Remove one of them",
)

MISSPELLED_NAME = Message(
    "`{place}`: `{name}` is not in Kayzen's public documentation; {hint}",
    cause="A metric or dimension resembles a documented one",
    action="Correct it, unless Kayzen knows it",
    level=logging.WARNING,
)

UNDOCUMENTED_NAMES = Message(
    "{place}: not in Kayzen's public documentation: {names}; the tap reads such "
    "metrics as numbers, such dimensions as text",
    cause="Unknown names, sent unchanged",
    action="None if Kayzen knows them",
    level=logging.WARNING,
)
