"""Stream maps, as people write them."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from support import (
    REPORT_DAYS,
    SAMPLE_CONFIG,
    TOKEN_PATH,
    page_response,
    run_process,
    selecting,
    token_response,
)

from tap_kayzen.messages import stream_map_messages, stream_messages

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Serve
    from starlette.responses import Response
    from support import Call, Run

    Row = dict[str, Any]

REPORT = "campaign_performance"


@pytest.fixture
def campaigns() -> int:
    return 5


def read(
    config: dict[str, Any],
    folder: Path,
    maps: object,
    *streams: str,
    level: str = "INFO",
    **more: object,
) -> Run:
    path = folder / "config.json"
    settings = {**config, **REPORT_DAYS, **more, "stream_maps": maps}
    path.write_text(json.dumps(settings), encoding="utf-8")
    environment = {**os.environ, "TAP_KAYZEN_LOGLEVEL": level}
    only = selecting(folder, *streams)
    return run_process("--config", path, *only, env=environment)


def warnings_of(run: Run) -> list[str]:
    """Return the warnings that are not about the sandbox's rows."""
    lines = [line.split(" | ", 3) for line in run.stderr.splitlines()]
    warnings = [line[3] for line in lines if line[1].strip() == "WARNING"]
    return [each for each in warnings if stream_messages.KEPT() not in each]


def serving(serve: Serve, *rows: Row) -> dict[str, Any]:
    """Serve a list of campaigns; return the settings."""

    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        return page_response([*rows], total_pages=1, total_entries=len(rows))

    url, _ = serve(answer)
    return {**SAMPLE_CONFIG, "api_url": url}


@pytest.mark.parametrize(
    "maps",
    [
        {"orders": {"name": "name.upper()"}},
        {"orders": {"nmae": None}},
        {"orders": None},
        {"all_orders": {"__source__": "orders", "x": "1"}},
    ],
)
@pytest.mark.parametrize("catalogued", [["campaigns", "orders"], ["campaigns"]])
def test_a_map_of_a_stream_that_is_not_selected_does_nothing(
    config: dict[str, Any], tmp_path: Path, maps: object, catalogued: list[str]
) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**config, "stream_maps": maps}), encoding="utf-8")
    _, catalog = selecting(tmp_path, *catalogued)
    content = json.loads(catalog.read_text())
    for entry in content["streams"]:
        if entry["tap_stream_id"] == "orders":
            (root,) = [each for each in entry["metadata"] if not each["breadcrumb"]]
            root["metadata"]["selected"] = False
    catalog.write_text(json.dumps(content))
    run = run_process("--config", path, "--catalog", catalog)
    assert run.code == 0, run.stderr
    assert warnings_of(run) == []
    assert {each["stream"] for each in run.of_type("RECORD")} == {"campaigns"}
    assert len(run.records) == 5


@pytest.mark.parametrize(
    ("maps", "warning"),
    [
        (
            {"campagins": {"name": None}},
            stream_map_messages.NO_STREAM(
                key="campagins", stream="campagins", hint="; did you mean `campaigns`?"
            ),
        ),
        (
            {"ads": {"__source__": "campaign"}},
            stream_map_messages.NO_STREAM(
                key="ads", stream="campaign", hint="; did you mean `campaigns`?"
            ),
        ),
        (
            {"zzz*": None},
            stream_map_messages.NO_STREAM(key="zzz*", stream="zzz*", hint=""),
        ),
        (
            {"campaigns": {"nmae": None}},
            stream_map_messages.NO_COLUMN(
                place="stream_maps.campaigns.nmae",
                column="nmae",
                hint="; did you mean `name`?",
            ),
        ),
        (
            {"camp*": {"nmae": "__NULL__"}},
            stream_map_messages.NO_COLUMN(
                place="stream_maps.camp*.nmae",
                column="nmae",
                hint="; did you mean `name`?",
            ),
        ),
        (
            {"campaigns": {"__filtr__": "'x'"}},
            stream_map_messages.OPTION_AS_COLUMN(
                place="stream_maps.campaigns.__filtr__",
                hint="did you mean `__filter__`?",
            ),
        ),
        (
            {"campaigns": {"x": "'y' if True else nmae"}},
            "`stream_maps.campaigns.x`, `'y' if True else nmae`: "
            + stream_map_messages.UNKNOWN_NAME(
                name="nmae", hint="; did you mean `name`?"
            ),
        ),
    ],
)
def test_misspellings_have_no_effect_and_are_named(
    config: dict[str, Any], tmp_path: Path, maps: object, warning: str
) -> None:
    run = read(config, tmp_path, maps, "campaigns")
    assert run.code == 0, run.stderr
    assert warnings_of(run) == [warning]
    assert len(run.records) == 5


