from __future__ import annotations

from typing import TYPE_CHECKING

import demo
import pytest

if TYPE_CHECKING:
    from collections.abc import Generator


@pytest.fixture(scope="session")
def server() -> Generator[str]:
    with demo.postgres() as url:
        yield url
