from __future__ import annotations

from click.testing import CliRunner

from tap_kayzen.sandbox.fault_plan import FAULTS
from tap_kayzen.sandbox.fault_texts import FAULT_TEXTS
from tap_kayzen.sandbox.launcher import main


def test_every_fault_has_a_description() -> None:
    assert FAULT_TEXTS.keys() == {*FAULTS}


def test_the_help_describes_every_fault() -> None:
    result = CliRunner().invoke(main, ["--help"], terminal_width=200)
    assert result.exit_code == 0
    lines = dict(
        line.split(maxsplit=1)
        for line in result.output.splitlines()
        if line.split()[:1] and line.split()[0] in FAULTS
    )
    assert lines == FAULT_TEXTS
