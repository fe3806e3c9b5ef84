"""Generates the plugin definitions for Meltano. Run by `make plugins`.

The sources are the `--about` output of the tap and the targets, and meltano.yml, which
has the recommended configuration of each plugin.

- Lock files are for this repository's own project.
- Definitions to add are for other projects: `meltano add --from-ref` copies them into
  meltano.yml.
- The definition for MeltanoHub follows the hub's schema and order.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import yaml
from project import ROOT, SAMPLE_CONFIG

from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

BIN = ROOT / ".cache" / "targets" / "bin"
PLUGINS = ROOT / "plugins"
HUB = PLUGINS / "hub" / "tap-kayzen.yml"
"""The definition for submission to MeltanoHub."""

PROJECT: dict[str, Any] = yaml.safe_load((ROOT / "meltano.yml").read_text("utf-8"))
EXAMPLE = ROOT / "examples" / "meltano" / "meltano.yml"

TAP = {
    "plugin_type": "extractors",
    "variant": "community",
    "label": "Kayzen",
    "pip_url": "tap-kayzen",
}
TO_ADD = ("tap-kayzen", "target-postgres")
"""Plugins with a definition for `meltano add --from-ref`."""

UNLIMITED = sys.maxsize
"""Width of lines, so that YAML is never wrapped."""

INSTALLED_FROM = {"tap-kayzen": "./tap-kayzen"}
"""Paths of plugins that are not on PyPI, in projects that add them."""

NOT_IN_MELTANO_YML = {"target-schema", "validate-records"}
"""Capabilities that the JSON schema of meltano.yml does not allow."""

FOR_HUB = {
    "description": "Mobile advertising platform (DSP)",
    "domain_url": "https://kayzen.io",
    "keywords": ["advertising", "api", "meltano_sdk"],
    "log_parser": "singer-sdk",
    "logo_url": "/assets/logos/extractors/kayzen.png",
    "maintenance_status": "beta",
    "quality": "unknown",
}
LOADERS = {
    "target-csv": {
        "plugin_type": "loaders",
        "variant": "meltanolabs",
        "label": "CSV",
        "pip_url": "meltanolabs-target-csv",
    },
    "target-postgres": {
        "plugin_type": "loaders",
        "variant": "meltanolabs",
        "label": "PostgreSQL",
        "pip_url": "meltanolabs-target-postgres",
    },
}
LOADER_SETTINGS: dict[str, dict[str, dict[str, Any]]] = {
    "target-postgres": {
        "default_target_schema": {"value": "$MELTANO_EXTRACT__LOAD_SCHEMA"},
        "password": {"sensitive": True},
        "sqlalchemy_url": {"sensitive": True},
        "ssl_client_private_key": {"sensitive": True},
    },
}
"""Facts about settings that a target's `--about` lacks."""

# Not `decimal`, because Meltano fails on decimal environment variables.
KINDS = {"number": "integer"}


