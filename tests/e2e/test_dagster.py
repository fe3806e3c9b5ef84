"""A backfill on many machines: examples/dagster, with a process for each day."""

from __future__ import annotations

import json
import subprocess
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import demo
import psycopg
import pytest
from dagster import dev

if TYPE_CHECKING:
    from collections.abc import Generator

    from support import Sandbox

DEFINITIONS = dev.HERE / "definitions.py"
TODAY = datetime.now(timezone.utc).date()
DAYS = [str(TODAY - timedelta(days)) for days in range(90, 0, -1)]
REPORT = "campaigns"
