"""The sandbox's HTTP side: an ASGI app that speaks like Kayzen's API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tap_kayzen.sandbox.access import AccessDeniedError
from tap_kayzen.sandbox.data import DEFAULT_ADVERTISER, Dataset

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.middleware import Middleware
    from starlette.requests import Request

    from tap_kayzen.sandbox.access import Access
    from tap_kayzen.sandbox.values import Record

TOKEN_PATH = "/v1/authentication/token"  # noqa: S105

DEFAULT_PER_PAGE = 25
"""Records a page, when the request does not say; documented for /meta lists."""

MAX_PER_PAGE = 100
"""Records a page at most; documented for /reports, assumed for the other lists."""


def _campaigns(dataset: Dataset, advertiser: int) -> list[Record]:
    return dataset.campaigns[advertiser]


def _campaign_lookup(dataset: Dataset, advertiser: int) -> list[Record]:
    """The look-up list: a shorter record, as is likely but not documented."""
    return [
        {"id": campaign["id"], "name": campaign["name"]}
        for campaign in dataset.campaigns[advertiser]
    ]


LISTS: dict[str, Callable[[Dataset, int], list[Record]]] = {
    "/v1/campaigns": _campaigns,
    "/v1/meta/campaigns": _campaign_lookup,
}
"""The list calls: path, and what gives an advertiser's records in order."""


class Api:
    """The handlers, around one dataset."""

    def __init__(
        self, dataset: Dataset, access: Access, *, pre_encoded: bool = False
    ) -> None:
        """Serve a dataset to those whom `access` lets in.

        Args:
            dataset: What to serve.
            access: Whom to serve it.
            pre_encoded: Whether to make all records' JSON now, for quick answers;
                changes of the dataset are not seen then.
        """
        self.dataset = dataset
        self.access = access
        self._encoded = {
            (path, advertiser): [_encode(row) for row in rows(dataset, advertiser)]
            for path, rows in LISTS.items()
            for advertiser in dataset.campaigns
            if pre_encoded
        }

    async def token(self, request: Request) -> JSONResponse:
        """Log in: ``POST /v1/authentication/token``, with a form or JSON."""
        body = (await request.body()).decode("utf-8", errors="replace")
        kind = request.headers.get("Content-Type", "").partition(";")[0].strip()
        if kind == "application/json":
            form = _json_object(body)
        elif kind == "application/x-www-form-urlencoded":
            form = dict(parse_qsl(body, keep_blank_values=True))
        else:
            return _refusal(415, "Unsupported Media Type")
        try:
            return JSONResponse(
                self.access.log_in(request.headers.get("Authorization", ""), form)
            )
        except AccessDeniedError as error:
            return _refusal(401, str(error))

    async def list(self, request: Request) -> Response:
        """Answer any of `LISTS` with the documented envelope."""
        try:
            self.access.check(request.headers.get("Authorization", ""))
        except AccessDeniedError as error:
            return _refusal(401, str(error))
        try:
            page, per_page, advertiser = (
                _positive(request.query_params.get(name, default), name)
                for name, default in (
                    ("page", 1),
                    ("per_page", DEFAULT_PER_PAGE),
                    ("advertiser_id", DEFAULT_ADVERTISER),
                )
            )
        except ValueError as error:
            return _refusal(422, str(error))
        if advertiser not in self.dataset.campaigns:
            return _refusal(403, "Advertiser not allowed")
        path, text = request.url.path, request.query_params.get("q")
        rows: Sequence[Record | bytes] | None = self._encoded.get((path, advertiser))
        if text or rows is None:
            rows = [
                row
                for row in LISTS[path](self.dataset, advertiser)
                if not text or text in row["name"]
            ]
        body = envelope(rows, page, min(per_page, MAX_PER_PAGE))
        return Response(body, media_type="application/json")

    async def delete_campaign(self, request: Request) -> JSONResponse:
        """Remove a campaign: no call of Kayzen's, but a way to test deletions."""
        number = request.path_params["number"]
        if not self.dataset.delete_campaign(number):
            return _refusal(404, "Not Found")
        return JSONResponse({})


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
        row if isinstance(row, bytes) else _encode(row)
        for row in rows[first : first + per_page]
    )
    return b'{"data":[%b],"meta":%b}' % (data, _encode(meta))


def _encode(value: Record) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def create_app(
    dataset: Dataset,
    access: Access,
    *,
    pre_encoded: bool = False,
    middleware: Sequence[Middleware] = (),
) -> Starlette:
    """Put the app together.

    Args:
        dataset: What it serves.
        access: Whom it lets in.
        pre_encoded: See `Api`.
        middleware: ASGI layers around it, such as those of `sandbox.network`.
    """
    api = Api(dataset, access, pre_encoded=pre_encoded)
    return Starlette(
        routes=[
            Route(TOKEN_PATH, api.token, methods=["POST"]),
            *(Route(path, api.list, methods=["GET"]) for path in LISTS),
            Route(
                "/sandbox/campaigns/{number:int}",
                api.delete_campaign,
                methods=["DELETE"],
            ),
        ],
        middleware=list(middleware),
        exception_handlers={HTTPException: _on_http_error},
    )


def _on_http_error(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    return _refusal(error.status_code, error.detail)


def _refusal(status: int, text: str) -> JSONResponse:
    """Refuse in words; the shape of Kayzen's error bodies is not known."""
    return JSONResponse({"error": text}, status_code=status)


def _json_object(body: str) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _positive(value: str | int, name: str) -> int:
    number = int(value) if str(value).isdecimal() else 0
    if number < 1:
        msg = f"{name} must be a positive integer"
        raise ValueError(msg)
    return number
