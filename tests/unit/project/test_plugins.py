"""meltano.yml and the definitions in plugins/ match the tap."""

from __future__ import annotations

import json
import re
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


def test_the_definitions_match_the_tap() -> None:
    """`make plugins` regenerates them."""
    about = json.loads(run_process("--about", "--format=json").stdout)
    path, lock = plugin_definitions.dumped_lock(plugin_definitions.tap_lock(about))
    assert path.read_text() == lock
    assert plugin_definitions.HUB.read_text() == plugin_definitions.dumped_hub(about)


@pytest.mark.parametrize("name", plugin_definitions.TO_ADD)
def test_a_definition_to_add_is_the_plugin_of_this_project(name: str) -> None:
    kind, plugin = PLUGINS[name]
    lock = LOCKS[f"{name}--{plugin['variant']}.lock"]
    path, text = plugin_definitions.dumped_definition(lock)
    assert path.read_text() == text, "run `make plugins`"
    definition = yaml.safe_load(text)
    (variant,) = definition.pop("variants")
    assert path.parent.name == kind
    assert definition == {key: lock[key] for key in ("name", "namespace", "label")}
    assert variant["name"] == plugin["variant"]
    for key in plugin.keys() - {"name", "variant", "pip_url"}:
        assert variant[key] == plugin[key]
    theirs = {setting["name"]: setting for setting in lock["settings"]}
    assert [setting["name"] for setting in variant["settings"]] == [*theirs]
    for setting in variant["settings"]:
        full = {"kind": "string", **setting}
        assert full.items() <= theirs[setting["name"]].items()
        assert full.get("sensitive") == theirs[setting["name"]].get("sensitive")
    assert len(text.splitlines()) < 80


def entry_added(name: str) -> dict[str, Any]:
    """Return the entry that `meltano add --from-ref` writes into meltano.yml."""
    kind, _ = PLUGINS[name]
    path = plugin_definitions.PLUGINS / kind / f"{name}.yml"
    definition = yaml.safe_load(path.read_text())
    (variant,) = definition.pop("variants")
    return {**variant, "variant": variant["name"], **definition}


def test_the_example_has_the_added_plugins_and_reports() -> None:
    """`make plugins` updates the settings in the example."""
    plugins = yaml.safe_load(plugin_definitions.EXAMPLE.read_text())["plugins"]
    (tap,), (loader,) = plugins["extractors"], plugins["loaders"]
    added = entry_added("tap-kayzen")
    reports = tap["config"].pop("reports")
    select = [f"{report['name']}.*" for report in reports]
    assert len(reports) > 1
    assert {*tap.pop("select")} == {*added.pop("select"), *select}
    assert tap == added
    assert loader == entry_added("target-postgres")


def test_the_example_has_the_job_schedule_and_variables_of_the_docs() -> None:
    example = yaml.safe_load(plugin_definitions.EXAMPLE.read_text())
    for key in ("jobs", "schedules"):
        ours = [each for each in MELTANO[key] if each["name"] != "kayzen-to-csv"]
        assert example[key] == ours
    names = re.compile(r"^ *((?:TAP|TARGET)_\w+)=", re.MULTILINE)
    variables = names.findall(
        plugin_definitions.EXAMPLE.with_name(".env.example").read_text()
    )
    page = (ROOT / "docs" / "quick-start.md").read_text(encoding="utf-8")
    assert variables == names.findall(page)
    secrets = {f"TAP_KAYZEN_{name.upper()}" for name in SETTINGS["required"]}
    assert {*variables} == {*secrets, "TARGET_POSTGRES_SQLALCHEMY_URL"}


def test_settings_match_those_of_the_tap() -> None:
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
def test_settings_have_the_matching_meltano_kind(name: str, kind: str) -> None:
    assert ENTRIES[name]["kind"] == kind


def test_options_match_those_of_the_tap() -> None:
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
    _, tap = PLUGINS["tap-kayzen"]
    common = tap["config"].items() & SAMPLE_CONFIG.items()
    login = dict(SAMPLE_CONFIG.items() - common)
    assert configs == {"dev": login, "ci": {**login, "max_retry_seconds": 30}}
    assert [each["name"] for each in MELTANO["environments"]] == [*configs, "prod"]
    assert MELTANO["send_anonymous_usage_stats"] is False
    assert dict(common) == {"campaigns_endpoint": "campaigns"}


def test_meltano_selects_what_is_selected_by_default() -> None:
    _, tap = PLUGINS["tap-kayzen"]
    assert tap["select"] == TAP["select"]


def test_the_schedule_runs_an_existing_job() -> None:
    jobs = {job["name"]: job["tasks"] for job in MELTANO["jobs"]}
    (schedule,) = MELTANO["schedules"]
    assert jobs[schedule["job"]] == ["tap-kayzen target-postgres"]
    tasks = " ".join(task for tasks in jobs.values() for task in tasks)
    assert set(tasks.split()) == PLUGINS.keys()
