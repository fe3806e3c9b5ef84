"""Validates the setting `batch_config` beyond its JSON Schema."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from tap_kayzen.messages import settings_messages
from tap_kayzen.output.guesses import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SECTIONS = {
    "encoding": {"format": True, "compression": False},
    "storage": {"root": True, "prefix": False, "params": False},
}
"""Sections of the setting, with their keys and whether these are required."""

SIZE = "batch_size"

LIBRARIES = {
    "abfs": ("adlfs", "adlfs"),
    "az": ("adlfs", "adlfs"),
    "gcs": ("gcsfs", "gcsfs"),
    "gs": ("gcsfs", "gcsfs"),
    "s3": ("s3fs", "singer-sdk[s3]"),
    "s3a": ("s3fs", "singer-sdk[s3]"),
}
"""Required module and the package to install, by URL scheme."""


def problems(batch: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a `batch_config`."""
    if not batch:
        # An empty object counts as not set.
        return
    yield from _unknown("batch_config", batch, [*SECTIONS, SIZE])
    for name, keys in SECTIONS.items():
        place = f"batch_config.{name}"
        part = batch.get(name)
        if part is None:
            yield settings_messages.BATCH_PART_MISSING(part=place)
        elif isinstance(part, dict):
            yield from _unknown(place, part, [*keys])
            for key, is_required in keys.items():
                if is_required and not part.get(key):
                    missing = f"{place}.{key}"
                    yield settings_messages.BATCH_PART_MISSING(part=missing)
    size = batch.get(SIZE)
    if size is not None and (type(size) is not int or size < 1):
        # The SDK would take 0 as the end of the records.
        yield settings_messages.BATCH_SIZE()
    yield from _missing_libraries(batch)


def _unknown(place: str, given: Mapping[str, Any], known: list[str]) -> Iterator[str]:
    for name in given:
        if name not in known:
            hint = did_you_mean(name, known) or f"use {', '.join(known)}"
            part = f"{place}.{name}"
            yield settings_messages.BATCH_PART_UNKNOWN(part=part, hint=hint)


def _missing_libraries(batch: Mapping[str, Any]) -> Iterator[str]:
    encoding, storage = batch.get("encoding"), batch.get("storage")
    wants_parquet = isinstance(encoding, dict) and encoding.get("format") == "parquet"
    if wants_parquet and find_spec("pyarrow") is None:
        yield settings_messages.NO_PYARROW()
    root = storage.get("root") if isinstance(storage, dict) else None
    scheme, mark, _ = root.partition("://") if isinstance(root, str) else ("", "", "")
    if not mark or scheme not in LIBRARIES:
        return
    module, package = LIBRARIES[scheme]
    if find_spec(module) is None:
        yield settings_messages.NO_STORAGE_LIBRARY(
            module=module, scheme=scheme, package=package
        )
