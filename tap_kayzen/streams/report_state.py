"""Warnings about the state at the start of a report's sync."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping
    from datetime import date

    from tap_kayzen.output.once import WarnOnce
    from tap_kayzen.reading.bookmarks import Plan

FINGERPRINT = "fingerprint"
"""State key for the fingerprint of the report that a bookmark belongs to."""


def warn_of_change(
    before: object, now: Mapping[str, str], first: date, warn_once: WarnOnce
) -> None:
    """Log a warning if the definition of the report has changed.

    Args:
        before: Fingerprint in the state.
        now: Current fingerprint.
        first: First day to be read.
        warn_once: Logs the warning.
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
    """Log a warning if the state has only bookmarks that are unusable."""
    bookmark = plan.bookmark
    if bookmark and bookmark.day is None and bookmark.unused:
        logger.warning(
            "The state has no bookmark on `%s`; its %s cannot be used: days "
            "before %s are not read; set `start_date` to read them",
            bookmark.key,
            ", ".join(f"`{name}`" for name in bookmark.unused),
            plan.first,
        )
