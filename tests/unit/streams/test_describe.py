"""The line that an error becomes."""

from __future__ import annotations

from tap_kayzen.messages import bug_messages, stream_messages
from tap_kayzen.streams.failures import describe


def test_nesting_that_python_cannot_write_is_named() -> None:
    assert describe(RecursionError("maximum depth")) == stream_messages.TOO_DEEP()


def test_an_error_of_the_operating_system_needs_no_comment() -> None:
    assert describe(OSError(28, "No space left")) == "[Errno 28] No space left"


def test_any_other_error_is_a_bug_to_report() -> None:
    expected = f"KeyError: 'x y'; {bug_messages.REPORT_IT()}"
    assert describe(KeyError("x y")) == expected
