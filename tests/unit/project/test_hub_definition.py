"""The definition for MeltanoHub keeps the hub's rules.

The hub checks definitions with JSON schemas and yamllint, and sorts them with a
formatter. These are the rules that apply to taps, as of August 2026:
https://github.com/meltano/hub (`schemas/`, `.yamllint.yaml`, `hub-utils/`).
"""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator
from plugin_definitions import HUB

TEXT = HUB.read_text(encoding="utf-8")
DEFINITION: dict[str, Any] = yaml.safe_load(TEXT)

CAPABILITIES = (
    "about|activate-version|batch|catalog|discover|log-based|properties"
    "|schema-flattening|state|stream-maps|structured-logging|test"
)
# `hidden` and `password` are deprecated in Meltano; `sensitive` takes their place.
KINDS = "array|boolean|date_iso8601|decimal|email|file|integer|object|options|string"
# `repo` is missing: it comes with the address of the repository.
REQUIRED = [
    *("name", "namespace", "variant", "label", "description", "pip_url", "logo_url"),
    *("domain_url", "keywords", "maintenance_status", "quality"),
]
LINE = {"type": "string", "minLength": 1}
SETTING = {
    "type": "object",
    # The hub requires the name alone, but its tools always write the others.
    "required": ["name", "label", "description", "kind"],
    "additionalProperties": False,
    "properties": {
        "name": LINE,
        "label": LINE,
        "description": LINE,
        "kind": {"type": "string", "pattern": f"^({KINDS})$"},
        "value": True,
        "options": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["label", "value"],
                "properties": {"label": LINE, "value": LINE},
            },
        },
        "sensitive": {"const": True},
    },
    "if": {"properties": {"kind": {"const": "options"}}},
    "then": {"required": ["options"]},
    "else": {"properties": {"options": False}},
}
RULES = {
    "type": "object",
    "required": REQUIRED,
    "additionalProperties": False,
    "properties": {
        "name": {"const": "tap-kayzen"},
        "namespace": {"const": "tap_kayzen"},
        "variant": {"type": "string", "pattern": "^[a-z0-9-]+$"},
        "label": LINE,
        "description": LINE,
        "executable": {"const": "tap-kayzen"},
        "pip_url": LINE,
        "logo_url": {"pattern": r"^/assets/logos/extractors/[a-z-]+\.(png|svg)$"},
        "domain_url": {"type": "string", "pattern": "^https://"},
        "maintenance_status": {
            "enum": ["active", "beta", "development", "inactive", "unknown"]
        },
        "quality": {"enum": ["gold", "silver", "bronze", "unknown"]},
        "keywords": {
            "type": "array",
            "items": LINE,
            "contains": {"const": "meltano_sdk"},
        },
        "log_parser": {"const": "singer-sdk"},
        "capabilities": {
            "type": "array",
            "items": {"type": "string", "pattern": f"^({CAPABILITIES})$"},
        },
        "supported_python_versions": {
            "type": "array",
            "items": {"type": "string", "pattern": r"^3\.\d+$"},
        },
        "settings": {"type": "array", "items": SETTING},
        "settings_group_validation": {
            "type": "array",
            "items": {"type": "array", "items": {"type": "string"}},
        },
        "select": {
            "type": "array",
            "items": {"type": "string", "pattern": r"^!?[\w*]+\.[\w*]+$"},
        },
    },
}


def problems(definition: dict[str, Any]) -> list[str]:
    return [error.json_path for error in Draft7Validator(RULES).iter_errors(definition)]


def test_the_definition_fits_the_schemas_of_the_hub() -> None:
    assert problems(DEFINITION) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("quality",), "fine"),
        (("maintenance_status",), "new"),
        (("plugin_type",), "extractors"),
        (("capabilities", 0), "fast"),
        (("settings", 0, "kind"), "number"),
        (("settings", 0, "description"), ""),
        (("settings", 0, "title"), "Key"),
        (("supported_python_versions", 0), "3"),
    ],
)
def test_a_definition_against_the_rules_would_be_found(
    path: tuple[str | int, ...], value: str
) -> None:
    wrong: Any = copy.deepcopy(DEFINITION)
    *outer, last = path
    inner = wrong
    for key in outer:
        inner = inner[key]
    inner[last] = value
    assert len(problems(wrong)) == 1


def test_required_settings_exist() -> None:
    names = [setting["name"] for setting in DEFINITION["settings"]]
    assert len(names) == len({*names})
    (group,) = DEFINITION["settings_group_validation"]
    assert {*group} <= {*names}


def test_lists_are_in_the_order_of_the_formatter_of_the_hub() -> None:
    names = [setting["name"] for setting in DEFINITION["settings"]]
    for each in (
        names,
        DEFINITION["capabilities"],
        *DEFINITION["settings_group_validation"],
    ):
        assert each == sorted(each)


def test_the_text_passes_the_hubs_yamllint() -> None:
    """Keys are sorted; no document start, flow mappings, or indented lists."""
    assert yaml.safe_dump(DEFINITION, allow_unicode=True) == TEXT
    assert not re.search(r"^---|[{}]|[ \t]$|^ +- name|\n\n", TEXT, re.MULTILINE)
