from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from tap_kayzen.messages.message import Message
from tap_kayzen.output.once import WarnOnce

if TYPE_CHECKING:
    import pytest

LOGGER = logging.getLogger("test-once")
ROW = Message("a row of {number}", cause="-", action="-")
OTHER = Message("another one", cause="-", action="-")


def test_a_warning_is_logged_once_regardless_of_its_arguments(
    caplog: pytest.LogCaptureFixture,
) -> None:
    warn_once = WarnOnce(LOGGER)
    for number in range(3):
        warn_once(ROW, number=number)
    warn_once(OTHER)
    assert caplog.messages == ["a row of 0", "another one"]


def test_a_warning_about_something_else_is_another_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    warn_once = WarnOnce(LOGGER)
    for field in ("a", "b", "a"):
        warn_once(ROW, number=field, about=field)
    assert caplog.messages == ["a row of a", "a row of b"]


def test_threads_log_it_once_too(caplog: pytest.LogCaptureFixture) -> None:
    warn_once = WarnOnce(LOGGER)
    ready = threading.Barrier(8, timeout=20)

    def work() -> None:
        ready.wait()
        warn_once(OTHER)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert caplog.messages == ["another one"]
