"""Masks secrets in everything that the tap prints."""

from __future__ import annotations

import base64
import html
import http.client
import logging
import re
import sys
import threading
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import unquote
from urllib.request import getproxies

from tap_kayzen.output.secret_names import (
    is_secret,
    is_secret_or_key,
    is_secret_parameter,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from types import TracebackType

SECRET_SETTINGS = ("password", "api_key", "api_secret", "audience_api_key")

MIN_SECRET_CHARS = 4
"""Minimum length of a secret to mask; masking shorter ones would reveal them."""

BODY_SHOWN = 200
"""Maximum length of the quote from a response, in characters."""

BODY_SEARCHED = 100 * BODY_SHOWN
"""Number of characters of a response that are searched for secrets."""

BODY_CUT = 10_000
"""Characters before a cut that are not shown: half a secret is not recognized."""

HIDDEN = "(not shown, as it may hold a secret)"

BACKSLASHES = r"\\{1,64}"
"""A pattern of what several escapes make of a backslash."""

URL_LOGIN = re.compile(r"(?<=://)[^/\s@'\"]+@")
"""Matches the login in a URL, such as a proxy's."""

FIELD = re.compile(
    r"""(?P<start>"(?P<name>[^"\\]{1,100})"\s*:\s*)"""
    r"""("(?:[^"\\]|\\.)*"?|[\[{].*|[^\s,}\]]*)""",
    re.DOTALL,
)
"""Matches a field of possibly truncated JSON; arrays and objects extend to the end."""

PARAMETER = re.compile(
    r"(?P<start>(?:[?&#;]|(?<!\\)\\+u00(?:3f|26|23)|%(?:25)*(?:3f|26|23))"
    r"(?P<name>(?:[\w.\[\]~-]|%(?:25)*(?:5b|5d|5f|2d|2e)){1,100})"
    r"(?:=|\\+u003d|%(?:25)*3d))",
    re.IGNORECASE,
)
"""Matches the name of a URL parameter, also if escaped for JSON or nested in a URL."""

PARAMETER_VALUE = re.compile(r"""(?:[^\s&#"'`<>\\]|\\+/)+""")
"""Matches the value of a URL parameter, in which JSON may escape slashes."""

PERCENT = re.compile(r"%(?:25)+", re.IGNORECASE)
"""Matches a percent sign that is escaped itself, even repeatedly."""

NEVER_ESCAPED = re.compile(r"[A-Za-z0-9_.-]")


class Redactor:
    """Masks secrets in text, in all forms in which they can occur.

    These forms are: plain; escaped for JSON, Python, HTML, or URLs, in whole or in
    part; and in base64, alone or within longer text such as a Basic header.
    """

    def __init__(self, config: Mapping[str, object]) -> None:
        """Initialize the redactor with the secrets of the settings and of proxies."""
        self._has_short = False
        self._secrets: set[str] = set()
        self._pattern = URL_LOGIN
        secrets = [str(config[name]) for name in SECRET_SETTINGS if config.get(name)]
        pairs = [f"{config['api_key']}:{config['api_secret']}"]
        for url in getproxies().values():
            login = url.rpartition("@")[0].rpartition("://")[2]
            pairs += [login, unquote(login)]
        secrets += [pair.partition(":")[2] for pair in pairs]
        # Libraries split passwords with unencoded reserved characters.
        secrets += [part for pair in pairs[1:] for part in re.split("[/?#@]", pair)]
        self.add(filter(None, [*secrets, *pairs]))

    def add(self, secrets: Iterable[str]) -> None:
        """Add secrets, such as a token."""
        for secret in secrets:
            if len(secret) < MIN_SECRET_CHARS:
                self._has_short = True
            else:
                self._secrets |= {secret, *_in_base64(secret)}
        # Longest first, because one secret can be part of another.
        ordered = sorted(self._secrets, key=lambda secret: (-len(secret), secret))
        forms = map(_any_form, ordered)
        self._pattern = re.compile("|".join([*forms, URL_LOGIN.pattern]))

    def redact(self, text: str) -> str:
        """Mask all known secrets in a text, and URL parameters named like a secret.

        Such parameters occur in the URLs of Kayzen's records.
        """
        text = self._pattern.sub("***", text)
        return _mask_parameters(text)

    def excerpt(self, body: bytes, *, may_have_rows: bool = False) -> str:
        """Return the beginning of a response on one line, with secrets masked.

        Rows can contain secrets that the tap does not know, such as the API key of an
        app, so fields are masked by name.

        Args:
            body: The body of the response.
            may_have_rows: Whether to mask fields named like any kind of key. Without
                rows, a key is more likely what an error message is about.
        """
        if self._has_short:
            return HIDDEN
        beginning = body[: BODY_SEARCHED + BODY_CUT]
        text = self._pattern.sub("***", beginning.decode(errors="replace"))
        if len(beginning) < len(body) and not (text := text[:-BODY_CUT]):
            return HIDDEN
        text = text[:BODY_SEARCHED]
        text = _mask_parameters(text)
        text = _without(is_secret_or_key if may_have_rows else is_secret, text)
        return printable(" ".join(text.split())[:BODY_SHOWN]) or "(empty body)"

    def guard(self) -> None:
        """Mask secrets in all existing log handlers, including in tracebacks."""
        names = logging.root.manager.loggerDict
        loggers = [logging.getLogger(), *map(logging.getLogger, names)]
        for handler in {each for logger in loggers for each in logger.handlers}:
            inner = handler.formatter
            # From another tap in this process.
            if isinstance(inner, _RedactingFormatter):
                inner = inner.inner
            handler.setFormatter(_RedactingFormatter(inner, self))


class _RedactingFormatter(logging.Formatter):
    """Formatter that masks secrets in the output of another formatter."""

    def __init__(self, inner: logging.Formatter | None, redactor: Redactor) -> None:
        super().__init__()
        self.inner = inner or logging.Formatter()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        return self._redactor.redact(self.inner.format(record))


def log_python_output(logger: logging.Logger) -> None:
    """Redirect the output of Python itself to the log, where secrets are masked.

    This covers warnings, tracebacks, and the debug output of `http.client`, which
    includes headers and would go to stdout, between the Singer messages.
    """

    def uncaught(
        kind: type[BaseException],
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        logger.critical("Unexpected error", exc_info=(kind, error or kind(), trace))

    def printed(*words: object) -> None:
        logger.debug("http.client: %s", " ".join(map(str, words)))

    logging.captureWarnings(capture=True)
    sys.excepthook = uncaught
    threading.excepthook = lambda args: uncaught(*args[:3])
    sys.unraisablehook = lambda args: uncaught(
        args.exc_type, args.exc_value, args.exc_traceback
    )
    vars(http.client)["print"] = printed


def _mask_parameters(text: str) -> str:
    """Mask the values of URL parameters that are named like a secret."""
    parts, place = [], 0
    # Values of other parameters are not matched: they can themselves contain URLs.
    while match := PARAMETER.search(text, place):
        parts.append(text[place : match.end()])
        place = match.end()
        if is_secret_parameter(unquote(PERCENT.sub("%", match["name"]))):
            value = PARAMETER_VALUE.match(text, place)
            if value is not None:
                parts.append("***")
                place = value.end()
    return "".join([*parts, text[place:]])


def _without(is_secret: Callable[[str], bool], text: str) -> str:
    """Mask the values of fields that are named like a secret."""
    parts, place = [], 0
    while match := FIELD.search(text, place):
        if is_secret(match["name"]):
            parts += [text[place : match.end("start")], "***"]
            place = match.end()
        else:
            # The value itself can contain fields.
            parts.append(text[place : match.end("start")])
            place = match.end("start")
    return "".join([*parts, text[place:]])


def printable(text: str) -> str:
    """Replace control characters, which may do anything to a terminal."""
    return "".join(each if each.isprintable() else "\ufffd" for each in text)


def _any_form(text: str) -> str:
    """Return a pattern for all escaped forms of a text, even nested escapes."""
    # Match a run of backslashes from its start only; otherwise, the search time would
    # be quadratic in its length.
    first = _any_character_form(text[0], before=r"(?<!\\)")
    return "".join([first, *map(_any_character_form, text[1:])])


@cache
def _any_character_form(character: str, before: str = "") -> str:
    """Return a pattern for all escaped forms of a character, even nested escapes.

    Args:
        character: The character to match.
        before: Pattern that must precede the backslashes.
    """
    raw = re.escape(character)
    # These are never escaped, and long tokens would be slow to compile.
    if NEVER_ESCAPED.fullmatch(character):
        return raw
    units = character.encode("utf-16-be", "surrogatepass")
    octets = character.encode("utf-8", "surrogatepass")
    entity = html.escape(character).removeprefix("&").removesuffix(";")
    point = ord(character)
    pairs = [units[at : at + 2].hex() for at in range(0, len(units), 2)]
    escapes = [
        "".join(rf"%(?:25)*{octet:02x}" for octet in octets),
        before + "".join(rf"{BACKSLASHES}x{octet:02x}" for octet in octets),
        before + "".join(rf"{BACKSLASHES}u{pair}" for pair in pairs),
        rf"{before}{BACKSLASHES}U{point:08x}",
        rf"{before}{BACKSLASHES}x{point:02x}",
        rf"&(?:amp;)*(?:{re.escape(entity)}|#0*{point}|#x0*{point:x});",
    ]
    plain = before + BACKSLASHES if character == "\\" else rf"\\{{0,8}}{raw}"
    space = r"|\+" if character == " " else ""
    return rf"(?:{plain}|(?i:{'|'.join(escapes)}){space})"


def _in_base64(secret: str) -> Iterator[str]:
    """Yield the base64 forms of a secret, alone or within a longer text.

    Base64 encodes 3 bytes as 4 characters, so the form depends on the number of bytes
    before the secret. Characters that also encode adjacent bytes are left out.
    """
    octets = secret.encode("utf-8", "surrogatepass")
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(octets).decode()
        for before, shared in enumerate((0, 2, 3)):
            coded = encode(bytes(before) + octets).decode()
            yield coded[shared : (before + len(octets)) * 8 // 6]
