"""Warnings about the state that the sync of a report starts from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping
    from datetime import date

    from tap_kayzen.output.once import WarnOnce
    from tap_kayzen.reading.bookmarks import Plan

FINGERPRINT = "fingerprint"
"""The key of the state that identifies the report of a bookmark."""


def warn_of_change(
    before: object, now: Mapping[str, str], first: date, warn_once: WarnOnce
) -> None:
    """Warn if the report is not the one of the state.

    Args:
        before: The fingerprint in the state.
        now: The fingerprint of the report.
        first: The first day to be read.
        warn_once: Receives the warning.
    """
    if not isinstance(before, dict):
        return
    changed = [f"`{name}`" for name, mark in now.items() if before.get(name) != mark]
    if changed:
        warn_once(
            "The report has changed (%s): rows of days before %s stay as they "
            "were loaded, and from that day on rows that the change left with "
            "another key stand beside the new ones. To load all days anew, empty "
            "the table and run once without the state, with `start_date` set",
            ", ".join(changed),
            first,
        )


def warn_of_unused(plan: Plan, logger: logging.Logger) -> None:
    """Warn if the state has only bookmarks that this report cannot use."""
    bookmark = plan.bookmark
    if bookmark and bookmark.day is None and bookmark.unused:
        logger.warning(
            "The state has no bookmark on `%s`; its %s cannot be used: days "
            "before %s are not read; set `start_date` to read them",
            bookmark.key,
            ", ".join(f"`{name}`" for name in bookmark.unused),
            plan.first,
        )
