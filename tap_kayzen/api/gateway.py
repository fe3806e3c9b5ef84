"""Recognizes error codes of an API gateway in response bodies.

Kayzen's API once ran behind Apigee; docs/kayzen-api.md#gateway lists the error codes
and their sources. The whole body is searched, because its format is not documented.
"""

from __future__ import annotations

import re

RATE_LIMIT = re.compile(rb"policies\.ratelimit", re.IGNORECASE)

NO_RIGHT = re.compile(rb"api[ _-]?(?:product|resource)", re.IGNORECASE)


def reports_rate_limit(body: bytes) -> bool:
    """Return whether a gateway reports an exceeded quota or a spike arrest.

    Example: ``policies.ratelimit.QuotaViolation``, which older installations send with
    HTTP 500.
    """
    return bool(RATE_LIMIT.search(body))


def denies_permission(body: bytes) -> bool:
    """Return whether a gateway denies access to the path, despite a valid token.

    Example: ``keymanagement.service.InvalidAPICallAsNoApiProductMatchFound``.
    """
    return bool(NO_RIGHT.search(body))
