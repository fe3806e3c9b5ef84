"""Removes secrets from Kayzen's records, such as the API keys of apps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_kayzen.messages import stream_messages
from tap_kayzen.output.secret_names import is_secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_kayzen.output.once import WarnOnce

CONTAINERS = frozenset({dict, list})

NAME_FIELDS = ("key", "name", "parameter")
"""Fields that name the parameter whose value is in the `VALUE` field."""

VALUE = "value"


class SecretFilter:
    """Removes fields named like a secret, with one warning per field.

    The filter covers fields outside the schema and fields nested in values. Columns of
    the schema are exempt.
    """

    def __init__(self, is_secret: Callable[[str], bool], warn_once: WarnOnce) -> None:
        """Initialize the filter.

        Args:
            is_secret: Returns whether a field name suggests a secret.
            warn_once: Logs the warnings.
        """
        self._is_secret = is_secret
        self._warn_once = warn_once

    def filter_field(self, field: str, value: object) -> bool:
        """Remove secrets from a field outside the schema; return whether to keep it."""
        if self._is_secret(field):
            self._warn(repr(field), (field,))
            return False
        self.clean(field, value)
        return True

    def clean(self, field: str, value: object) -> None:
        """Remove secrets from the value of a field in place, at any depth."""
        # Not recursive, because nesting can exceed Python's recursion limit.
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
        """Remove the value of a named pair: `{"name": "api_key", "value": 1}`."""
        for label in NAME_FIELDS:
            name = pair.get(label)
            # Not `self._is_secret`: parameter names with "key" are usually not secrets.
            if isinstance(name, str) and is_secret(name):
                pair.pop(VALUE, None)
                self._warn(f"{VALUE!r} of {name!r} in {field!r}", (field, VALUE, name))

    def _warn(self, field: str, about: tuple[str, ...]) -> None:
        self._warn_once(stream_messages.SECRET_FIELD, about=about, field=field)
