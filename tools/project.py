"""Paths and sample settings shared by the scripts in this folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tap_kayzen.config.settings import SETTINGS

ROOT = Path(__file__).resolve().parent.parent
"""Root of the repository."""

SAMPLE_CONFIG: dict[str, Any] = json.loads(
    (ROOT / "sample_config.json").read_text(encoding="utf-8")
)
"""Settings for the sandbox at its default address."""

DEFAULT_REPORTS: list[dict[str, Any]] = SETTINGS["properties"]["reports"]["default"]