@pytest.mark.parametrize(
    ("entry", "place", "key"),
    [
        ({"id": "'x'"}, "id`, `'x'", "id"),
        ({"id": "name"}, "id`, `name", "id"),
        (
            {"__key_properties__": ["number"], "number": "'x'"},
            "number`, `'x'",
            "number",
        ),
    ],
)
def test_a_key_that_a_map_replaces_is_named_at_the_start(
    entry: dict[str, Any], place: str, key: str, config: dict[str, Any], tmp_path: Path
) -> None:
    run = read(config, tmp_path, {"campaigns": entry}, "campaigns")
    assert run.code == 0, run.stderr
    text = stream_map_messages.KEY_REPLACED(column=key)
    assert warnings_of(run) == [f"`stream_maps.campaigns.{place}`: {text}"]


@pytest.mark.parametrize(
    "entry", [{"day": None}, {"__else__": None, "_key": "_key", "clicks": "clicks"}]
)
def test_a_bookmark_advances_even_if_a_map_removes_its_column(
    entry: dict[str, Any], config: dict[str, Any], tmp_path: Path
) -> None:
    run = read(config, tmp_path, {REPORT: entry}, REPORT)
    assert run.code == 0, run.stderr
    assert warnings_of(run) == []
    (schema,) = run.of_type("SCHEMA")
    assert "bookmark_properties" not in schema
    assert "day" not in schema["schema"]["properties"]
    assert run.records
    bookmark = run.of_type("STATE")[-1]["value"]["bookmarks"][REPORT]
    assert bookmark["replication_key_value"] == REPORT_DAYS["end_date"]
    plain = read(config, tmp_path, {REPORT: {"clicks": None}}, REPORT)
    assert plain.of_type("SCHEMA")[0]["bookmark_properties"] == ["day"]


@pytest.mark.parametrize(
    "maps",
    [
        {"campaigns": {"name": None, "_extra": None, "new": "name"}},
        {"campaigns": {"x": "[y for y in [1, id]] if id else rand()"}},
        {
            "campaigns": {
                "x": "md5(str(id)) + json.dumps(config)",
                "name": "self.upper()",
            }
        },
        {"campaigns": {"__filter__": "bool(id)", "__key_properties__": ["id"]}},
        {"campaigns": {"__else__": None, "id": "id", "name": "name"}},
        {"*": {"_sdc_source": "__stream_name__"}, "camp*": {"_extra": None}},
        {"__else__": None, "campaigns": {"x": "1"}},
        {"campaigns": {"id": "md5(str(id))"}},
        {"campaigns": {"id": "self + 1"}},
        {"campaigns": {"number": "id", "id": None, "__key_properties__": ["number"]}},
        {"campaigns": {"name": "'x'", "__key_properties__": ["id"]}},
    ],
)
def test_valid_maps_cause_no_warning(
    config: dict[str, Any], tmp_path: Path, maps: object
) -> None:
    run = read(config, tmp_path, maps, "campaigns", "orders")
    assert run.code == 0, run.stderr
    assert warnings_of(run) == []
    assert len([m for m in run.of_type("RECORD") if m["stream"] == "campaigns"]) == 5


