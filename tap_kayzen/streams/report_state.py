"""Warnings about the state that the sync of a report starts from."""

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
        warn_once(report_messages.REPORT_CHANGED, parts=", ".join(changed), day=first)


def warn_of_unused(plan: Plan, logger: logging.Logger) -> None:
    """Warn if the state has only bookmarks that this report cannot use."""
    bookmark = plan.bookmark
    if bookmark and bookmark.day is None and bookmark.unused:
        others = ", ".join(f"`{name}`" for name in bookmark.unused)
        text = report_messages.OTHER_BOOKMARKS(
            column=bookmark.key, others=others, day=plan.first
        )
        logger.warning(text)
