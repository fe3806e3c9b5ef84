"""What a refusal says in the words of an API gateway.

Kayzen's API ran behind Apigee once; see docs/kayzen-api.md#gateway for the words and
their sources. They are looked for in the whole body, whose shape may differ.
"""

from __future__ import annotations

import re

RATE_LIMIT = re.compile(rb"policies\.ratelimit", re.IGNORECASE)

NO_RIGHT = re.compile(rb"api[ _-]?(?:product|resource)", re.IGNORECASE)


def names_rate_limit(body: bytes) -> bool:
    """Return whether a refusal comes from a quota or a spike arrest.

    Such as ``policies.ratelimit.QuotaViolation``, which older set-ups send with HTTP
    500.
    """
    return bool(RATE_LIMIT.search(body))


def names_no_right(body: bytes) -> bool:
    """Return whether an HTTP 401 is about the path, and the token is good.

    Such as ``keymanagement.service.InvalidAPICallAsNoApiProductMatchFound``.
    """
    return bool(NO_RIGHT.search(body))
