"""Messages about rows of reports, and about their bookmarks."""

from __future__ import annotations

import logging

from tap_kayzen.messages.message import Message, Text

CHECK_REPORT = Text(
    "check the report's `metrics`, `group_by`, `filters`, and `options`, and "
    "`advertiser_ids`; a smaller `window_days` requests fewer days at once"
)

FEWER_ROWS = Text("raise `report_page_size`, or lower the report's `window_days`")

USE_REPORTS = Text("define the same report in `reports` instead")

CORRECT_IDS = Text("correct `report_ids`; the stream `reports` lists all saved reports")

DAYS_DELETED = Message(
    "if Kayzen no longer has rows for {days}, set `start_date` to a later day",
    cause="Kayzen may have deleted the rows of these days, or rejects the report",
    action="Set a later `start_date`; it overrides an older bookmark. If newer days "
    "fail too, something else in the report is wrong",
)

NO_DAY = Message(
    "{count:,} of {rows:,} rows have no `{column}`; columns received: {columns}",
    cause="Kayzen has another name for the day, or sends rows without it",
    action="Map it: [columns with other names](reports.md#columns-with-other-names)",
)

NO_DIMENSION = Message(
    "no row has {columns}; columns received: {received}",
    cause="Kayzen has another name for the dimension, or ignores it",
    action="Map it, as above, or remove it from `group_by`",
)

TOTALS_LEFT_OUT = Message(
    "Skipping rows with totals, because other rows already contain their numbers; the "
    "first one was {row}",
    cause="The report contains totals among its rows",
    action="None. If the row is not a total, open an issue",
    level=logging.WARNING,
)

REPEATED_PAGE = Message(
    "page {number} repeats the {rows:,} rows of an earlier page, so Kayzen may have "
    "more rows than it returns",
    cause="Kayzen seems to ignore `page`",
    action="Raise `report_page_size`, or lower the report's `window_days`",
)

REPEATED_ROWS = Message(
    "{pages} pages in a row contain no new row, so Kayzen may have more rows than it "
    "returns",
    cause="Kayzen seems to return the same pages again and again",
    action="Raise `report_page_size`, or lower the report's `window_days`",
)

IDENTICAL_ROWS = Message(
    "{days}: Kayzen sent rows that are identical in all columns; keeping one of each",
    cause="The rows have no column that differs",
    action="None. If they differ in a dimension, add it to `group_by`",
    level=logging.WARNING,
)

OTHER_DAY = Message(
    "Kayzen sent a row of {day} for the days {days}, so rows may be missing or "
    "duplicated; compare a few days with the console",
    cause="Kayzen may use another time zone",
    action="Set `time_zone` of the report, or `options.time_zone` in Kayzen's spelling",
    level=logging.WARNING,
)

NO_SAVED_REPORT = Message(
    "Kayzen has no saved report with the ID {ids}",
    cause="`report_ids` contains an ID that does not exist",
    action="The stream `reports` lists all saved reports",
)

REPORT_CHANGED = Message(
    "The report has changed ({parts}). Rows before {day} stay as they were loaded, and "
    "later rows whose key changed remain next to the new ones; to reload all days, "
    "empty the table and run once without the state, with `start_date` set",
    cause="The report differs from the one of the state",
    action="Decide whether to [read it all again](state.md#full-refresh)",
    level=logging.WARNING,
)

BOOKMARK_WITHOUT_ADVERTISER = Message(
    "The state has a bookmark without an advertiser, from before `advertiser_ids` was "
    "set. All days are read again, and old rows remain next to the new ones; empty the "
    "table first",
    cause="`advertiser_ids` was set after the first run",
    action="Empty the tables of the reports, and read them again",
    level=logging.WARNING,
)

OTHER_BOOKMARKS = Message(
    "The state has no bookmark on `{column}`, and its {others} cannot be used. Days "
    "before {day} are not read; to read them, set `start_date`",
    cause="The state belongs to another tap or version, or to a run with "
    "`advertiser_ids`",
    action="Set `start_date` to the day after the last loaded one",
    level=logging.WARNING,
)

BAD_BOOKMARK = Message(
    "the state has no valid bookmark, which looks like 2026-01-31; repair the state, "
    "or run without it to read from `start_date`",
    cause="The state was edited, or belongs to another tap",
    action="Repair it, or run without it",
)

NOTHING_TO_READ = Message(
    "Nothing to read: the first day would be {first}, but the last one is {last}",
    cause="`end_date` is before the bookmark or `start_date`",
    action="Change or remove `end_date`",
    level=logging.INFO,
)
