"""A few of the runs that `make chaos` makes many of, always the same ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import chaos
import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("seed", range(1, 13))
def test_the_output_is_correct_despite_any_fault(seed: int) -> None:
    figures = chaos.Scenario(seed).play()
    assert figures.runs


STUCK = {
    "silent from the start": "pause()",
    "silent after a record": "print(RECORD, flush=True); pause()",
    "deaf to SIGTERM": "signal(SIGTERM, SIG_IGN); print(RECORD, flush=True); pause()",
    "without an output": "os.close(1); pause()",
    "survived by a child": "os.fork() or pause()",
}
"""Code that keeps a tap from exiting properly, by the resulting failure."""

START = """
import os
from signal import *
RECORD = '{"type": "RECORD", "stream": "campaigns", "record": {"id": 1}}'
"""


@pytest.mark.parametrize("kill", ["none", "SIGTERM", "pipe"])
@pytest.mark.parametrize("how", STUCK)
def test_a_hanging_tap_fails_and_names_the_seed(
    how: str, kill: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tap = tmp_path / "tap.py"
    tap.write_text(START + STUCK[how])
    monkeypatch.setattr(chaos, "IMPATIENT", tap)
    monkeypatch.setattr(chaos, "TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr(chaos, "KILLS", (kill,))
    result = chaos.play(4711)
    assert isinstance(result, str)
    assert result.startswith("BrokenPromiseError: seed 4711 (")
    assert "still running after 0.2 s" in result
