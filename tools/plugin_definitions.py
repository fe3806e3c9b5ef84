"""Generates the plugin definitions for Meltano. Run by `make plugins`.

The source is the `--about` output of the tap and the targets.
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
HUB = PLUGINS / "extractors" / "tap-kayzen.yml"
"""What MeltanoHub takes."""

TAP = {
    "plugin_type": "extractors",
    "variant": "community",
    "label": "Kayzen",
    "pip_url": "tap-kayzen",
}
FOR_HUB = {
    "description": "Mobile advertising platform (DSP)",
    "domain_url": "https://kayzen.io",
    "keywords": ["advertising", "api", "meltano_sdk"],
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
"""What Meltano must know of settings and the target does not print."""

# Not decimal: Meltano itself fails on such a variable in the environment.
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
    # Of several, the one that Meltano makes any of the others from.
    kind = next((name for name in ("array", "string") if name in types), types[0])
    return KINDS.get(kind, kind)


def settings_of(
    schema: Mapping[str, Any], prefix: str = ""
) -> Iterator[dict[str, Any]]:
    """Give the settings of a plugin as Meltano wants them, those in objects too."""
    for key, each in schema["properties"].items():
        name = prefix + key
        inner = each.get("properties")
        # Where other names have a schema too, the whole is one setting.
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
    """Make what Meltano reads in place of a definition from the hub."""
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
    """Make the lock file of the tap, with the streams that a run reads by default."""
    tap = TapKayzen(config=dict(SAMPLE_CONFIG))
    select = [
        f"{name}.*"
        for name, stream in tap.streams.items()
        if stream.selected_by_default
    ]
    return {**lock_of(described, TAP), "select": select}


def hub_definition(described: Mapping[str, Any]) -> dict[str, Any]:
    """Make the definition of the tap for MeltanoHub."""
    definition = {**tap_lock(described), **FOR_HUB}
    del definition["plugin_type"]  # there, it is the folder
    return definition


def loader_lock(described: Mapping[str, Any]) -> dict[str, Any]:
    """Make the lock file of a target."""
    name = described["name"]
    lock = lock_of(described, LOADERS[name])
    more = LOADER_SETTINGS.get(name, {})
    for setting in lock["settings"]:
        setting.update(more.get(setting["name"], {}))
    return lock


def dumped_lock(lock: Mapping[str, Any]) -> tuple[Path, str]:
    """Give the path and the text of a lock file."""
    name = f"{lock['name']}--{lock['variant']}.lock"
    return PLUGINS / lock["plugin_type"] / name, json.dumps(lock, indent=2) + "\n"


def dumped_hub(described: Mapping[str, Any]) -> str:
    """Give the text of the definition for MeltanoHub, which sorts keys."""
    return yaml.safe_dump(hub_definition(described), allow_unicode=True)


def about(*command: str | Path) -> dict[str, Any]:
    """Return what a plugin prints of itself."""
    printed = subprocess.check_output(
        [*command, "--about", "--format=json"], encoding="utf-8"
    )
    described: dict[str, Any] = json.loads(printed)
    return described


def main() -> None:
    """Write all definitions."""
    tap = about(sys.executable, "-m", "tap_kayzen")
    loaders = [loader_lock(about(BIN / name)) for name in LOADERS]
    for lock in (tap_lock(tap), *loaders):
        path, text = dumped_lock(lock)
        path.write_text(text, encoding="utf-8")
    HUB.write_text(dumped_hub(tap), encoding="utf-8")


if __name__ == "__main__":
    main()
