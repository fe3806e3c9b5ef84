"""Selection by a catalog, with real processes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support import SAMPLE_CONFIG, Run, catalog_of, run_process

from tap_kayzen.messages import selection_messages
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from pathlib import Path

REPORT = "campaign_performance"
DAYS = {"start_date": "2025-03-01", "end_date": "2025-03-02"}


def lines(run: Run, level: str) -> list[str]:
    parts = [line.split(" | ", 3) for line in run.stderr.splitlines()]
    return [part[3] for part in parts if part[1].strip() == level]


def run_with(
    catalog: dict[str, Any], config: dict[str, Any], folder: Path, **settings: object
) -> Run:
    paths = {"config": folder / "config.json", "catalog": folder / "catalog.json"}
    paths["config"].write_text(json.dumps({**config, **settings}))
    paths["catalog"].write_text(json.dumps(catalog))
    return run_process("--config", paths["config"], "--catalog", paths["catalog"])


def edited(stream: str, column: str, **metadata: object) -> dict[str, Any]:
    """Return a catalog of one stream in which a column has other metadata."""
    catalog = catalog_of(stream)
    (entry,) = catalog["streams"]
    for each in entry["metadata"]:
        if each["breadcrumb"] == ["properties", column]:
            each["metadata"] = metadata
    return catalog


def test_a_run_logs_its_streams_in_one_line(
    config: dict[str, Any], tmp_path: Path
) -> None:
    run = run_with(catalog_of("orders", "tags"), config, tmp_path)
    assert run.code == 0
    text = " ".join(lines(run, "INFO"))
    total = len(TapKayzen(config=dict(SAMPLE_CONFIG)).streams)
    assert f"2 of {total} streams are selected: orders, tags" in text
    assert "Skipping deselected" not in text


def test_a_renamed_report_is_not_dropped_silently(
    config: dict[str, Any], tmp_path: Path
) -> None:
    spend = {"name": "spending", "metrics": ["advertiser_spend"], "group_by": ["day"]}
    catalog = catalog_of(REPORT)
    catalog["streams"][0]["tap_stream_id"] = "spend"
    run = run_with(catalog, config, tmp_path, reports=[spend])
    assert run.code == 0
    assert run.records == []
    unknown, nothing, lacking = lines(run, "WARNING")[-3:]
    assert unknown.endswith("did you mean `spending`?")
    assert nothing.startswith("No stream is selected")
    assert lacking.startswith("Reports missing from the catalog are not read")


@pytest.mark.parametrize("stream", ["orders", REPORT])
@pytest.mark.parametrize(
    ("metadata", "level"),
    [
        ({"inclusion": "available", "selected": False}, "WARNING"),
        ({"selected": False}, "WARNING"),
        ({"inclusion": "unsupported", "selected": False}, "WARNING"),
        # What Meltano makes of `select: ['orders.name']`.
        ({"inclusion": "automatic", "selected": False}, "INFO"),
    ],
)
def test_keys_are_read_regardless_of_the_catalog(
    stream: str,
    metadata: dict[str, Any],
    level: str,
    config: dict[str, Any],
    tmp_path: Path,
) -> None:
    key = "_key" if stream == REPORT else "id"
    run = run_with(edited(stream, key, **metadata), config, tmp_path, **DAYS)
    assert run.code == 0
    (schema,) = run.of_type("SCHEMA")
    assert key in schema["schema"]["properties"]
    assert schema["key_properties"] == [key]
    assert run.records
    assert all(record[key] is not None for record in run.records)
    text = selection_messages.KEY_DESELECTED(column=key)
    assert f"{stream}: r{text[1:]}" in lines(run, level)


def test_a_key_defined_by_the_catalog_is_read_too(
    config: dict[str, Any], tmp_path: Path
) -> None:
    catalog = edited("orders", "name", inclusion="available", selected=False)
    catalog["streams"][0]["key_properties"] = ["id", "name"]
    run = run_with(catalog, config, tmp_path)
    assert run.code == 0
    assert all(record["name"] for record in run.records)


def test_a_schema_without_the_key_is_refused(
    config: dict[str, Any], tmp_path: Path
) -> None:
    catalog = catalog_of("orders")
    del catalog["streams"][0]["schema"]["properties"]["id"]
    run = run_with(catalog, config, tmp_path)
    assert run.code == 1
    (error,) = run.errors
    text = selection_messages.KEY_NOT_IN_CATALOG(columns="`id`")
    assert error == f"orders: {text}"


def test_each_line_of_a_stream_names_it(config: dict[str, Any], tmp_path: Path) -> None:
    """Meltano shows neither the logger's name nor the level."""
    catalog = catalog_of("campaign_changelogs", "campaigns", REPORT)
    run = run_with(catalog, config, tmp_path, **DAYS)
    assert run.code == 0
    parts = [line.split(" | ", 3) for line in run.stderr.splitlines()]
    streams = [(part[2].strip(), part[3]) for part in parts if part[2].count(".") == 1]
    ours = [
        (name.removeprefix("tap-kayzen."), text)
        for name, text in streams
        if name.startswith("tap-kayzen.")
    ]
    assert len(ours) > 3
    assert all(text.startswith(f"{name}: ") for name, text in ours)
    assert "assumed to be unsorted" not in run.stderr
