"""Recordings of a terminal, as `make pictures` makes them."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import chart_values
import pytest
from support import ROOT

record_terminal = pytest.importorskip(
    "record_terminal", reason="there are no pseudo-terminals here"
)


def test_a_recording_keeps_partial_lines() -> None:
    output = [(0.5, "one\ntw"), (0.7, "o"), (60.0, "\n\nlast <1>\n")]
    pieces = record_terminal.pieces(output)
    assert [each[:3] for each in pieces] == [
        (0, 0, "one"),
        (1, 0, "tw"),
        (1, 2, "o"),
        (3, 0, "last <1>"),
    ]
    pauses = [0.5, 0.5, 0.7, 0.7 + record_terminal.MAX_PAUSE_SECONDS]
    assert [each.seconds for each in pieces] == pytest.approx(pauses)
    drawing = ET.fromstring(record_terminal.drawing("a & b", pieces))  # noqa: S314
    texts = [each.text or "" for each in drawing.iter(f"{chart_values.SVG}text")]
    texts = [text.replace("\N{NO-BREAK SPACE}", " ") for text in texts]
    assert texts == ["$ a & b", "one", "tw", "o", "last <1>"]


def test_a_recording_contains_the_terminal_output() -> None:
    output = record_terminal.record(["sh", "-c", "test -t 1 && echo a terminal"])
    assert "".join(text for _, text in output) == "a terminal\n"
    with pytest.raises(AssertionError, match="control characters"):
        record_terminal.pieces([(0.0, "\x1b[1mbold")])


def test_a_recording_reveals_nothing_about_the_machine() -> None:
    record_terminal.check_private("output/demo.log")
    with pytest.raises(AssertionError, match="the output contains"):
        record_terminal.check_private(f"see {ROOT}/output/demo.log")
