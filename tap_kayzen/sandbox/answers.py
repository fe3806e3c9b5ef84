"""The bodies that the sandbox sends, and what it makes of a query."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from tap_kayzen.sandbox.access import AccessDeniedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.datastructures import QueryParams
    from starlette.requests import Request

    from tap_kayzen.sandbox.basics import Record


def encode(value: Record) -> bytes:
    """Write an object as JSON, without spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def json_response(body: Record | bytes) -> Response:
    """Answer with an object, which may be encoded already."""
    content = body if isinstance(body, bytes) else encode(body)
    return Response(content, media_type="application/json")


def envelope(rows: Sequence[Record | bytes], page: int, per_page: int) -> bytes:
    """Cut a page out of a list and wrap it up as Kayzen does, as JSON.

    Args:
        rows: The list; rows may be encoded already.
        page: Which page, 1 being the first.
        per_page: Rows a page.
    """
    first = (page - 1) * per_page
    meta = {
        "current_page": page,
        "total_pages": max(1, -(-len(rows) // per_page)),
        "total_entries": len(rows),
    }
    data = b",".join(
        row if isinstance(row, bytes) else encode(row)
        for row in rows[first : first + per_page]
    )
    return b'{"data":[%b],"meta":%b}' % (data, encode(meta))


def positive(value: str | int, name: str) -> int:
    """Read a parameter that must be a positive integer.

    Raises:
        HTTPException: It is none.
    """
    number = int(value) if str(value).isdecimal() else 0
    if number < 1:
        raise HTTPException(422, f"{name} must be a positive integer")
    return number


def chosen(
    rows: list[Record], query: QueryParams, filters: Mapping[str, str]
) -> list[Record]:
    """Choose the rows that a query asks for.

    Args:
        rows: All rows.
        query: The parameters. `q` looks for a part of the name, or for the number.
        filters: The field that each further parameter compares with; a parameter may
            come several times, for several values.

    Raises:
        HTTPException: One of the further parameters is no positive integer.
    """
    text = query.get("q")
    wanted = {
        field: {positive(value, name) for value in query.getlist(name)}
        for name, field in filters.items()
        if name in query
    }
    if not text and not wanted:
        return rows
    return [
        row
        for row in rows
        if (not text or text in row.get("name", "") or text == str(row.get("id")))
        and all(row[field] in values for field, values in wanted.items())
    ]


def json_object(body: str) -> dict[str, Any]:
    """Read a JSON object; anything else counts as an empty one."""
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def on_error(_: Request, error: Exception) -> JSONResponse:
    """Refuse in words; the shape of Kayzen's error bodies is not known."""
    if isinstance(error, AccessDeniedError):
        return JSONResponse({"error": str(error)}, status_code=401)
    if isinstance(error, HTTPException):
        return JSONResponse({"error": error.detail}, status_code=error.status_code)
    raise error
