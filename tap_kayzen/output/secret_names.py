"""Recognizes names of fields with secrets, such as the API keys of apps."""

from __future__ import annotations

import re
from functools import lru_cache

MAX_CACHED_NAMES = 10_000
"""Size of the name caches; a stream has a few dozen names."""

WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
"""Matches a word of a name in any case style; digits are ignored."""

SECRET_ENDINGS = (
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
"""Endings of names of secrets, in the singular and without separators."""

IGNORED_LAST_WORDS = frozenset(
    {
        *("android", "base", "current", "encrypted", "hash", "hashed", "header", "hex"),
        *("ios", "live", "new", "old", "pem", "plain", "prod", "production", "raw"),
        *("sandbox", "staging", "string", "test", "text", "v", "value"),
    }
)
"""Ignored last words: ``api_key_value`` is as secret as ``api_key``."""

SIGNATURE_ENDINGS = ("sig", "signature")
"""More endings of secret URL parameters: anyone can open a signed URL."""

WORDS_ENDING_IN_KEY = (
    "donkey",
    "hockey",
    "jockey",
    "monkey",
    "turkey",
    "turnkey",
    "whiskey",
)
"""Words that end in "key" but name no keys.

They occur as field names in objects with a value per country or category.
"""

BOOLEAN_PREFIXES = frozenset(
    {"allow", "allows", "has", "is", "needs", "requires", "supports", "uses"}
)
"""First words of boolean names, such as ``has_api_key``."""


@lru_cache(MAX_CACHED_NAMES)
def is_secret(name: str) -> bool:
    """Return whether a name suggests a secret, like ``apiKey`` or ``s2s-token``."""
    return _core(name).endswith(SECRET_ENDINGS)


@lru_cache(MAX_CACHED_NAMES)
def is_secret_or_key(name: str) -> bool:
    """Return whether a name suggests a secret or any kind of key."""
    core = _core(name)
    return is_secret(name) or (
        core.endswith("key") and not core.endswith(WORDS_ENDING_IN_KEY)
    )


@lru_cache(MAX_CACHED_NAMES)
def is_secret_parameter(name: str) -> bool:
    """Return whether a URL parameter's name suggests a secret, like ``sig``."""
    return is_secret_or_key(name) or _core(name).endswith(SIGNATURE_ENDINGS)


def _core(name: str) -> str:
    """Return a name in lowercase letters only, without ignored last words."""
    words = [word.lower() for word in WORD.findall(name)]
    if words and words[0] in BOOLEAN_PREFIXES:
        return ""
    while words and words[-1] in IGNORED_LAST_WORDS:
        del words[-1]
    return "".join(words).removesuffix("s")
