"""Catalogs and states of earlier releases, from tools/release_fixtures.py, work."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from release_fixtures import FIXTURES, NEXT, VERSION, Api, records, selecting, states
from support import ROOT, SAMPLE_CONFIG, run_process

from tap_kayzen.sandbox.server import running
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from pathlib import Path

    Json = dict[str, Any]

CATALOGS = sorted(FIXTURES.glob("*/catalog.json"))
STATES = sorted({*FIXTURES.glob("*/*.json")} - {*CATALOGS})
SAME_MINOR = [
    path
    for path in CATALOGS
    if path.parent.name.split(".")[:2] == VERSION.split(".")[:2]
]


def name(path: Path) -> str:
    return f"{path.parent.name}-{path.stem}"


def release(path: Path) -> str:
    return path.parent.name


def content(path: Path) -> Json:
    parsed: Json = json.loads(path.read_text(encoding="utf-8"))
    return parsed


def with_additions(state: Json) -> Json:
    """Return a state as a later version may write it, with more keys everywhere."""
    added = {"added_later": {"x": [1]}, "also_added": "2026-09-30"}
    changed: Json = {**deepcopy(state), **added}
    for bookmark in changed["bookmarks"].values():
        for each in (bookmark, *bookmark.get("partitions", ())):
            each.update(added)
    return changed


def contains(new: Any, old: Any) -> bool:  # noqa: ANN401
    """Return whether nothing of an old value is missing or different in a new one."""
    if isinstance(old, dict):
        return isinstance(new, dict) and all(
            key in new and contains(new[key], value) for key, value in old.items()
        )
    if isinstance(old, list):
        return (
            isinstance(new, list)
            and len(new) == len(old)
            and all(map(contains, new, old))
        )
    return bool(new == old)


def resume(path: Path, state: Json, folder: Path) -> tuple[Json, Json, list[str]]:
    """Resume from a state; return it, what was written, and what was requested."""
    saved = content(path)
    catalog = content(path.parent / "catalog.json")
    api = Api(NEXT)
    with running(api) as url:
        files = {
            "config": {**SAMPLE_CONFIG, **saved["settings"], "api_url": url},
            "catalog": selecting(catalog, saved["streams"]),
            "state": state,
        }
        for each, value in files.items():
            (folder / each).write_text(json.dumps(value), encoding="utf-8")
        run = run_process(*(f"--{each}={folder / each}" for each in files))
    assert run.code == 0, run.stderr
    assert " | WARNING " not in run.stderr
    messages = run.messages
    written = {"records": records(messages), "next_state": states(messages)[-1]}
    return saved, written, api.requests


@pytest.mark.parametrize("path", STATES, ids=name)
def test_a_sync_resumes_from_the_state_of_a_release(path: Path, tmp_path: Path) -> None:
    """Neither are finished days read again, nor do rows get other keys or values."""
    saved, written, requests = resume(path, content(path)["state"], tmp_path)
    assert requests == saved["requests"]
    assert len(saved["records"]) > 1
    assert contains(written["records"], saved["records"])
    # So that the release could go on from here, too.
    assert contains(written["next_state"], saved["next_state"])


@pytest.mark.parametrize("path", STATES, ids=name)
def test_a_sync_resumes_from_a_state_with_additions(path: Path, tmp_path: Path) -> None:
    state = with_additions(content(path)["state"])
    assert json.dumps(state).count("added_later") > 1
    saved, written, requests = resume(path, state, tmp_path)
    assert requests == saved["requests"]
    assert contains(written["records"], saved["records"])


@pytest.mark.parametrize("path", STATES, ids=name)
def test_states_contain_no_credentials(path: Path) -> None:
    saved = content(path)
    text = json.dumps([saved["state"], saved["next_state"]])
    for secret in ("username", "password", "api_key", "api_secret"):
        assert json.dumps(SAMPLE_CONFIG[secret])[1:-1] not in text


@pytest.mark.parametrize("path", SAME_MINOR, ids=release)
def test_columns_and_keys_stay_within_a_minor_version(path: Path) -> None:
    config = {**SAMPLE_CONFIG, "audience_api_key": "key"}
    reports = content(path.parent / "reports.json")["settings"]["reports"]
    tap = TapKayzen(config={**config, "reports": reports})
    catalog = json.loads(json.dumps(tap.catalog_dict))
    now = {entry["tap_stream_id"]: entry for entry in catalog["streams"]}
    for before in content(path)["streams"]:
        entry = now[before["tap_stream_id"]]
        for part in ("key_properties", "replication_key", "replication_method"):
            assert entry.get(part) == before.get(part)
        for column, schema in before["schema"]["properties"].items():
            after = entry["schema"]["properties"][column]
            for part in ("type", "format", "items"):
                assert after.get(part) == schema.get(part), column


def test_every_release_has_its_fixtures() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    releases = re.findall(r"^## \[(\d\S*)\] - ", changelog, re.MULTILINE)
    assert {*map(release, CATALOGS)} >= {*releases}
