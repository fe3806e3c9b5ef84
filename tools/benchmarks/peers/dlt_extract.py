"""Peer: dlt's `rest_api` source, only the extract step.

Usage: dlt_extract.py CONFIG. Writes to a temporary folder, as that step does.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import dlt
from common import log_in
from dlt.sources.helpers.rest_client.paginators import PageNumberPaginator
from dlt.sources.rest_api import rest_api_source

config = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
source = rest_api_source(
    {
        "client": {
            "base_url": f"{config['api_url']}/v1/",
            "auth": {"type": "bearer", "token": log_in(config)},
            "paginator": PageNumberPaginator(
                base_page=1, total_path="meta.total_pages"
            ),
        },
        "resources": [
            {
                "name": "campaigns",
                "primary_key": "id",
                "endpoint": {
                    "path": "campaigns",
                    "params": {"per_page": 100},
                    "data_selector": "data",
                },
            }
        ],
    },
    name="kayzen",
)
with tempfile.TemporaryDirectory() as folder:
    pipeline = dlt.pipeline("kayzen_benchmark", pipelines_dir=folder)
    pipeline.extract(source)
    written = Path(folder).rglob("*campaigns*")
    print(sum(path.stat().st_size for path in written if path.is_file()), "bytes")