def _kind(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return "options"
    if "date" in [each.get("format") for each in schema.get("anyOf", [schema])]:
        return "date_iso8601"
    types = [
        name
        for each in schema.get("oneOf", [schema])
        for name in ([each["type"]] if isinstance(each["type"], str) else each["type"])
    ]
    # Of several types, the one from which the others can be parsed.
    kind = next((name for name in ("array", "string") if name in types), types[0])
    return KINDS.get(kind, kind)


def settings_of(
    schema: Mapping[str, Any], prefix: str = ""
) -> Iterator[dict[str, Any]]:
    """Yield the settings of a plugin in Meltano's format, including nested ones.

    Args:
        schema: JSON Schema of the settings.
        prefix: Prefix of their names, such as ``batch_config.``.
    """
    for key, each in schema["properties"].items():
        name = prefix + key
        inner = each.get("properties")
        # An object with arbitrary names is a single setting.
        if inner and not isinstance(each["additionalProperties"], dict):
            yield from settings_of(each, f"{name}.")
            continue
        setting = {"name": name, "label": each.get("title") or _label(name)}
        setting["kind"] = _kind(each)
        if "description" in each:
            setting["description"] = each["description"]
        if each.get("default") is not None:
            setting["value"] = each["default"]
        if "enum" in each:
            setting["options"] = [
                {"label": _label(value), "value": value} for value in each["enum"]
            ]
        if each.get("secret"):
            setting["sensitive"] = True
        yield setting


def _label(name: str) -> str:
    return " ".join(re.split(r"\W|_", name)).capitalize()


def lock_of(described: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return a lock file, which replaces the definition from MeltanoHub.

    Args:
        described: Output of the plugin's `--about`.
        facts: Other keys of the lock file.
    """
    name = described["name"]
    return {
        **facts,
        "name": name,
        "namespace": name.replace("-", "_"),
        "executable": name,
        "capabilities": sorted(described["capabilities"]),
        "supported_python_versions": described["supported_python_versions"],
        "settings_group_validation": [described["settings"].get("required", [])],
        "settings": list(settings_of(described["settings"])),
    }


def tap_lock(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return the lock file of the tap, with the streams selected by default."""
    tap = TapKayzen(config=dict(SAMPLE_CONFIG))
    select = [
        f"{name}.*"
        for name, stream in tap.streams.items()
        if stream.selected_by_default
    ]
    return {**lock_of(described, TAP), "select": select}


def hub_definition(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return the definition of the tap for MeltanoHub, sorted like its own."""
    definition = {**tap_lock(described), **FOR_HUB}
    # In the hub, the folder determines the type.
    del definition["plugin_type"]
    definition["settings"] = sorted(definition["settings"], key=lambda s: s["name"])
    definition["settings_group_validation"] = [
        sorted(group) for group in definition["settings_group_validation"]
    ]
    return definition


class OneLine(dict[str, Any]):
    """A mapping to dump on one line."""


class Lines(yaml.SafeDumper):
    """A YAML dumper that writes `OneLine` mappings on one line."""


Lines.add_representer(
    OneLine,
    lambda dumper, data: dumper.represent_mapping(
        "tag:yaml.org,2002:map", data, flow_style=True
    ),
)


def short_setting(setting: Mapping[str, Any]) -> OneLine:
    """Return the facts about a setting that Meltano requires.

    Labels and descriptions would add 200 lines to each meltano.yml. Default values are
    left to the plugin, unless they refer to Meltano's variables.
    """
    short = OneLine(name=setting["name"])
    if setting["kind"] != "string":
        short["kind"] = setting["kind"]
    if "options" in setting:
        short["options"] = [OneLine(each) for each in setting["options"]]
    if str(setting.get("value", "")).startswith("$MELTANO"):
        short["value"] = setting["value"]
    if "sensitive" in setting:
        short["sensitive"] = setting["sensitive"]
    return short


def definition_to_add(lock: Mapping[str, Any]) -> dict[str, Any]:
    """Return the definition of a plugin for `meltano add --from-ref`.

    Meltano 4.4 drops `config`, `select`, and `load_schema` from a flat definition, but
    keeps them in a list of `variants`.
    """
    name = lock["name"]
    (entry,) = (
        each for each in PROJECT["plugins"][lock["plugin_type"]] if each["name"] == name
    )
    variant = {
        "name": lock["variant"],
        "pip_url": INSTALLED_FROM.get(name, lock["pip_url"]),
        "executable": lock["executable"],
        "capabilities": [
            each for each in lock["capabilities"] if each not in NOT_IN_MELTANO_YML
        ],
        "settings_group_validation": [
            group for group in lock["settings_group_validation"] if group
        ],
        "settings": [short_setting(each) for each in lock["settings"]],
        **{key: entry.get(key) for key in ("config", "load_schema", "select")},
    }
    return {
        "name": name,
        "namespace": lock["namespace"],
        "label": lock["label"],
        "variants": [{key: value for key, value in variant.items() if value}],
    }


def loader_lock(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return the lock file of a target."""
    name = described["name"]
    lock = lock_of(described, LOADERS[name])
    more = LOADER_SETTINGS.get(name, {})
    for setting in lock["settings"]:
        setting.update(more.get(setting["name"], {}))
    return lock


def dumped_lock(lock: Mapping[str, Any]) -> tuple[Path, str]:
    """Return the path and the text of a lock file."""
    name = f"{lock['name']}--{lock['variant']}.lock"
    return PLUGINS / lock["plugin_type"] / name, json.dumps(lock, indent=2) + "\n"


def dumped_hub(described: Mapping[str, Any]) -> str:
    """Return the text of the definition for MeltanoHub, which sorts keys."""
    return yaml.safe_dump(hub_definition(described), allow_unicode=True)


def dumped_definition(lock: Mapping[str, Any]) -> tuple[Path, str]:
    """Return the path and the text of a definition to add."""
    text = yaml.dump(
        definition_to_add(lock), Dumper=Lines, sort_keys=False, width=UNLIMITED
    )
    header = "# For `meltano add --from-ref`; generated by `make plugins`.\n"
    return PLUGINS / lock["plugin_type"] / f"{lock['name']}.yml", header + text


def with_settings(project: str, lock: Mapping[str, Any]) -> str:
    """Return the text of a meltano.yml with the settings of a plugin updated."""
    lines = "".join(
        " " * 8 + yaml.dump([setting], Dumper=Lines, sort_keys=False, width=UNLIMITED)
        for setting in map(short_setting, lock["settings"])
    )
    entry = rf" +- name: {lock['name']}\n(?: {{6}}.*\n)*? {{6}}settings:\n"
    return re.sub(rf"({entry})(?: {{8}}.*\n)+", lambda found: found[1] + lines, project)


def about(*command: str | Path) -> dict[str, Any]:
    """Return the output of a plugin's `--about`."""
    printed = subprocess.check_output(
        [*command, "--about", "--format=json"], encoding="utf-8"
    )
    described: dict[str, Any] = json.loads(printed)
    return described


def main() -> None:
    """Write all definitions."""
    tap = about(sys.executable, "-m", "tap_kayzen")
    locks = [tap_lock(tap), *(loader_lock(about(BIN / name)) for name in LOADERS)]
    for lock in locks:
        path, text = dumped_lock(lock)
        path.write_text(text, encoding="utf-8")
    HUB.write_text(dumped_hub(tap), encoding="utf-8")
    example = EXAMPLE.read_text(encoding="utf-8")
    for lock in locks:
        if lock["name"] in TO_ADD:
            path, text = dumped_definition(lock)
            path.write_text(text, encoding="utf-8")
            example = with_settings(example, lock)
    EXAMPLE.write_text(example, encoding="utf-8")


if __name__ == "__main__":
    main()
