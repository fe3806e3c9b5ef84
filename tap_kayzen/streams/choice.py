"""The setting `streams`: which streams a run reads without a catalog."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

EXCLUSION = "!"
"""Begins a pattern whose streams are not read."""


def is_exclusion(pattern: str) -> bool:
    """Return whether a pattern excludes streams, such as ``!tags``."""
    return pattern.startswith(EXCLUSION)


def matching(pattern: str, names: Iterable[str]) -> set[str]:
    """Return the names that a pattern includes or excludes."""
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
        patterns: The setting, such as ``["campaigns", "campaign_*", "!tags"]``.
            Exclusions count wherever they stand.
        names: Names of all streams.
        default: What to start from if all patterns are exclusions.
    """
    inclusions = [each for each in patterns if not is_exclusion(each)]
    included = {name for each in inclusions for name in matching(each, names)}
    return (included if inclusions else {*default}) - excluded(patterns, names)
