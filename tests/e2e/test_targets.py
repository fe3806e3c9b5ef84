"""Targets without Meltano; `make targets` tries more of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import targets
from targets import Case, Place, Reference

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.xdist_group("targets")


# Targets once deleted rows of earlier batches too: meltano/sdk issues 2103 and 2227.
POSTGRES_HARD = replace(
    targets.POSTGRES,
    settings=lambda place: {
        **targets.postgres_settings(place),
        "hard_delete": True,
        "batch_size_rows": 25,
    },
    deleted="missing",
)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return Reference(tmp_path_factory.mktemp("reference"))


@pytest.mark.parametrize(
    "case",
    [targets.CSV_FLAT, targets.POSTGRES_BATCH, targets.POSTGRES_COPY, POSTGRES_HARD],
    ids=["csv", "postgres-batch", "postgres-copy", "postgres-hard-delete"],
)
def test_two_days_load_as_the_table_shows(
    case: Case, reference: Reference, server: str, tmp_path: Path
) -> None:
    outcomes = case.run(reference, Place(tmp_path, server))
    case.check(reference, outcomes)
