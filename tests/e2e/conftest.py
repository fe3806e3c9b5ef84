from __future__ import annotations

from typing import TYPE_CHECKING

import demo
import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

# Meltano installs its plugins in the first one.
demo.COMMAND_SECONDS = 900.0


@pytest.fixture(scope="session")
def server() -> Generator[str]:
    with demo.postgres() as url:
        yield url
