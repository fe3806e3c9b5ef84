"""Filters for log lines: add the stream's name, hide deselected streams."""

from __future__ import annotations

import logging
from functools import cache

SKIPPED_STREAM = "Skipping deselected stream '%s'."
"""The SDK's line for each stream that is not selected."""

PROPER_NAMES = ("Kayzen", "Meltano")
"""Words that keep their capital letter in mid-sentence."""


class StreamNames(logging.Filter):
    """Prefixes each line of a stream's logger with the stream's name.

    Meltano shows only the text of a line, not the logger's name.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Prefix the text with the stream's name, unless it is already there."""
        text = record.getMessage()
        if not text.startswith((f"{self.name}:", f"{self.name} ", f"{self.name},")):
            text = f"{self.name}: {_continued(text)}"
        record.msg, record.args = text, ()
        return True


class SkippedStreams(logging.Filter):
    """Shows the SDK's lines about deselected streams at DEBUG only."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to show a record."""
        if record.msg != SKIPPED_STREAM:
            return True
        record.levelno, record.levelname = logging.DEBUG, "DEBUG"
        return logging.getLogger(record.name).isEnabledFor(logging.DEBUG)


@cache
def stream_names(stream: str) -> StreamNames:
    """Return the filter for a stream's logger, shared by all taps."""
    return StreamNames(stream)


@cache
def skipped_streams() -> SkippedStreams:
    """Return the filter for the tap's logger."""
    return SkippedStreams()


def _continued(sentence: str) -> str:
    """Return a sentence as written after a colon, with a lowercase letter."""
    word = sentence.partition(" ")[0]
    is_plain = word[1:] == word[1:].lower() and not word.startswith(PROPER_NAMES)
    return sentence[:1].lower() + sentence[1:] if is_plain else sentence
