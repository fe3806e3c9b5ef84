"""Undocumented envelopes, as described in an account report."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import Response

from tap_kayzen.sandbox.gateway_answers import MESSAGES
from tap_kayzen.sandbox.made_up import HIDDEN, Shape, row_like, shape_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_kayzen.sandbox.basics import Record

META = ("meta", "metadata")

HTML = "<!DOCTYPE html><html><body>{}</body></html>"

PLAIN_VALUES = {"array": b"[]", "boolean": b"true", "integer": b"1", "number": b"0.5"}

_ENCODER = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True)
class ListPage:
    """A page of a list.

    Attributes:
        rows: The rows of the page.
        first: Position of the first row in the list.
        size: Number of rows of a full page.
        total: Number of rows of the list.
        rest: The app's response without the rows.
    """

    rows: Sequence[Record]
    first: int
    size: int
    total: int
    rest: Record


def keys_of(body: Mapping[str, Any]) -> Shape:
    """Return the shape of the envelope around the rows."""
    return shape_of({name: {"types": types} for name, types in body["keys"].items()})


def wrapped(body: Mapping[str, Any], page: ListPage, status: int) -> Response:
    """Return rows in an envelope.

    Args:
        body: The envelope, as an account report describes it.
        page: The rows.
        status: HTTP status of the response.
    """
    kind, place = body["is"], body.get("rows_in")
    text = MESSAGES.get(body.get("says", ""))
    rows: Any = page.rows
    if body.get("single"):
        rows = rows[0] if rows else {}
    if kind in {"empty", "text"}:
        html = HTML.format(text or "made up") if kind == "text" else ""
        return Response(html, status, media_type="text/html")
    if place == "":
        return as_json(rows, status)
    if text and kind in {"array", "string"}:
        return as_json([text] if kind == "array" else text, status)
    if kind != "object":
        return Response(PLAIN_VALUES.get(kind, b"null"), status)
    meta = {
        "current_page": page.first // page.size + 1,
        "total_pages": max(1, -(-page.total // page.size)),
        "total_entries": page.total,
    }
    known = {**page.rest, **dict.fromkeys(META, meta)}
    content: Record = row_like(keys_of(body), known, 0)
    if text:
        content = _with_text(text, content)
    if place is not None:
        content["made up" if place == HIDDEN else place] = rows
    return as_json(content, status)


def _with_text(text: str, value: Any) -> Any:  # noqa: ANN401
    """Return a value with all of its strings replaced by a text."""
    if isinstance(value, dict):
        return {name: _with_text(text, each) for name, each in value.items()}
    if isinstance(value, list):
        return [_with_text(text, each) for each in value]
    return text if isinstance(value, str) else value


def as_json(content: object, status: int = HTTPStatus.OK) -> Response:
    """Return a JSON response, with decimals as numbers."""
    return Response(_ENCODER.encode(content), status, media_type="application/json")
