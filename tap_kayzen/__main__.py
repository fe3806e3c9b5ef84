"""Lets ``python -m tap_kayzen`` run the tap."""

from __future__ import annotations

from tap_kayzen.tap import TapKayzen

TapKayzen.cli()
