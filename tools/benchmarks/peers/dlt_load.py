"""Peer: dlt's `rest_api` source, or its client for the report, into PostgreSQL.

Usage: dlt_load.py CONFIG {campaigns|campaign_performance} DATABASE SCHEMA. Merges on
the key. The fastest settings we found: files of CSV, which are loaded with COPY, two
workers, and no child tables.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.update(
    {
        "NORMALIZE__WORKERS": "2",
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "ERROR",
    }
)

import dlt
from account import CAMPAIGNS, KEYS, PAGE_ROWS, body, schema_of, windows
from common import log_in
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
from dlt.sources.helpers.rest_client.paginators import PageNumberPaginator
from dlt.sources.rest_api import rest_api_source

if TYPE_CHECKING:
    from collections.abc import Iterator

TOTAL = "meta.total_pages"
TYPES = {
    "number": "decimal",
    "array": "json",
    "object": "json",
    "date": "date",
    "date-time": "timestamp",
}

path, stream, database, schema = sys.argv[1:]
config = json.loads(Path(path).read_text(encoding="utf-8"))
base = f"{config['api_url']}/v1/"
token = log_in(config)


def columns() -> dict[str, Any]:
    """Return the columns whose types dlt would infer differently."""
    found = {}
    for name, definition in schema_of(stream)["properties"].items():
        types = definition["type"]
        kind = types if isinstance(types, str) else types[0]
        kind = definition.get("format", kind)
        if kind in TYPES and name != "_extra":
            found[name] = {"data_type": TYPES[kind]}
    return found


@dlt.resource(name=stream)
def report() -> Iterator[Any]:
    """Yield the pages of all windows."""
    client = RESTClient(base, auth=BearerTokenAuth(token))
    for window in windows(config):
        yield from client.paginate(
            "report_data",
            method="POST",
            json=body(window),
            paginator=PageNumberPaginator(
                base_page=1, page_body_path="page", page_param=None, total_path=TOTAL
            ),
            data_selector="data",
        )


def campaigns() -> Any:  # noqa: ANN401
    """Return the resource of the list."""
    source = rest_api_source(
        {
            "client": {
                "base_url": base,
                "auth": {"type": "bearer", "token": token},
                "paginator": PageNumberPaginator(base_page=1, total_path=TOTAL),
            },
            "resources": [
                {
                    "name": stream,
                    "endpoint": {
                        "path": "campaigns",
                        "params": {"per_page": PAGE_ROWS // 10},
                        "data_selector": "data",
                    },
                }
            ],
        },
        name="kayzen",
    )
    return source.resources[stream]


with tempfile.TemporaryDirectory() as folder:
    resource = campaigns() if stream == CAMPAIGNS else report()
    resource.max_table_nesting = 0
    resource.apply_hints(columns=columns())
    pipeline = dlt.pipeline(
        "kayzen_benchmark",
        pipelines_dir=folder,
        dataset_name=schema,
        destination=dlt.destinations.postgres(database),
    )
    pipeline.run(
        resource,
        primary_key=KEYS[stream],
        write_disposition={"disposition": "merge", "strategy": "upsert"},
        loader_file_format="csv",
    )
