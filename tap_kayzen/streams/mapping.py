"""Stream maps: the SDK's, with additional warnings and clearer errors.

See https://sdk.meltano.com/en/latest/stream_maps.html
"""

from __future__ import annotations

from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import ConfigurationError, StreamMapConfigError
from singer_sdk.mapper import (
    MAPPER_ALIAS_OPTION,
    MAPPER_ELSE_OPTION,
    MAPPER_FILTER_OPTION,
    MAPPER_KEY_PROPERTIES_OPTION,
    MAPPER_SOURCE_OPTION,
    NULL_STRING,
    CustomStreamMap,
    PluginMapper,
)
from singer_sdk.singerlib import Catalog

from tap_kayzen.messages import stream_map_messages
from tap_kayzen.output.guesses import did_you_mean
from tap_kayzen.streams.expressions import CheckedMap, no_name

if TYPE_CHECKING:
    import logging
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from tap_kayzen.streams.expressions import Entry

OPTIONS = (
    MAPPER_ALIAS_OPTION,
    MAPPER_ELSE_OPTION,
    MAPPER_FILTER_OPTION,
    MAPPER_KEY_PROPERTIES_OPTION,
    MAPPER_SOURCE_OPTION,
)
"""Keys of an entry that are options, not columns."""


DUPLICATE_COLUMN_PREFIX = "Duplicate column name produced in schema: "
"""Prefix of the SDK's error if flattening creates duplicate columns."""


class StreamMaps(PluginMapper):
    """Stream maps of the settings, applied to selected streams only."""

    def __init__(
        self, config: Mapping[str, Any], names: Collection[str], logger: logging.Logger
    ) -> None:
        """Initialize the maps.

        Args:
            config: The settings; copied.
            names: Names of all streams of the tap.
            logger: Logger for the warnings.
        """
        super().__init__(deepcopy(dict(config)), logger)
        self._names = names

    def register_raw_streams_from_catalog(self, catalog: Catalog) -> None:
        """Create the maps of selected streams; warn about entries without effect.

        The SDK also maps deselected streams, and fails because their empty schemas lack
        the keys: https://github.com/meltano/sdk/issues/1942
        """
        selected = Catalog()
        for entry in catalog.streams:
            name = entry.tap_stream_id
            if entry.metadata.resolve_selection()[()]:
                if entry.stream and entry.stream != name:
                    text = stream_map_messages.CATALOG_ALIAS(
                        stream=name, option=MAPPER_ALIAS_OPTION
                    )
                    self.logger.warning(text)
                selected.add_stream(replace(entry, stream=name))
            else:
                # Needed only if the stream is selected later, so errors must not stop
                # the sync.
                with suppress(ValueError):
                    self.stream_maps[name] = [
                        self.default_mapper_type(
                            name,
                            entry.schema.to_dict(),
                            entry.key_properties,
                            flattening_options=self.flattening_options,
                        )
                    ]
        super().register_raw_streams_from_catalog(selected)
        for warning in self._warnings(selected):
            self.logger.warning(warning)

    def register_raw_stream_schema(
        self,
        stream_name: str,
        schema: dict[str, Any],
        key_properties: Sequence[str] | None,
    ) -> None:
        """Create the maps of one stream.

        Raises:
            StreamMapConfigError: The maps do not fit the stream.
            ConfigurationError: Flattening creates duplicate columns.
        """
        try:
            super().register_raw_stream_schema(stream_name, schema, key_properties)
        except Exception as error:
            text = str(error)
            if text.startswith(DUPLICATE_COLUMN_PREFIX):
                column = text.removeprefix(DUPLICATE_COLUMN_PREFIX)
                text = stream_map_messages.DUPLICATE_COLUMN(column=column)
                msg = f"{stream_name}: {text}"
                raise ConfigurationError(msg) from error
            msg = stream_map_messages.INVALID_MAP(stream=stream_name, error=error)
            raise StreamMapConfigError(msg) from error
        columns = tuple(schema["properties"])
        maps = self.stream_maps[stream_name]
        self.stream_maps[stream_name] = [
            CheckedMap(each, name=stream_name, columns=columns, key=key, entry=entry)
            if isinstance(each, CustomStreamMap)
            else each
            for each, (key, entry) in zip(maps, self._entries(stream_name), strict=True)
        ]

    def _entries(self, stream_name: str) -> list[tuple[str, Entry]]:
        """Return the keys and entries of a stream's maps, in the SDK's order."""
        first: tuple[str, Entry] = ("", {})
        others = []
        for key, entry in self.stream_maps_dict.items():
            if not fnmatch(stream_name, _source(key, entry)):
                continue
            if not isinstance(entry, dict):
                first = (key, {})
            elif MAPPER_SOURCE_OPTION in entry:
                others.append((key, entry))
            else:
                first = (key, entry)
        return [first, *others]

    def _warnings(self, selected: Catalog) -> Iterator[str]:
        for key, entry in self.stream_maps_dict.items():
            source = _source(key, entry)
            if not any(fnmatch(name, source) for name in self._names):
                hint = did_you_mean(source, sorted(self._names))
                yield stream_map_messages.NO_STREAM(
                    key=key, stream=source, hint=hint and f"; {hint}"
                )
            if not isinstance(entry, dict):
                continue
            catalog = [each for each in selected if fnmatch(each, source)]
            columns = {
                column
                for name in catalog
                for column in selected[name].schema.to_dict().get("properties", ())
            }
            maps = [
                each
                for name in catalog
                for each in self.stream_maps[name]
                if isinstance(each, CheckedMap) and each.key == key
            ]
            if maps:
                yield from _entry_warnings(key, entry, columns, maps)


def _entry_warnings(
    key: str, entry: Entry, columns: Collection[str], maps: list[CheckedMap]
) -> Iterator[str]:
    for column, expression in entry.items():
        place = f"stream_maps.{key}.{column}"
        if column in OPTIONS and column != MAPPER_FILTER_OPTION:
            continue
        if not isinstance(expression, str) or expression == NULL_STRING:
            if column not in columns:
                hint = did_you_mean(column, sorted(columns))
                yield stream_map_messages.NO_COLUMN(
                    place=place, column=column, hint=hint and f"; {hint}"
                )
            continue
        is_fine = column in OPTIONS or not column.startswith("__")
        if not is_fine and (hint := did_you_mean(column, OPTIONS)):
            yield stream_map_messages.OPTION_AS_COLUMN(place=place, hint=hint)
        missing = [{*each.unknown(expression)} for each in maps]
        for name in sorted(set.intersection(*missing)):
            yield f"`{place}`, `{expression}`: {no_name(name, columns)}"
        if any(each.loses_key(column, expression) for each in maps):
            text = stream_map_messages.KEY_REPLACED(column=column)
            yield f"`{place}`, `{expression}`: {text}"


def _source(key: str, entry: object) -> str:
    """Return the name or pattern of the streams that an entry applies to."""
    if isinstance(entry, dict):
        return str(entry.get(MAPPER_SOURCE_OPTION, key))
    return key
