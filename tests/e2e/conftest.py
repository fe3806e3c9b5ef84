from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import demo
import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

HERE = Path(__file__).parent


# First, before the groups are looked at.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these tests together, one after the other: they share what is installed."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.xdist_group("e2e"))


@pytest.fixture(scope="session")
def server() -> Generator[str]:
    with demo.postgres() as url:
        yield url
