"""Warnings about the state at the start of a report's sync."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_kayzen.messages import report_messages

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
        warn_once(report_messages.REPORT_CHANGED, parts=", ".join(changed), day=first)


def warn_of_unused(plan: Plan, logger: logging.Logger) -> None:
    """Log a warning if the state has only bookmarks that are unusable."""
    bookmark = plan.bookmark
    if bookmark and bookmark.day is None and bookmark.unused:
        others = ", ".join(f"`{name}`" for name in bookmark.unused)
        text = report_messages.OTHER_BOOKMARKS(
            column=bookmark.key, others=others, day=plan.first
        )
        logger.warning(text)
