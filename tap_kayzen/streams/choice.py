"""Selects streams by the patterns of the setting `streams`."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

EXCLUSION = "!"
"""Prefix of a pattern that excludes streams."""


def is_exclusion(pattern: str) -> bool:
    """Return whether a pattern excludes streams, like ``!tags``."""
    return pattern.startswith(EXCLUSION)


def matching(pattern: str, names: Iterable[str]) -> set[str]:
    """Return the names that match a pattern, with or without ``!``."""
    wanted = pattern.removeprefix(EXCLUSION)
    return {name for name in names if fnmatchcase(name, wanted)}


def excluded(patterns: Iterable[str], names: Collection[str]) -> set[str]:
    """Return the names that any pattern excludes."""
    return {
        name
        for pattern in filter(is_exclusion, patterns)
        for name in matching(pattern, names)
    }


def chosen(
    patterns: Sequence[str], names: Collection[str], default: Iterable[str]
) -> set[str]:
    """Return the names of the streams to read.

    Args:
        patterns: The setting, like ``["campaigns", "campaign_*", "!tags"]``. The order
            does not matter.
        names: Names of all streams.
        default: Names to exclude from if all patterns are exclusions.
    """
    inclusions = [each for each in patterns if not is_exclusion(each)]
    included = {name for each in inclusions for name in matching(each, names)}
    return (included if inclusions else {*default}) - excluded(patterns, names)
