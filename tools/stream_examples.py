"""Reads the example records of docs/streams.md from the sandbox.

Used by `stream_docs.py`.
"""

from __future__ import annotations

import io
import json
import logging
from contextlib import contextmanager, redirect_stdout
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

from project import SAMPLE_CONFIG

from tap_kayzen.sandbox.access import Access, Credentials
from tap_kayzen.sandbox.app import create_app
from tap_kayzen.sandbox.data import Dataset
from tap_kayzen.sandbox.server import running
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from collections.abc import Generator

    Record = dict[str, Any]

DAYS = ("2026-09-01", "2026-09-02")
"""First and last day of the reports in the examples."""

MAX_ITEMS = 2
"""Maximum number of items of a list in an example record."""

MAX_TEXT = 60
"""Maximum number of characters of a text in an example record."""


@cache
def example_records() -> dict[str, Record]:
    """Return the record with the most fields of each stream, shortened."""
    found: dict[str, Record] = {}
    for line in _synced().splitlines():
        message = json.loads(line)
        if message["type"] == "RECORD":
            record = {
                name: _shortened(value)
                for name, value in message["record"].items()
                if value not in (None, [], "")
            }
            if len(record) > len(found.get(message["stream"], ())):
                found[message["stream"]] = record
    # The stream sets the day of the sync.
    found["balance"]["date"] = DAYS[0]
    return found


def _shortened(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {name: _shortened(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_shortened(each) for each in value[:MAX_ITEMS]]
    if isinstance(value, str) and len(value) > MAX_TEXT:
        return f"{value[:MAX_TEXT]}..."
    return value


def _synced() -> str:
    """Sync all streams from a sandbox; return the messages."""
    first, last = DAYS
    dataset = Dataset(campaigns=20, seed=1)
    dataset.today = date.fromisoformat(last)
    app = create_app(dataset, Access(Credentials()))
    output = io.BytesIO()
    with (
        running(app) as url,
        _without_warnings(),
        redirect_stdout(io.TextIOWrapper(output, encoding="utf-8")),
    ):
        tap = TapKayzen(
            config={
                **SAMPLE_CONFIG,
                "api_url": url,
                "audience_url": url,
                "audience_api_key": "sandbox-audience-key",
                "start_date": first,
                "end_date": last,
            }
        )
        for stream in tap.streams.values():
            stream.selected = True
        tap.sync_all()
        return output.getvalue().decode()


@contextmanager
def _without_warnings() -> Generator[None]:
    """Mute warnings about sandbox fields that are not in the schema."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
