"""Selection by the user: the setting `streams`, and `--test` with a catalog."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support import REFUSED, Run, catalog_of, refusing, run_process, selecting

from tap_kayzen.messages import file_messages, selection_messages, stream_messages

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Broken
    from support import Sandbox

SPEND = {"name": "Spend", "metrics": ["advertiser_spend"], "group_by": ["day"]}
DENIED = stream_messages.FORBIDDEN()
DAYS = {"start_date": "2025-03-01", "end_date": "2025-03-02"}


@pytest.fixture
def campaigns() -> int:
    return 5


def run_with(
    config: dict[str, Any], folder: Path, *arguments: str | Path, **settings: object
) -> Run:
    path = folder / "config.json"
    path.write_text(json.dumps({**config, **DAYS, **settings}), encoding="utf-8")
    return run_process("--config", path, *arguments)


def streams_of(run: Run) -> set[str]:
    return {message["stream"] for message in run.of_type("SCHEMA")}


def messages(run: Run, level: str) -> list[str]:
    parts = [line.split(" | ", 3) for line in run.stderr.splitlines()]
    return [part[3] for part in parts if len(part) == 4 and part[1].strip() == level]


def table(run: Run) -> dict[str, list[str]]:
    """Return the rows of the table of --test, by stream."""
    lines = [
        line.split(maxsplit=2)
        for line in run.stderr.splitlines()
        if " | " not in line and not line.startswith(" ")
    ]
    return {name: rest for name, *rest in lines if name != "stream"}


# The setting


@pytest.mark.parametrize(
    ("patterns", "read"),
    [
        (["campaigns"], {"campaigns"}),
        ("orders, tags", {"orders", "tags"}),
        (
            ["campaign_*", "!campaign_c*", "!campaign_bid_multipliers"],
            {"campaign_details", "campaign_performance"},
        ),
        (["!tags", "tags", "cities"], {"cities"}),
    ],
)
def test_the_streams_of_the_setting_are_read(
    config: dict[str, Any], tmp_path: Path, patterns: object, read: set[str]
) -> None:
    run = run_with(config, tmp_path, streams=patterns)
    assert run.code == 0, run.stderr
    assert streams_of(run) == read
    assert {message["stream"] for message in run.of_type("RECORD")} == read


def test_exclusions_alone_keep_the_other_default_streams(
    config: dict[str, Any], tmp_path: Path, sandbox: Sandbox
) -> None:
    default = streams_of(run_with(config, tmp_path))
    sandbox.requests.clear()
    run = run_with(config, tmp_path, streams=["!tags", "!c*", "!audiences"])
    left = {name for name in default if name[0] != "c"} - {"tags"}
    assert len(left) > 3
    assert streams_of(run) == left
    assert not {"/v1/tags", "/v1/campaigns"} & {*sandbox.requests}


@pytest.mark.parametrize(
    "text", ["orders,cities", "[orders, cities]", '["orders", "cities"]']
)
def test_the_setting_can_be_an_environment_variable(
    config_file: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("TAP_KAYZEN_STREAMS", text)
    run = run_process("--config", config_file, "--config", "ENV")
    assert run.code == 0, run.stderr
    assert streams_of(run) == {"orders", "cities"}


def test_reports_are_streams_too(config: dict[str, Any], tmp_path: Path) -> None:
    run = run_with(config, tmp_path, streams=["spend"], reports=[SPEND])
    assert streams_of(run) == {"spend"}
    run = run_with(config, tmp_path, streams=["orders"], reports=[SPEND])
    assert streams_of(run) == {"orders"}
    warning = selection_messages.REPORTS_NOT_IN_STREAMS(reports="`spend`")
    assert messages(run, "WARNING")[0] == warning
    run = run_with(config, tmp_path, streams=["orders", "!spend"], reports=[SPEND])
    assert not any("`streams`" in each for each in messages(run, "WARNING"))


def test_audiences_are_read_with_their_key(
    config: dict[str, Any], sandbox: Sandbox, tmp_path: Path
) -> None:
    run = run_with(
        config,
        tmp_path,
        streams=["audiences"],
        audience_api_key="sandbox-audience-key",
        audience_url=sandbox.url,
    )
    assert streams_of(run) == {"audiences"}


def test_discovery_marks_the_streams_of_the_setting(
    config: dict[str, Any], tmp_path: Path
) -> None:
    run = run_with(config, tmp_path, "--discover", streams=["cities", "camp*s"])
    roots = {
        entry["tap_stream_id"]: each["metadata"]
        for entry in json.loads(run.stdout)["streams"]
        for each in entry["metadata"]
        if not each["breadcrumb"]
    }
    chosen = {
        "campaign_bid_multipliers",
        "campaign_changelogs",
        "campaign_details",
        "campaigns",
        "cities",
    }
    assert {name for name, root in roots.items() if root["selected"]} == chosen
    assert {
        name for name, root in roots.items() if root["selected-by-default"]
    } == chosen


def test_a_catalog_takes_precedence_over_the_setting(
    config: dict[str, Any], tmp_path: Path
) -> None:
    only = selecting(tmp_path, "orders")
    run = run_with(config, tmp_path, *only, streams=["campaigns"])
    assert run.code == 0
    assert streams_of(run) == {"orders"}
    assert messages(run, "WARNING")[0] == selection_messages.STREAMS_IGNORED()


# --test


def test_a_test_reads_what_the_catalog_selects(
    config: dict[str, Any], sandbox: Sandbox, tmp_path: Path
) -> None:
    catalog = catalog_of("orders", "tags", "cities")
    for entry in catalog["streams"]:
        if entry["tap_stream_id"] == "tags":
            for each in entry["metadata"]:
                each["metadata"]["selected"] = False
    path = tmp_path / "catalog.json"
    path.write_text(json.dumps(catalog), encoding="utf-8")
    for arguments in (("--test", "--catalog", path), ("--catalog", path, "--test")):
        run = run_with(config, tmp_path, *arguments)
        assert run.code == 0, run.stderr
        assert table(run) == {"cities": ["yes", "yes"], "orders": ["yes", "yes"]}
    assert "/v1/tags" not in sandbox.requests


def test_a_test_uses_the_schema_of_the_catalog(
    config: dict[str, Any], tmp_path: Path
) -> None:
    catalog = catalog_of("orders")
    del catalog["streams"][0]["schema"]["properties"]["id"]
    path = tmp_path / "catalog.json"
    path.write_text(json.dumps(catalog), encoding="utf-8")
    run = run_with(config, tmp_path, "--test", "--catalog", path)
    assert run.code == 1
    (error,) = run.errors
    assert error.startswith(
        f"orders: {selection_messages.KEY_NOT_IN_CATALOG(columns='`id`')}"
    )


@pytest.mark.parametrize("test", ["--test", "--test=report"])
def test_a_test_names_a_catalog_that_cannot_be_read(
    config: dict[str, Any], sandbox: Sandbox, tmp_path: Path, test: str
) -> None:
    path = tmp_path / "catalog.json"
    path.write_text("{}", encoding="utf-8")
    run = run_with(config, tmp_path, test, "--catalog", path)
    assert run.code == 1
    (error,) = run.errors
    assert error.startswith(f"--catalog {path}: {file_messages.NO_STREAMS()}")
    assert "/v1/authentication/token" not in sandbox.requests


@pytest.mark.parametrize("stream", ["cities", "tags"])
def test_a_chosen_stream_must_be_available(
    broken: Broken, tmp_path: Path, stream: str
) -> None:
    path = "/v1/meta/cities" if stream == "cities" else "/v1/tags"
    config = broken(refusing(path, REFUSED))
    without = run_with(config, tmp_path, "--test")
    assert without.code == (0 if stream == "cities" else 1), "only tags is a default"
    chosen = [
        run_with(config, tmp_path, "--test", *selecting(tmp_path, stream, "orders")),
        run_with(config, tmp_path, "--test", streams=[stream, "orders"]),
    ]
    for run in chosen:
        assert run.code == 1
        assert table(run).keys() == {stream, "orders"}
        assert table(run)["orders"] == ["yes", "yes"]


def test_the_table_does_not_repeat_the_name(broken: Broken, tmp_path: Path) -> None:
    config = broken(refusing("/v1/tags", REFUSED))
    chosen = {"streams": ["tags"], "advertiser_ids": [108993, 108994]}
    run = run_with(config, tmp_path, "--test", **chosen)
    lines = [line for line in run.stderr.splitlines() if line.startswith("tags ")]
    assert len(lines) == 2
    for line in lines:
        *name, advertiser, answer, rest = line.split(maxsplit=5)
        assert name == ["tags", "of", "advertiser"]
        assert advertiser in {"108993", "108994"}
        assert answer == "no"
        assert rest.startswith(f"page 1: {DENIED}")
        assert stream_messages.DESELECT(stream="tags") in rest


def test_a_missing_list_of_campaigns_is_not_repeated(
    broken: Broken, tmp_path: Path
) -> None:
    config = broken(refusing("/v1/meta/campaigns", REFUSED))
    run = run_with(config, tmp_path, "--test", streams=["campaigns"])
    assert run.code == 0, "it reads the other list"
    (line,) = [line for line in run.stderr.splitlines() if "meta/campaigns" in line]
    assert line.split(maxsplit=2)[2].startswith(f"page 1: {DENIED}")


# --test=report


@pytest.mark.parametrize("by", ["catalog", "setting"])
def test_a_report_covers_what_was_chosen(
    config: dict[str, Any], sandbox: Sandbox, tmp_path: Path, by: str
) -> None:
    streams = ("campaign_details", "orders")
    chosen = selecting(tmp_path, *streams) if by == "catalog" else ()
    settings = {"streams": [*streams]} if by == "setting" else {}
    run = run_with(config, tmp_path, "--test=report-json", *chosen, **settings)
    assert run.code == 0, run.stderr
    asked = {call["stream"] for call in json.loads(run.stdout)["calls"]}
    # The campaigns, as their details need an ID.
    assert asked == {"", "campaigns", *streams}
    assert "/v1/tags" not in sandbox.requests
