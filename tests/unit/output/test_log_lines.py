from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING

import pytest
from singer_sdk import Tap

from tap_kayzen.output.log_lines import SKIPPED_STREAM, skipped_streams, stream_names

if TYPE_CHECKING:
    from collections.abc import Generator


@pytest.fixture
def logger() -> Generator[logging.Logger]:
    logger = logging.getLogger("test-log-lines")
    yield logger
    for each in logger.filters[:]:
        logger.removeFilter(each)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Field %r is new", "campaigns: field 'x' is new"),
        ("Kayzen sent %s", "campaigns: Kayzen sent x"),
        ("STATE of %s", "campaigns: STATE of x"),
        ("`%s` is old", "campaigns: `x` is old"),
        ("campaigns: %s", "campaigns: x"),
        ("campaigns of advertiser 7: %s", "campaigns of advertiser 7: x"),
        ("campaigns, page 3: %s", "campaigns, page 3: x"),
        ("campaigns_too: %s", "campaigns: campaigns_too: x"),
        ("A %s", "campaigns: a x"),
    ],
)
def test_a_line_names_its_stream_once(
    text: str, shown: str, logger: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        # Of each tap in the process.
        logger.addFilter(stream_names("campaigns"))
    logger.warning(text, "x")
    assert caplog.messages == [shown]


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO])
def test_streams_that_are_skipped_are_named_at_debug(
    level: int, logger: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    logger.addFilter(skipped_streams())
    caplog.set_level(level, logger.name)
    logger.info(SKIPPED_STREAM, "tags")
    logger.info("Something else")
    skipped = [("DEBUG", "Skipping deselected stream 'tags'.")]
    shown = [(each.levelname, each.getMessage()) for each in caplog.records]
    expected = skipped if level == logging.DEBUG else []
    assert shown == [*expected, ("INFO", "Something else")]


def test_the_sdk_still_logs_that_line() -> None:
    assert f'"{SKIPPED_STREAM}"' in inspect.getsource(Tap)
