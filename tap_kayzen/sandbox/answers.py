"""Response bodies of the sandbox, and the parsing of requests."""

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
    """Encode an object as JSON without spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def json_response(body: Record | bytes) -> Response:
    """Return a JSON response; the object may be encoded already."""
    content = body if isinstance(body, bytes) else encode(body)
    return Response(content, media_type="application/json")


def envelope(rows: Sequence[Record | bytes], page: int, per_page: int) -> bytes:
    """Return one page of a list in Kayzen's envelope, as JSON.

    Args:
        rows: All rows of the list; they may be encoded already.
        page: Number of the page, starting at 1.
        per_page: Number of rows per page.
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
    """Parse a parameter that must be a positive integer.

    Raises:
        HTTPException: It is not a positive integer.
    """
    number = int(value) if str(value).isdecimal() else 0
    if number < 1:
        raise HTTPException(422, f"{name} must be a positive integer")
    return number


def matching(
    rows: list[Record], query: QueryParams, filters: Mapping[str, str]
) -> list[Record]:
    """Return the rows that match a query.

    Args:
        rows: All rows.
        query: The parameters. `q` matches part of the name, or the ID.
        filters: Other parameters and the fields that they match. A repeated parameter
            matches any of its values.

    Raises:
        HTTPException: A value of another parameter is not a positive integer.
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
    """Parse a JSON object; return an empty one for anything else."""
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def on_error(_: Request, error: Exception) -> JSONResponse:
    """Return an error as JSON; the format of Kayzen's errors is not documented."""
    if isinstance(error, AccessDeniedError):
        return JSONResponse({"error": str(error)}, status_code=401)
    if isinstance(error, HTTPException):
        return JSONResponse({"error": error.detail}, status_code=error.status_code)
    raise error
