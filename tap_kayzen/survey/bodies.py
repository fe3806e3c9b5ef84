"""Splits response bodies into records and envelope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_kayzen.api.gateway import denies_permission, reports_rate_limit
from tap_kayzen.reading.pages import decode
from tap_kayzen.survey.observe import Fields, type_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_kayzen.survey.observe import Row

META = ("meta", "metadata")
"""Names of the object in an envelope with the length of the list."""

GATEWAY_ERRORS = {"no right": denies_permission, "rate limit": reports_rate_limit}
"""Error codes of an API gateway to report; nothing else of an error is shown."""


@dataclass(frozen=True)
class Body:
    """The body of a response, split into records and envelope.

    Attributes:
        kind: ``empty``, ``text`` (not JSON), or a JSON type.
        rows: The records.
        rows_in: Name of the field with the records; empty if the whole body is the
            records, None if there are none.
        is_single: Whether the body has one record instead of a list.
        rest: The envelope.
    """

    kind: str
    rows: list[Row]
    rows_in: str | None
    is_single: bool
    rest: Row

    def describe(self, guard: Callable[[str], str]) -> dict[str, Any]:
        """Describe the envelope, including the location of the records."""
        keys = Fields(guard)
        keys.add(self.rest)
        described: dict[str, Any] = {
            "is": self.kind,
            "keys": {name: each["types"] for name, each in keys.describe().items()},
        }
        if self.rows_in is not None:
            rows_in = self.rows_in and guard(self.rows_in)
            described |= {"rows_in": rows_in, "single": self.is_single}
        return described


def split_body(body: bytes, *, has_rows: bool = True, is_object: bool = False) -> Body:
    """Split the body of a response into records and envelope.

    Args:
        body: The body.
        has_rows: Whether the response can contain records; False for errors.
        is_object: Whether a single object is expected, which can contain lists.
    """
    kind, whole = _decoded(body)
    name = _place_of_rows(whole, is_object=is_object) if has_rows else None
    if name is None:
        rest = whole if isinstance(whole, dict) else {}
        return Body(kind, [], None, is_single=False, rest=rest)
    found = whole[name] if name else whole
    is_single = isinstance(found, dict)
    return Body(
        kind,
        [found] if is_single else found,
        name,
        is_single=is_single,
        rest={**whole, name: {} if is_single else []} if name else {},
    )


def gateway_error(body: bytes) -> dict[str, str]:
    """Return the error code of an API gateway in a body as a report entry, if any.

    For example, ``{"says": "rate limit"}``. The sandbox needs it to replay the error,
    because the tap distinguishes errors by these codes.
    """
    return next(
        ({"says": name} for name, says in GATEWAY_ERRORS.items() if says(body)), {}
    )


def _decoded(body: bytes) -> tuple[str, Any]:
    if not body.strip():
        return "empty", None
    try:
        whole = decode(body)
    except ValueError:
        return "text", None
    return type_of(whole), whole


def _is_list_of_rows(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _place_of_rows(whole: object, *, is_object: bool) -> str | None:
    """Return the field with the records; empty for the body, None for none."""
    if not isinstance(whole, dict):
        return "" if _is_list_of_rows(whole) else None
    if "data" in whole:
        data = whole["data"]
        return "data" if isinstance(data, dict) or _is_list_of_rows(data) else None
    if is_object or "id" in whole:
        return ""
    parts: list[str] = [name for name in whole if name not in META]
    lists = [name for name in parts if whole[name] and _is_list_of_rows(whole[name])]
    lists = lists or [name for name in parts if _is_list_of_rows(whole[name])]
    if len(lists) == 1:
        return lists[0]
    if len(parts) == 1 and isinstance(whole[parts[0]], dict):
        return parts[0]
    return None