def test_sources_aliases_and_wildcards_work_together(
    config: dict[str, Any], tmp_path: Path
) -> None:
    maps = {
        "campaign*": {"__alias__": "ads", "kind": "'all'"},
        "archived": {
            "__source__": "campaigns",
            "__else__": None,
            "id": "id",
            "label": "name",
        },
        "copy": {"__source__": "campaigns"},
        "orders": None,
    }
    run = read(config, tmp_path, maps, "campaigns", "orders")
    assert run.code == 0, run.stderr
    by_stream: dict[str, list[Row]] = {}
    for message in run.of_type("RECORD"):
        by_stream.setdefault(message["stream"], []).append(message["record"])
    assert by_stream.keys() == {"ads", "archived", "copy"}
    assert [row.pop("kind") for row in by_stream["ads"]] == ["all"] * 5
    assert by_stream["ads"] == by_stream["copy"]
    assert by_stream["archived"] == [
        {"id": row["id"], "label": row["name"]} for row in by_stream["copy"]
    ]


def test_a_column_that_a_row_lacks_is_null_in_expressions(
    serve: Serve, tmp_path: Path
) -> None:
    config = serving(serve, {"id": 1, "new": {"a": 5}}, {"id": 2, "name": "b"})
    maps = {
        "campaigns": {
            "lifted": "_extra['new']['a'] if _extra else None",
            "loud": "name.upper() if name is not None else record['name']",
            "status": "self or 'none'",
            "day_budget": "day_budget",
        },
        "twin": {
            "__source__": "campaigns",
            "loud": "(name or '').upper()",
            "owner": "(_extra or {}).get('new')",
        },
    }
    run = read(config, tmp_path, maps, "campaigns")
    assert run.code == 0, run.stderr
    first, second = (
        [m["record"] for m in run.of_type("RECORD") if m["stream"] == name]
        for name in ("campaigns", "twin")
    )
    assert first == [
        {
            "id": 1,
            "_extra": {"new": {"a": 5}},
            "lifted": 5,
            "loud": None,
            "status": "none",
            "day_budget": None,
        },
        {
            "id": 2,
            "name": "b",
            "lifted": None,
            "loud": "B",
            "status": "none",
            "day_budget": None,
        },
    ]
    assert second == [
        {"id": 1, "_extra": {"new": {"a": 5}}, "loud": "", "owner": {"a": 5}},
        {"id": 2, "name": "b", "loud": "B", "owner": None},
    ]


def test_absent_columns_stay_absent_when_records_are_flattened(
    serve: Serve, tmp_path: Path
) -> None:
    config = serving(serve, {"id": 1}, {"id": 2, "name": "b", "new": 1})
    flat: dict[str, Any] = {"flattening_enabled": True, "flattening_max_depth": 1}
    run = read(config, tmp_path, {"campaigns": {"x": "id"}}, "campaigns", **flat)
    assert run.code == 0, run.stderr
    assert run.records == [
        {"id": 1, "x": 1},
        {"id": 2, "name": "b", "_extra": '{"new":1}', "x": 2},
    ]


@pytest.mark.parametrize(
    ("column", "expression", "reason"),
    [
        (
            "eur",
            "advertiser_spend * 0.92",
            (
                "TypeError: unsupported operand type(s) for *: 'decimal.Decimal' and "
                "'float'; " + stream_map_messages.DECIMAL_VALUE(name="advertiser_spend")
            ),
        ),
        (
            "advertiser_spend",
            "self * 0.92",
            (
                "TypeError: unsupported operand type(s) for *: 'decimal.Decimal' and "
                "'float'; " + stream_map_messages.DECIMAL_VALUE(name="self")
            ),
        ),
        (
            "x",
            "1 / 0",
            "division by zero, or a number out of range; check the expression",
        ),
        (
            "x",
            "advertiser_spend / 0",
            "division by zero, or a number out of range; check the expression",
        ),
        (
            "x",
            "md5(_extra)",
            (
                "AttributeError: 'NoneType' object has no attribute 'encode'; "
                + stream_map_messages.NULL_VALUE(name="_extra")
            ),
        ),
        (
            "x",
            "spend * 2",
            (
                "NameNotDefined: 'spend' is not defined for expression 'spend * 2'; "
                "check the expression: `spend` is neither a selected column nor a "
                "function; did you mean `advertiser_spend`?"
            ),
        ),
        (
            "__filter__",
            "int(campaign_name)",
            (
                "ValueError: invalid literal for int() with base 10: 'A'; check the "
                "expression"
            ),
        ),
    ],
)
def test_a_failing_expression_is_named(
    serve: Serve, tmp_path: Path, column: str, expression: str, reason: str
) -> None:
    rows = [
        {
            "day": "2025-03-01",
            "campaign_id": 1,
            "campaign_name": "A",
            "advertiser_spend": 1.5,
        }
    ]
    config = serving(serve, *rows)
    run = read(config, tmp_path, {REPORT: {column: expression}}, REPORT)
    assert run.code == 1
    (error,) = run.errors
    place = f"stream_maps.{REPORT}.{column}"
    text = stream_map_messages.FAILED(place=place, expression=expression, reason=reason)
    assert error == f"{REPORT}: {text}"


