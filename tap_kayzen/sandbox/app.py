"""The sandbox's ASGI app: routes and handlers of Kayzen's API."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tap_kayzen.sandbox.access import TOKEN_PATH, AccessDeniedError
from tap_kayzen.sandbox.answers import (
    encode,
    envelope,
    json_object,
    json_response,
    matching,
    on_error,
    positive,
)
from tap_kayzen.sandbox.data import DEFAULT_ADVERTISER, find
from tap_kayzen.sandbox.list_calls import (
    AUDIENCES_PER_PAGE,
    CAMPAIGN_PARTS,
    DEFAULT_PER_PAGE,
    FILTERS,
    LISTS,
    LOOKUP_PER_PAGE,
    MAX_PER_PAGE,
    PRE_ENCODED,
    WITH_RECORDS,
)
from tap_kayzen.sandbox.report_calls import (
    DEFAULT_REPORT_OPTIONS,
    MAX_BENCHMARK_REPORTS,
    MAX_CACHED_REPORTS,
    ReportCalls,
    ReportOptions,
    body_of,
    date_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.middleware import Middleware
    from starlette.requests import Request

    from tap_kayzen.sandbox.access import Access
    from tap_kayzen.sandbox.basics import Record
    from tap_kayzen.sandbox.data import Dataset


class Api:
    """Request handlers for one dataset."""

    def __init__(
        self,
        dataset: Dataset,
        access: Access,
        *,
        pre_encoded: bool = False,
        reports: ReportOptions = DEFAULT_REPORT_OPTIONS,
    ) -> None:
        """Serve a dataset.

        Args:
            dataset: Data to serve.
            access: Checks logins and tokens.
            pre_encoded: Whether to encode the campaigns now and cache all reports, for
                fast responses. Lists then do not show later changes of campaigns.
            reports: Options of the report calls.
        """
        self.dataset = dataset
        self.access = access
        max_cached = MAX_BENCHMARK_REPORTS if pre_encoded else MAX_CACHED_REPORTS
        self.reports = ReportCalls(dataset, reports, max_cached)
        self._encoded = {
            (path, advertiser): [
                encode(row) for row in LISTS[path](dataset, advertiser)
            ]
            for path in PRE_ENCODED
            for advertiser in dataset.campaigns
            if pre_encoded
        }

    async def token(self, request: Request) -> JSONResponse:
        """Handle ``POST /v1/authentication/token``, with a form or JSON."""
        body = (await request.body()).decode("utf-8", errors="replace")
        kind = request.headers.get("Content-Type", "").partition(";")[0].strip()
        if kind == "application/json":
            form = json_object(body)
        elif kind == "application/x-www-form-urlencoded":
            form = dict(parse_qsl(body, keep_blank_values=True))
        else:
            raise HTTPException(415)
        authorization = request.headers.get("Authorization", "")
        return JSONResponse(self.access.log_in(authorization, form))

    def admit(self, request: Request, body: Record | None = None) -> int:
        """Check the token of a data call and return the ID of its advertiser.

        `advertiser_id` is documented for some calls and assumed for the others.

        Args:
            request: The request.
            body: Its JSON body, if the parameters are in the body.

        Raises:
            AccessDeniedError: The token is invalid.
            HTTPException: The login has no access to the advertiser.
        """
        self.access.check(request.headers.get("Authorization", ""))
        name = "advertiser_id"
        parameters = request.query_params if body is None else body
        advertiser = positive(parameters.get(name, DEFAULT_ADVERTISER), name)
        if advertiser not in self.dataset.campaigns:
            raise HTTPException(403, "Advertiser not allowed")
        return advertiser

    async def list(self, request: Request) -> Response:
        """Handle the calls in `LISTS`, with the documented envelope."""
        advertiser = self.admit(request)
        path, query = request.url.path, request.query_params
        usual = LOOKUP_PER_PAGE if path.startswith("/v1/meta/") else DEFAULT_PER_PAGE
        page = positive(query.get("page", 1), "page")
        per_page = positive(query.get("per_page", usual), "per_page")
        rows: Sequence[Record | bytes] | None = self._encoded.get((path, advertiser))
        if rows is None or query.get("q"):
            rows = LISTS[path](self.dataset, advertiser)
            rows = matching(rows, query, FILTERS.get(path, {}))
        return json_response(envelope(rows, page, min(per_page, MAX_PER_PAGE)))

    def requested(self, request: Request, path: str) -> Record:
        """Return the record whose ID is in the path of a request.

        Args:
            request: The request.
            path: Path of the list that has the record.

        Raises:
            AccessDeniedError: The token is invalid.
            HTTPException: The advertiser has no such record.
        """
        rows = LISTS[path](self.dataset, self.admit(request))
        record = find(rows, request.path_params["id"])
        if record is None:
            raise HTTPException(404)
        return record

    async def record(self, request: Request) -> Response:
        """Handle calls for a single record, returned without an envelope."""
        path, _, _ = request.url.path.rpartition("/")
        return json_response(self.requested(request, path))

    async def campaign_part(self, request: Request) -> Response:
        """Handle the calls in `CAMPAIGN_PARTS`."""
        campaign = self.requested(request, "/v1/campaigns")
        _, _, part = request.url.path.rpartition("/")
        return json_response(CAMPAIGN_PARTS[part](self.dataset, campaign))

    async def balance(self, request: Request) -> Response:
        """Handle ``GET /v1/balance``."""
        balance = self.dataset.balance[self.admit(request)]
        return json_response({"advertiser": balance})

    async def audiences(self, request: Request) -> Response:
        """Handle ``GET /audiences``, which Kayzen serves from another host."""
        query = request.query_params
        self.access.check_audience_key(query.get("apikey", ""))
        page = positive(query.get("page", 1), "page")
        rows = self.dataset.lists("audiences")[DEFAULT_ADVERTISER]
        return json_response(envelope(rows, page, AUDIENCES_PER_PAGE))

    async def report_data(self, request: Request) -> Response:
        """Handle ``POST /v1/report_data``."""
        body = body_of(await request.body())
        advertiser = self.admit(request, body or {})
        if body is None:
            raise HTTPException(422, "The body must be a JSON object")
        return json_response(self.reports.data(advertiser, body))

    async def report_results(self, request: Request) -> Response:
        """Handle ``GET /v1/reports/{id}/report_results``."""
        report = self.requested(request, "/v1/reports")
        return json_response(self.reports.results(report, request.query_params))

    async def set_today(self, request: Request) -> JSONResponse:
        """Set the current day of reports; not a call of Kayzen's API."""
        self.dataset.today = date_of(request.path_params["day"], "today")
        return JSONResponse({})

    async def delete_campaign(self, request: Request) -> JSONResponse:
        """Delete a campaign, to test deletions; not a call of Kayzen's API."""
        if not self.dataset.delete_campaign(request.path_params["id"]):
            raise HTTPException(404)
        return JSONResponse({})


