"""Log lines of streams name their stream; those of the SDK are fewer."""

from __future__ import annotations

import logging
from functools import cache

SKIPPED_STREAM = "Skipping deselected stream '%s'."
"""The SDK's line for each stream that is not selected."""

PROPER_NAMES = ("Kayzen", "Meltano")
"""Words that begin with a capital letter within a sentence, too."""


class StreamNames(logging.Filter):
    """Puts the stream's name before each line of its logger.

    Meltano shows the text of a line alone, without the logger's name.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Put the name of the logger before the text, unless the text has it."""
        text = record.getMessage()
        if not text.startswith((f"{self.name}:", f"{self.name} ", f"{self.name},")):
            text = f"{self.name}: {_continued(text)}"
        record.msg, record.args = text, ()
        return True


class SkippedStreams(logging.Filter):
    """Shows the SDK's lines about streams that are not selected at DEBUG only."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to show a record."""
        if record.msg != SKIPPED_STREAM:
            return True
        record.levelno, record.levelname = logging.DEBUG, "DEBUG"
        return logging.getLogger(record.name).isEnabledFor(logging.DEBUG)


@cache
def stream_names(stream: str) -> StreamNames:
    """Return the filter for the logger of a stream: the same one for each tap."""
    return StreamNames(stream)


@cache
def skipped_streams() -> SkippedStreams:
    """Return the filter for the logger of the tap."""
    return SkippedStreams()


def _continued(sentence: str) -> str:
    """Return a sentence as it goes on behind a colon."""
    word = sentence.partition(" ")[0]
    is_plain = word[1:] == word[1:].lower() and not word.startswith(PROPER_NAMES)
    return sentence[:1].lower() + sentence[1:] if is_plain else sentence
