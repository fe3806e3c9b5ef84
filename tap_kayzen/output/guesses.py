"""Suggestions for misspelled names."""

from __future__ import annotations

from difflib import SequenceMatcher, get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MIN_WORD_SIMILARITY = 0.75
"""Minimum similarity of a misspelled word to the correct one."""

MIN_NAME_SIMILARITY = 0.9
"""Minimum similarity of two names that are split into words differently."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a question like ``did you mean `orders`?``; empty without a match."""
    names = list(known)
    guesses = get_close_matches(name, names, n=1)
    return _question(guesses) or may_mean(name, names)


def may_mean(name: str, known: Iterable[str]) -> str:
    """Return the same question for an unknown name that may be correct.

    Only close matches count. ``spend`` probably means ``advertiser_spend``, which
    contains all of its words. ``skan_installs`` is not a misspelling of ``ct_installs``
    or ``installs``.
    """
    words = name.lower().split("_")
    near = [
        each
        for each in known
        if {*words} < {*each.split("_")}
        or _similarity(name, each) >= MIN_NAME_SIMILARITY
        or _are_similar(words, each.split("_"))
    ]
    return _question(get_close_matches(name, near, n=1, cutoff=0.0))


def _are_similar(words: list[str], others: list[str]) -> bool:
    return len(words) == len(others) and all(
        _similarity(word, other) >= MIN_WORD_SIMILARITY
        for word, other in zip(words, others, strict=True)
    )


def _similarity(name: str, other: str) -> float:
    return SequenceMatcher(None, name, other).ratio()


def _question(guesses: list[str]) -> str:
    return f"did you mean `{guesses[0]}`?" if guesses else ""
