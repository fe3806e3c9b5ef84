"""The files of the command line: --config, --state and --catalog, checked."""

from __future__ import annotations

import io
import json
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn, TextIO, cast

from singer_sdk.exceptions import ConfigurationError
from singer_sdk.singerlib.catalog import MetadataMapping

from tap_kayzen.config.text_files import decoded
from tap_kayzen.reading import state

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

ENVIRONMENT = "ENV"
"""What ``--config`` takes in place of a file, for variables."""


@contextmanager
def _config_errors(paths: tuple[str, ...]) -> Generator[None]:
    """Turn what goes wrong in reading config files into one ConfigurationError."""
    try:
        yield
    except (OSError, ValueError) as error:
        # A whole JSON text instead of a path would show its secrets here, and in
        # the traceback of the error.
        names = ("{JSON text}" if "{" in path else path for path in paths)
        files = ", ".join(name for name in names if name != ENVIRONMENT)
        reason = error.strerror if isinstance(error, OSError) else error
        msg = f"--config {files}: must be a file with one JSON object: {reason}"
        raise ConfigurationError(msg) from (None if "{" in files else error)


def config_of(paths: tuple[str, ...]) -> dict[str, Any]:
    """Return the settings of the files of ``--config``; the later ones win.

    Raises:
        ConfigurationError: A file cannot be read, or is no JSON object.
    """
    config: dict[str, Any] = {}
    with _config_errors(paths):
        for path in paths:
            if path != ENVIRONMENT:
                config |= _object(decoded(Path(path).read_bytes()))
    return config


def _object(text: str) -> dict[str, Any]:
    value = json.loads(text, parse_float=Decimal, parse_constant=_refuse)
    if not isinstance(value, dict):
        msg = "it is another JSON value"
        raise ValueError(msg)  # noqa: TRY004
    return value


def _refuse(constant: str) -> NoReturn:
    msg = f"{constant} is not a JSON value"
    raise ValueError(msg)


def checked(
    file: IO[str] | None, option: str, fault_of: Callable[[dict[str, Any]], str]
) -> IO[str] | None:
    """Return the content of an option's file, if there is one.

    Raises:
        ConfigurationError: It is no JSON object, or `fault_of` finds fault with it.
    """
    if file is None:
        return None
    # Not as text: the SDK opens it in the encoding of the machine.
    content = cast("TextIO", file).buffer.read()
    try:
        text = decoded(content)
        fault = fault_of(_object(text))
    except ValueError as error:
        fault = str(error)
    if fault:
        msg = f"{option} {file.name}: must be a file with one JSON object: {fault}"
        raise ConfigurationError(msg)
    return io.StringIO(text)


def catalog_fault(value: dict[str, Any]) -> str:
    """Return what is wrong with a catalog; empty if nothing is."""
    entries = value.get("streams")
    if not isinstance(entries, list):
        # The SDK would select nothing.
        return "it has no list `streams` as --discover prints it"
    names: set[object] = set()
    for index, entry in enumerate(entries):
        name = entry.get("tap_stream_id") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name:
            fault = "has no `tap_stream_id`"
        elif name in names:
            fault = "is there twice"
        else:
            fault = _entry_fault(entry)
        names.add(name)
        if fault:
            # The SDK would fail without saying where.
            whose = f" ({name})" if name else ""
            return f"`streams[{index}]`{whose} {fault}; save what --discover prints"
    return ""


def _entry_fault(entry: dict[str, Any]) -> str:
    """Return what is wrong with an entry of a catalog that has a name."""
    try:
        metadata = MetadataMapping.from_iterable(entry.get("metadata", []))
        is_selected = metadata.resolve_selection()[()]
    except (AttributeError, KeyError, TypeError):
        return "has no `metadata` as a list of `breadcrumb` and `metadata`"
    keys = entry.get("key_properties") or []
    if not isinstance(keys, list) or not all(isinstance(each, str) for each in keys):
        return "has no `key_properties` as a list of columns"
    schema = entry.get("schema", {})
    columns = schema.get("properties", {}) if isinstance(schema, dict) else None
    if not isinstance(columns, dict) or not all(
        isinstance(each, dict) for each in columns.values()
    ):
        return "has no `schema` with `properties`"
    # What is not read needs none.
    return "has no column in its `schema`" if is_selected and not columns else ""


def state_fault(value: dict[str, Any]) -> str:
    """Return what is wrong with a state; empty if nothing is."""
    if "bookmarks" not in value:
        # A whole STATE message, or what `meltano state get` prints: of no effect.
        for name, inner in value.items():
            if isinstance(inner, dict) and "bookmarks" in inner:
                return f"its bookmarks are in `{name}`; give only what is in there"
        return ""
    return state.fault(value)