def create_app(
    dataset: Dataset,
    access: Access,
    *,
    pre_encoded: bool = False,
    reports: ReportOptions = DEFAULT_REPORT_OPTIONS,
    middleware: Sequence[Middleware] = (),
) -> Starlette:
    """Create the sandbox's ASGI app.

    Args:
        dataset: Data to serve.
        access: Checks logins and tokens.
        pre_encoded: See `Api`.
        reports: Options of the report calls.
        middleware: ASGI middleware around the app, such as `sandbox.network`.
    """
    api = Api(dataset, access, pre_encoded=pre_encoded, reports=reports)
    return Starlette(
        routes=[
            Route(TOKEN_PATH, api.token, methods=["POST"]),
            Route("/v1/balance", api.balance, methods=["GET"]),
            Route("/v1/report_data", api.report_data, methods=["POST"]),
            Route(
                "/v1/reports/{id:int}/report_results",
                api.report_results,
                methods=["GET"],
            ),
            Route("/audiences", api.audiences, methods=["GET"]),
            *(Route(path, api.list, methods=["GET"]) for path in LISTS),
            *(
                Route(path + "/{id:int}", api.record, methods=["GET"])
                for path in WITH_RECORDS
            ),
            *(
                Route(
                    "/v1/campaigns/{id:int}/" + part,
                    api.campaign_part,
                    methods=["GET"],
                )
                for part in CAMPAIGN_PARTS
            ),
            Route("/sandbox/today/{day}", api.set_today, methods=["PUT"]),
            Route(
                "/sandbox/campaigns/{id:int}",
                api.delete_campaign,
                methods=["DELETE"],
            ),
        ],
        middleware=list(middleware),
        exception_handlers={HTTPException: on_error, AccessDeniedError: on_error},
    )
