"""Logging filters: add stream names, hide deselected streams and METRIC lines."""

from __future__ import annotations

import logging
import os
from functools import cache

from singer_sdk.metrics import MetricExclusionFilter, get_metrics_logger

SKIPPED_STREAM = "Skipping deselected stream '%s'."
"""The SDK's message for each stream that is not selected."""

LOG_CONFIG = "SINGER_SDK_LOG_CONFIG"
"""The SDK's variable for a log configuration, which Meltano sets for each plugin."""

METRIC_TYPES = ("counter", "timer")
"""Types of metrics that the SDK logs."""

PROPER_NAMES = ("Kayzen", "Meltano")
"""Words that stay capitalized in the middle of a sentence."""


class StreamNames(logging.Filter):
    """Filter that prefixes the messages of a stream's logger with the stream's name.

    Meltano shows only the message, not the name of the logger.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Prefix the message with the stream's name, unless it already has it."""
        text = record.getMessage()
        if not text.startswith((f"{self.name}:", f"{self.name} ", f"{self.name},")):
            text = f"{self.name}: {_continued(text)}"
        record.msg, record.args = text, ()
        return True


class SkippedStreams(logging.Filter):
    """Filter that logs the SDK's messages about deselected streams at DEBUG."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Lower the level of the message; return whether to log it."""
        if record.msg != SKIPPED_STREAM:
            return True
        record.levelno, record.levelname = logging.DEBUG, "DEBUG"
        return logging.getLogger(record.name).isEnabledFor(logging.DEBUG)


@cache
def stream_names(stream: str) -> StreamNames:
    """Return the filter for a stream's logger, shared by all taps of the process."""
    return StreamNames(stream)


@cache
def skipped_streams() -> SkippedStreams:
    """Return the filter for the tap's logger."""
    return SkippedStreams()


def hide_metrics(logger: logging.Logger) -> None:
    """Hide the SDK's METRIC lines, three for each stream, from a person's terminal.

    A log configuration shows that software reads the lines, as Meltano does.

    Args:
        logger: At level DEBUG, the lines are shown anyway.
    """
    if LOG_CONFIG not in os.environ and not logger.isEnabledFor(logging.DEBUG):
        get_metrics_logger().addFilter(MetricExclusionFilter(types=METRIC_TYPES))


def _continued(sentence: str) -> str:
    """Return a sentence with a lowercase first letter, to follow a colon."""
    word = sentence.partition(" ")[0]
    is_plain = word[1:] == word[1:].lower() and not word.startswith(PROPER_NAMES)
    return sentence[:1].lower() + sentence[1:] if is_plain else sentence
