"""Meltano knows the tap as it is: meltano.yml, and the definitions in plugins/."""

from __future__ import annotations

import json
from typing import Any

import plugin_definitions
import pytest
import yaml
from support import ROOT, SAMPLE_CONFIG, run_process

from tap_kayzen.config.settings import SETTINGS
from tap_kayzen.output.redaction import SECRET_SETTINGS

MELTANO: dict[str, Any] = yaml.safe_load((ROOT / "meltano.yml").read_text())
LOCKS: dict[str, dict[str, Any]] = {
    path.name: json.loads(path.read_text())
    for path in plugin_definitions.PLUGINS.glob("*/*.lock")
}
PLUGINS = {
    plugin["name"]: (kind, plugin)
    for kind, plugins in MELTANO["plugins"].items()
    for plugin in plugins
}
TAP = LOCKS["tap-kayzen--community.lock"]
ENTRIES = {setting["name"]: setting for setting in TAP["settings"]}


def test_the_definitions_are_those_of_the_tap() -> None:
    """`make plugins` writes them anew."""
    about = json.loads(run_process("--about", "--format=json").stdout)
    path, lock = plugin_definitions.dumped_lock(plugin_definitions.tap_lock(about))
    assert path.read_text() == lock
    hub = plugin_definitions.HUB.read_text()
    assert hub == plugin_definitions.dumped_hub(about)
    assert {**yaml.safe_load(hub), "plugin_type": "extractors"}.items() >= TAP.items()


def test_settings_are_what_they_are_for_the_tap() -> None:
    ours = SETTINGS["properties"]
    assert list(ENTRIES)[: len(ours)] == list(ours)
    for name, setting in ours.items():
        assert ENTRIES[name]["label"] == setting["title"]
        assert ENTRIES[name]["description"] == setting["description"]
        assert ENTRIES[name].get("value") == setting.get("default")
    secret = {name for name, each in ENTRIES.items() if each.get("sensitive")}
    assert secret == set(SECRET_SETTINGS)
    assert TAP["settings_group_validation"] == [SETTINGS["required"]]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("username", "string"),
        ("start_date", "date_iso8601"),
        ("campaigns_endpoint", "options"),
        ("reports", "array"),
        ("page_size", "integer"),
        ("request_timeout", "integer"),
        ("allow_insecure_http", "boolean"),
        ("stream_maps", "object"),
        ("faker_config.seed", "string"),
        ("faker_config.locale", "array"),
        ("batch_config.encoding.format", "options"),
        ("batch_config.storage.root", "string"),
    ],
)
def test_settings_are_of_the_kind_that_meltano_calls_so(name: str, kind: str) -> None:
    assert ENTRIES[name]["kind"] == kind


def test_options_are_those_that_the_tap_takes() -> None:
    assert [each["value"] for each in ENTRIES["campaigns_endpoint"]["options"]] == [
        "meta/campaigns",
        "campaigns",
    ]


def test_every_plugin_has_its_definition_here() -> None:
    """Without one, Meltano would ask the hub."""
    assert LOCKS.keys() == {
        f"{name}--{plugin['variant']}.lock" for name, (_, plugin) in PLUGINS.items()
    }
    for kind, plugin in PLUGINS.values():
        lock = LOCKS[f"{plugin['name']}--{plugin['variant']}.lock"]
        assert (lock["plugin_type"], lock["name"]) == (kind, plugin["name"])
        settings = {setting["name"] for setting in lock["settings"]}
        assert plugin.get("config", {}).keys() <= settings


def test_each_environment_but_prod_has_the_login_of_the_sandbox() -> None:
    configs = {
        environment["name"]: environment["config"]["plugins"]["extractors"][0]["config"]
        for environment in MELTANO["environments"]
        if "config" in environment
    }
    assert configs == {
        "dev": SAMPLE_CONFIG,
        "ci": {**SAMPLE_CONFIG, "max_retry_seconds": 30},
    }
    assert [each["name"] for each in MELTANO["environments"]] == [*configs, "prod"]
    assert MELTANO["send_anonymous_usage_stats"] is False
    _, tap = PLUGINS["tap-kayzen"]
    assert not tap["config"].keys() & SAMPLE_CONFIG.keys()


def test_meltano_selects_what_is_selected_by_default() -> None:
    _, tap = PLUGINS["tap-kayzen"]
    assert tap["select"] == TAP["select"]


def test_the_schedule_runs_a_job_that_is_there() -> None:
    jobs = {job["name"]: job["tasks"] for job in MELTANO["jobs"]}
    (schedule,) = MELTANO["schedules"]
    assert jobs[schedule["job"]] == ["tap-kayzen target-postgres"]
    tasks = " ".join(task for tasks in jobs.values() for task in tasks)
    assert set(tasks.split()) == PLUGINS.keys()
