"""Peer: a minimal loop, as the practical limit of Python.

Usage: loop.py CONFIG {json|orjson} [THREADS]. Floats, no checks, no retries.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import requests
from common import log_in
from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from collections.abc import Callable

PER_PAGE = 100

config = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
threads = int(sys.argv[3]) if len(sys.argv) > 3 else 1  # noqa: PLR2004
loads: Callable[[bytes], Any] = json.loads
dumps: Callable[[Any], bytes] = orjson.dumps
if sys.argv[2] == "orjson":
    loads = orjson.loads
else:

    def dumps(message: Any) -> bytes:  # noqa: ANN401
        """Encode as the SDK does by default."""
        return json.dumps(message, default=str, separators=(",", ":")).encode()


session = requests.Session()
session.mount("http://", HTTPAdapter(pool_maxsize=threads))
session.headers["Authorization"] = f"Bearer {log_in(config)}"


def page(number: int) -> bytes:
    """Fetch a page."""
    response = session.get(
        f"{config['api_url']}/v1/campaigns",
        params={"page": number, "per_page": PER_PAGE},
        timeout=60,
    )
    return response.content


def write(answer: dict[str, Any]) -> None:
    """Write the records of a page as Singer messages."""
    now = datetime.now(timezone.utc)
    for record in answer["data"]:
        message = {
            "type": "RECORD",
            "stream": "campaigns",
            "record": record,
            "time_extracted": now,
        }
        sys.stdout.buffer.write(dumps(message) + b"\n")


first = loads(page(1))
write(first)
rest = range(2, first["meta"]["total_pages"] + 1)
with ThreadPoolExecutor(threads) as pool:
    for body in pool.map(page, rest) if threads > 1 else map(page, rest):
        write(loads(body))
