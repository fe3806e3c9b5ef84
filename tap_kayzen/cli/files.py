"""Reads and checks the files of ``--config``, ``--state``, and ``--catalog``."""

from __future__ import annotations

import io
import json
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn, TextIO, cast

from singer_sdk.exceptions import ConfigurationError

from tap_kayzen.cli import catalogs
from tap_kayzen.config.text_files import decoded
from tap_kayzen.messages import file_messages

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

ENVIRONMENT = "ENV"
"""Value of ``--config`` that stands for environment variables."""


@contextmanager
def _config_errors(paths: tuple[str, ...]) -> Generator[None]:
    """Convert errors while reading config files to a ConfigurationError."""
    try:
        yield
    except (OSError, ValueError) as error:
        # If JSON was passed instead of a path, the message and the traceback would
        # reveal its secrets.
        names = ("{JSON text}" if "{" in path else path for path in paths)
        files = ", ".join(name for name in names if name != ENVIRONMENT)
        msg = _not_an_object("--config", files, error)
        raise ConfigurationError(msg) from (None if "{" in files else error)


def _not_an_object(option: str, file: str, error: OSError | ValueError) -> str:
    """Describe why a file does not contain a JSON object."""
    if isinstance(error, UnicodeError):
        return file_messages.NOT_UTF8(file=f"{option} {file}")
    reason = error.strerror if isinstance(error, OSError) else error
    return file_messages.NOT_AN_OBJECT(option=option, file=file, reason=reason)


def config_of(paths: tuple[str, ...]) -> dict[str, Any]:
    """Return the settings in the files of ``--config``; later files take precedence.

    Raises:
        ConfigurationError: A file cannot be read or is not a JSON object.
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
        raise ValueError(file_messages.OTHER_VALUE())  # noqa: TRY004
    return value


def _refuse(constant: str) -> NoReturn:
    msg = f"{constant} is not valid JSON"
    raise ValueError(msg)


def checked(
    file: IO[str] | None, option: str, fault_of: Callable[[dict[str, Any]], str]
) -> IO[str] | None:
    """Return the decoded file of an option; None without one.

    Args:
        file: The file.
        option: Name of the option, such as ``--state``.
        fault_of: Describes what is wrong with the content; empty if it is valid.

    Raises:
        ConfigurationError: The file is not a JSON object, or is invalid.
    """
    if file is None:
        return None
    with file:
        # Read bytes, because the SDK opens the file in the locale's encoding.
        content = cast("TextIO", file).buffer.read()
    try:
        text = decoded(content)
        value = _only_object(text, option)
    except ValueError as error:
        msg = _not_an_object(option, file.name, error)
        raise ConfigurationError(msg) from error
    if fault := fault_of(value):
        msg = f"{option} {file.name}: {fault}"
        raise ConfigurationError(msg)
    return io.StringIO(text)


def catalog_of(file: IO[str] | None) -> dict[str, Any] | None:
    """Return the catalog of ``--catalog``, if any.

    Raises:
        ConfigurationError: The file is not a catalog.
    """
    content = checked(file, "--catalog", catalogs.fault)
    return None if content is None else _object(content.read())


def _only_object(text: str, option: str) -> dict[str, Any]:
    """Parse the JSON object in an option's file; raise ValueError if invalid."""
    try:
        return _object(text)
    except ValueError as error:
        lines = [line for line in text.split("\n") if line.strip()]
        if not lines:
            raise ValueError(file_messages.EMPTY_FILE(option=option)) from error
        if len(lines) > 1 and _is_object(lines[0]) and _is_object(lines[-1]):
            # Targets print a complete state on each line.
            msg = file_messages.SEVERAL_LINES(count=len(lines))
            raise ValueError(msg) from error
        raise


def _is_object(text: str) -> bool:
    try:
        _object(text)
    except ValueError:
        return False
    return True
