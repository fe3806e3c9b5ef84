"""The settings, as JSON Schema: `settings.json`, which editors can use too."""

from __future__ import annotations

import json
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

ENVIRONMENT_PREFIX = "TAP_KAYZEN_"

SETTINGS: dict[str, Any] = json.loads(
    Path(__file__).with_name("settings.json").read_text(encoding="utf-8")
)
"""JSON Schema of the tap's own settings; the SDK adds its own when it starts."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a question that names what a misspelled name may stand for, if any."""
    guesses = get_close_matches(name, list(known), n=1)
    return f"did you mean `{guesses[0]}`?" if guesses else ""
