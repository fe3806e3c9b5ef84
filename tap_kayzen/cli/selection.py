"""Logs the selected streams, and warns about likely mistakes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_kayzen.config.settings import SETTINGS
from tap_kayzen.messages import selection_messages
from tap_kayzen.output.guesses import did_you_mean
from tap_kayzen.streams.audiences import AudiencesStream
from tap_kayzen.streams.choice import excluded
from tap_kayzen.streams.custom_reports import CustomReportStream

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Iterator, Mapping

    from singer_sdk.singerlib import Catalog

    from tap_kayzen.streams.base import KayzenStream

DEFAULT_REPORTS: list[dict[str, Any]] = SETTINGS["properties"]["reports"]["default"]


def log_selection(
    streams: Mapping[str, KayzenStream],
    catalog: Catalog | None,
    config: Mapping[str, Any],
    logger: logging.Logger,
) -> None:
    """Log which streams are selected, and warn about likely mistakes.

    Args:
        streams: All streams by name, with the catalog applied.
        catalog: The catalog that was passed to the tap, if any.
        config: The settings.
        logger: Logger of the tap.
    """
    found = (
        left_out(streams, config)
        if catalog is None
        else problems(streams, catalog, config)
    )
    for problem in found:
        logger.warning(problem)
    selected = [name for name, stream in streams.items() if stream.selected]
    if selected and len(selected) < len(streams):
        logger.info(
            "%d of %d streams are selected: %s",
            len(selected),
            len(streams),
            ", ".join(selected),
        )


def left_out(
    streams: Mapping[str, KayzenStream], config: Mapping[str, Any]
) -> Iterator[str]:
    """Yield likely mistakes in the setting `streams` if there is no catalog."""
    patterns = config.get("streams") or ()
    if not any(stream.selected for stream in streams.values()):
        yield selection_messages.NOTHING_SELECTED()
    reports = _deselected_reports(streams, config)
    if missing := [each for each in reports if each not in excluded(patterns, reports)]:
        yield selection_messages.REPORTS_NOT_IN_STREAMS(reports=_names(missing))


def problems(
    streams: Mapping[str, KayzenStream], catalog: Catalog, config: Mapping[str, Any]
) -> Iterator[str]:
    """Yield likely mistakes in the selection of a catalog."""
    if config.get("streams"):
        yield selection_messages.STREAMS_IGNORED()
    for name, entry in catalog.items():
        is_selected = entry.metadata.resolve_selection().get((), True)
        if is_selected and name not in streams:
            yield _unknown(name, streams)
    if not any(stream.selected for stream in streams.values()):
        yield selection_messages.NOTHING_SELECTED()
    reports = _deselected_reports(streams, config)
    if missing := [name for name in reports if name not in catalog]:
        yield selection_messages.REPORTS_NOT_IN_CATALOG(reports=_names(missing))
    if deselected := [name for name in reports if name in catalog]:
        patterns = ", ".join(f"'{name}.*'" for name in deselected)
        yield selection_messages.REPORTS_DESELECTED(
            reports=_names(deselected), patterns=patterns
        )


def _deselected_reports(
    streams: Mapping[str, KayzenStream], config: Mapping[str, Any]
) -> list[str]:
    """Return the names of configured reports that are not selected."""
    # No warning if only the default report is deselected.
    if config["reports"] == DEFAULT_REPORTS:
        return []
    return [
        name
        for name, stream in streams.items()
        if isinstance(stream, CustomReportStream) and not stream.selected
    ]


def _unknown(name: str, known: Iterable[str]) -> str:
    """Describe a stream in the catalog that the tap does not have."""
    if name == AudiencesStream.name:
        return selection_messages.NEEDS_SETTING(stream=name, setting="audience_api_key")
    hint = did_you_mean(name, known) or selection_messages.WAS_IT_REMOVED()
    return selection_messages.UNKNOWN_STREAM(stream=name, hint=hint)


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
