"""A few of the runs that `make chaos` makes many of, always the same ones."""

from __future__ import annotations

import chaos
import pytest


@pytest.mark.parametrize("seed", range(1, 13))
def test_what_comes_out_is_the_truth_whatever_goes_wrong(seed: int) -> None:
    figures = chaos.Scenario(seed).play()
    assert figures.runs
