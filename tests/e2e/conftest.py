"""Fixtures for end-to-end tests: each `xdist_group` has its own PostgreSQL."""

from __future__ import annotations

import fcntl
from contextlib import ExitStack
from typing import TYPE_CHECKING

import demo
import pytest

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

# Meltano installs its plugins in the first one.
demo.COMMAND_SECONDS = 900.0


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    # As root, PostgreSQL needs a user, which only one process may create.
    lock = tmp_path_factory.getbasetemp().parent / "postgres.lock"
    with ExitStack() as stack:
        environment = stack.enter_context(pytest.MonkeyPatch.context())
        environment.delenv("DATABASE_URL", raising=False)
        with lock.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            url = stack.enter_context(demo.postgres())
        yield url


@pytest.fixture(autouse=True)
def _own_system_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep runs of Meltano apart, which write their catalogs under the same name."""
    folder = tmp_path / "meltano"
    folder.mkdir()
    for kind in ("extractors", "loaders"):
        (folder / kind).symlink_to(demo.ROOT / ".meltano" / kind)
    monkeypatch.setenv("MELTANO_SYS_DIR_ROOT", str(folder))
