"""Names of fields that hold secrets, such as the API keys of apps."""

from __future__ import annotations

import re
from functools import lru_cache

MAX_NAMES = 10_000
"""Size of the cache of names; a stream has a few dozen."""

WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
"""A word of a name in any notation, such as camelCase; digits are ignored."""

SECRET_ENDS = (
    *("auth", "authorization", "bearer", "credential", "hmac", "jwt", "passphrase"),
    *("passwd", "password", "pwd", "secret", "token"),
    *(
        f"{owner}key"
        for owner in (
            *("access", "api", "app", "auth", "callback", "client", "decryption"),
            *("dev", "developer", "encryption", "hmac", "integration", "license"),
            *("master", "postback", "private", "sdk", "secret", "security", "server"),
            *("service", "shared", "signature", "signing", "ssh", "webhook"),
        )
    ),
)
"""Endings of names of secrets, singular and without separators."""

TAILS = frozenset(
    {
        *("android", "base", "current", "encrypted", "hash", "hashed", "header", "hex"),
        *("ios", "live", "new", "old", "pem", "plain", "prod", "production", "raw"),
        *("sandbox", "staging", "string", "test", "text", "v", "value"),
    }
)
"""Last words to ignore: ``api_key_value`` is as secret as ``api_key``."""

SIGNATURE_ENDS = ("sig", "signature")
"""Further endings of secrets in URLs: a signed URL grants access by itself."""

WORDS_ON_KEY = ("donkey", "hockey", "jockey", "monkey", "turkey", "turnkey", "whiskey")
"""Ends of names that are words: names of countries and categories are names of fields
where numbers are given for each."""

QUESTIONS = frozenset(
    {"allow", "allows", "has", "is", "needs", "requires", "supports", "uses"}
)
"""First words of names of booleans, such as ``has_api_key``."""


@lru_cache(MAX_NAMES)
def is_secret(name: str) -> bool:
    """Return whether a field is named like a secret: `apiKey`, `s2s-token`."""
    return _core(name).endswith(SECRET_ENDS)


@lru_cache(MAX_NAMES)
def is_secret_or_key(name: str) -> bool:
    """Return whether a field is named like a secret, or like a key of any kind."""
    core = _core(name)
    return is_secret(name) or (core.endswith("key") and not core.endswith(WORDS_ON_KEY))


@lru_cache(MAX_NAMES)
def is_secret_parameter(name: str) -> bool:
    """Return whether a query parameter is named like a secret: `sig`, `api_key`."""
    return is_secret_or_key(name) or _core(name).endswith(SIGNATURE_ENDS)


def _core(name: str) -> str:
    """Return the letters of a name, without the last words in `TAILS`."""
    words = [word.lower() for word in WORD.findall(name)]
    if words and words[0] in QUESTIONS:
        return ""
    while words and words[-1] in TAILS:
        del words[-1]
    return "".join(words).removesuffix("s")
