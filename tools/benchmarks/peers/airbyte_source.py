"""Peer: a declarative source of the Airbyte CDK.

Usage: airbyte_source.py CONFIG. Reads with the CDK's own `read` command.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from airbyte_cdk.entrypoint import launch
from airbyte_cdk.sources.declarative.concurrent_declarative_source import (
    ConcurrentDeclarativeSource,
)
from common import log_in

config = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
SCHEMA = json.loads(
    (Path(__file__).parents[3] / "tap_kayzen/schemas/campaigns.json").read_text(
        encoding="utf-8"
    )
)
MANIFEST: dict[str, Any] = {
    "version": "7.0.0",
    "type": "DeclarativeSource",
    "check": {"type": "CheckStream", "stream_names": ["campaigns"]},
    "streams": [
        {
            "type": "DeclarativeStream",
            "name": "campaigns",
            "primary_key": ["id"],
            "retriever": {
                "type": "SimpleRetriever",
                "requester": {
                    "type": "HttpRequester",
                    "url_base": "{{ config['api_url'] }}/v1/",
                    "path": "campaigns",
                    "http_method": "GET",
                    "authenticator": {
                        "type": "BearerAuthenticator",
                        "api_token": "{{ config['token'] }}",
                    },
                },
                "record_selector": {
                    "type": "RecordSelector",
                    "extractor": {"type": "DpathExtractor", "field_path": ["data"]},
                },
                "paginator": {
                    "type": "DefaultPaginator",
                    "page_token_option": {
                        "type": "RequestOption",
                        "inject_into": "request_parameter",
                        "field_name": "page",
                    },
                    "page_size_option": {
                        "type": "RequestOption",
                        "inject_into": "request_parameter",
                        "field_name": "per_page",
                    },
                    "pagination_strategy": {
                        "type": "PageIncrement",
                        "start_from_page": 1,
                        "page_size": 100,
                    },
                },
            },
            "schema_loader": {"type": "InlineSchemaLoader", "schema": SCHEMA},
        }
    ],
    "spec": {
        "type": "Spec",
        "connection_specification": {"type": "object", "properties": {}},
    },
}
CATALOG = {
    "streams": [
        {
            "stream": {
                "name": "campaigns",
                "json_schema": SCHEMA,
                "supported_sync_modes": ["full_refresh"],
            },
            "sync_mode": "full_refresh",
            "destination_sync_mode": "overwrite",
        }
    ]
}

with tempfile.TemporaryDirectory() as folder:
    paths = {}
    settings = {"api_url": config["api_url"], "token": log_in(config)}
    for name, content in (("config", settings), ("catalog", CATALOG)):
        paths[name] = Path(folder) / f"{name}.json"
        paths[name].write_text(json.dumps(content), encoding="utf-8")
    arguments = ["read", "--config", str(paths["config"])]
    arguments += ["--catalog", str(paths["catalog"])]
    source = ConcurrentDeclarativeSource(
        catalog=None,
        config=settings,
        state=None,
        source_config=MANIFEST,
    )
    launch(source, arguments)
