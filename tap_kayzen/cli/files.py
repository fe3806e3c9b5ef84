"""The files of the command line: --config, --state and --catalog, checked."""

from __future__ import annotations

import io
import json
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from singer_sdk.exceptions import ConfigurationError

from tap_kayzen.reading import state

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


@contextmanager
def config_errors(paths: tuple[str, ...]) -> Generator[None]:
    """Turn what goes wrong in reading config files into one ConfigurationError."""
    try:
        yield
    except (OSError, TypeError, ValueError) as error:
        # A whole JSON text instead of a path would show its secrets here, and in
        # the traceback of the SDK's error.
        names = ("{JSON text}" if "{" in path else path for path in paths)
        files = ", ".join(name for name in names if name != "ENV")
        missing = "there is no such file"  # the SDK gives no reason
        reason = error.strerror or missing if isinstance(error, OSError) else error
        msg = f"--config {files}: must be a file with one JSON object: {reason}"
        raise ConfigurationError(msg) from (None if "{" in files else error)


def checked(
    file: IO[str] | None, option: str, fault_of: Callable[[dict[str, Any]], str]
) -> IO[str] | None:
    """Return the content of an option's file, if there is one.

    Raises:
        ConfigurationError: It is no JSON object, or `fault_of` finds fault with it.
    """
    if file is None:
        return None
    text = file.read()
    try:
        value = json.loads(text)
        is_object = isinstance(value, dict)
        fault = fault_of(value) if is_object else "it is another JSON value"
    except ValueError as error:
        fault = str(error)
    if fault:
        msg = f"{option} {file.name}: must be a file with one JSON object: {fault}"
        raise ConfigurationError(msg)
    return io.StringIO(text)


def catalog_fault(value: dict[str, Any]) -> str:
    """Return what is wrong with a catalog; empty if nothing is."""
    entries = value.get("streams")
    if not isinstance(entries, list) or not all(
        isinstance(each, dict) and "tap_stream_id" in each for each in entries
    ):
        # The SDK would select nothing, or fail without saying why.
        return "it has no list `streams` as --discover prints it"
    return ""


def state_fault(value: dict[str, Any]) -> str:
    """Return what is wrong with a state; empty if nothing is."""
    if "bookmarks" not in value:
        # A whole STATE message, or what `meltano state get` prints: of no effect.
        for name, inner in value.items():
            if isinstance(inner, dict) and "bookmarks" in inner:
                return f"its bookmarks are in `{name}`; give only what is in there"
        return ""
    return state.fault(value)
