"""The settings, as JSON Schema: `settings.json`, which editors can use too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ENVIRONMENT_PREFIX = "TAP_KAYZEN_"

SETTINGS: dict[str, Any] = json.loads(
    Path(__file__).with_name("settings.json").read_text(encoding="utf-8")
)
"""JSON Schema of the tap's own settings; the SDK adds its own when it starts."""
