"""Removes secrets in Kayzen's records, such as the API keys of apps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_kayzen.messages import stream_messages
from tap_kayzen.output.secret_names import is_secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_kayzen.output.once import WarnOnce

CONTAINERS = frozenset({dict, list})

LABELS = ("key", "name", "parameter")
"""Fields that name what their neighbor `VALUE` is, such as a query parameter."""

VALUE = "value"


class SecretFilter:
    """Removes fields named like a secret; warns once about each.

    Columns of the schema are exempt. The filter covers fields beyond the schema and
    fields nested in values.
    """

    def __init__(self, is_secret: Callable[[str], bool], warn_once: WarnOnce) -> None:
        """Remove fields whose names `is_secret` recognizes."""
        self._is_secret = is_secret
        self._warn_once = warn_once

    def admits(self, field: str, value: object) -> bool:
        """Return whether a field beyond the schema may be sent; clean its value."""
        if self._is_secret(field):
            self._warn(repr(field), (field,))
            return False
        self.clean(field, value)
        return True

    def clean(self, field: str, value: object) -> None:
        """Remove secrets from the value of a field in place, at any depth."""
        # No recursion: nesting may exceed Python's recursion limit.
        pending: list[Any] = [value] if type(value) in CONTAINERS else []
        while pending:
            each = pending.pop()
            if isinstance(each, dict):
                if VALUE in each:
                    self._clean_named(field, each)
                for name in [*filter(self._is_secret, each)]:
                    del each[name]
                    self._warn(f"{name!r} in {field!r}", (field, name))
                each = each.values()
            pending += [part for part in each if type(part) in CONTAINERS]

    def _clean_named(self, field: str, pair: dict[str, Any]) -> None:
        """Remove a value that a neighbor names: `{"name": "api_key", "value": 1}`."""
        for label in LABELS:
            name = pair.get(label)
            # Any key is one of an app's fields, but not of its parameters.
            if isinstance(name, str) and is_secret(name):
                pair.pop(VALUE, None)
                self._warn(f"{VALUE!r} of {name!r} in {field!r}", (field, VALUE, name))

    def _warn(self, field: str, about: tuple[str, ...]) -> None:
        self._warn_once(stream_messages.SECRET_FIELD, about=about, field=field)