def test_amounts_in_another_currency_are_mapped_as_documented(
    serve: Serve, tmp_path: Path
) -> None:
    row = {
        "day": "2025-03-01",
        "campaign_id": 1,
        "campaign_name": "x",
        "advertiser_spend": 12.5,
    }
    config = serving(serve, row)
    maps = {
        REPORT: {
            "approximate": "float(advertiser_spend or 0) * 0.92",
            "advertiser_spend": "self * 92 / 100 if self is not None else None",
        }
    }
    run = read(config, tmp_path, maps, REPORT)
    assert run.code == 0, run.stderr
    (record,) = run.records
    assert record["approximate"] == 11.5
    assert '"advertiser_spend":11.5,' in run.stdout
    (schema,) = run.of_type("SCHEMA")
    columns = schema["schema"]["properties"]
    assert "number" in columns["approximate"]["type"]
    assert "number" in columns["advertiser_spend"]["type"]


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_values_for_expressions_are_not_shown(
    config: dict[str, Any], tmp_path: Path, level: str
) -> None:
    salt = "a-salt-that-nobody-knows"
    maps = {"campaigns": {"x": "int(config['salt'])"}}
    run = read(
        config,
        tmp_path,
        maps,
        "campaigns",
        level=level,
        stream_map_config={"salt": salt},
    )
    assert run.code == 1
    assert "failed: ValueError: invalid literal for int()" in run.stderr
    assert salt not in run.stderr


def test_a_map_that_does_not_fit_its_stream_names_it(
    config: dict[str, Any], tmp_path: Path
) -> None:
    run = read(config, tmp_path, {"campaigns": {"id": None}}, "campaigns")
    assert run.code == 1
    (error,) = run.errors
    reason = "Removing key property 'id'"
    text = stream_map_messages.INVALID_MAP(stream="campaigns", error=reason)
    assert error.startswith(text)


def test_each_setting_of_the_sdk_works_from_the_environment(
    config: dict[str, Any], tmp_path: Path
) -> None:
    login = {f"TAP_KAYZEN_{name.upper()}": value for name, value in config.items()}
    batch = {
        "encoding": {"format": "jsonl", "compression": "none"},
        "storage": {"root": f"file://{tmp_path}"},
    }
    cases = {
        "maps": {
            "STREAM_MAPS": json.dumps(
                {"campaigns": {"__else__": None, "id": "id", "x": "config['y']"}}
            ),
            "STREAM_MAP_CONFIG": '{"y": "z"}',
        },
        "flat": {"FLATTENING_ENABLED": "true", "FLATTENING_MAX_DEPTH": "1"},
        "batch": {"BATCH_CONFIG": json.dumps(batch)},
    }
    runs = {}
    for name, variables in cases.items():
        more = {f"TAP_KAYZEN_{key}": value for key, value in variables.items()}
        runs[name] = run_process(
            "--config",
            "ENV",
            *selecting(tmp_path, "campaigns"),
            env={**os.environ, **login, **more},
        )
        assert runs[name].code == 0, runs[name].stderr
    assert {each["x"] for each in runs["maps"].records} == {"z"}
    assert not any(
        isinstance(value, dict)
        for row in runs["flat"].records
        for value in row.values()
    )
    (message,) = runs["batch"].of_type("BATCH")
    assert len(message["manifest"]) == 1
