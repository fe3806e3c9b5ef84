"""Keeping secrets out of everything that is printed."""

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

SHORT_SECRET = 4
"""Characters below which blotting out a secret would show more than it hides."""

BODY_SHOWN = 200
"""Characters of a server's words that a message quotes."""

BODY_SEARCHED = 100 * BODY_SHOWN
"""Characters of a response that are searched for secrets before it is cut."""

URL_LOGIN = re.compile(r"(?<=://)[^/\s@'\"]+@")
"""What stands before the host of a URL, such as a proxy's."""

FIELD = re.compile(
    r"""(?P<start>"(?P<name>[^"\\]{1,100})"\s*:\s*)"""
    r"""("(?:[^"\\]|\\.)*"?|[\[{].*|[^\s,}\]]*)""",
    re.DOTALL,
)
"""A field in JSON that may be cut off; an array or object extends to the end."""

PARAMETER = re.compile(
    r"(?P<start>(?:[?&#;]|\\+u00(?:3f|26|23)|%(?:25)*(?:3f|26|23))"
    r"(?P<name>[\w.\[\]~-]{1,100})(?:=|\\+u003d|%(?:25)*3d))"
    r"""[^\s&#"'`<>\\]+""",
    re.IGNORECASE,
)
"""A query parameter of a URL, which may be escaped for JSON, or within another URL."""

NEVER_ESCAPED = re.compile(r"[A-Za-z0-9_.-]")


class Redactor:
    """Blots secrets out of text, in all forms that they travel in.

    As they are, escaped for JSON, Python, HTML or a URL, character by character, and
    in base64, alone or within something longer, such as the Basic header.
    """

    def __init__(self, config: Mapping[str, object]) -> None:
        """Know the secrets of the settings, and those of proxies."""
        self._has_short = False
        self._secrets: set[str] = set()
        self._pattern = URL_LOGIN
        secrets = [str(config[name]) for name in SECRET_SETTINGS if config.get(name)]
        pairs = [f"{config['api_key']}:{config['api_secret']}"]
        for url in getproxies().values():
            login = url.rpartition("@")[0].rpartition("://")[2]
            pairs += [login, unquote(login)]
        secrets += [pair.partition(":")[2] for pair in pairs]
        # Where libraries cut a password that is not encoded as it should be.
        secrets += [part for pair in pairs[1:] for part in re.split("[/?#@]", pair)]
        self.add(filter(None, [*secrets, *pairs]))

    def add(self, secrets: Iterable[str]) -> None:
        """Know more secrets, such as a token."""
        for secret in secrets:
            if len(secret) < SHORT_SECRET:
                self._has_short = True
            else:
                self._secrets |= {secret, *_in_base64(secret)}
        # The longest first: one may be part of another.
        ordered = sorted(self._secrets, key=lambda secret: (-len(secret), secret))
        forms = ["".join(map(_any_form, secret)) for secret in ordered]
        self._pattern = re.compile("|".join([*forms, URL_LOGIN.pattern]))

    def redact(self, text: str) -> str:
        """Blot the secrets out of a text of the tap's own or of a library's.

        Also query parameters named like a secret, such as those of the URLs in
        Kayzen's records.
        """
        text = self._pattern.sub("***", text)
        return _without(is_secret_parameter, text, PARAMETER)

    def excerpt(self, body: bytes, *, may_have_rows: bool = False) -> str:
        """Quote the beginning of a response, on one line.

        Rows may hold other secrets, such as the API key of an app. The tap does not
        know these values, so it masks fields by name. In rows, any key may be one; a
        refusal may call what it is about a key.
        """
        if self._has_short:
            return "(not shown, as it may hold a secret)"
        text = self._pattern.sub("***", body.decode(errors="replace"))[:BODY_SEARCHED]
        text = _without(is_secret_parameter, text, PARAMETER)
        text = _without(is_secret_or_key if may_have_rows else is_secret, text)
        return " ".join(text.split())[:BODY_SHOWN] or "(empty body)"

    def guard(self) -> None:
        """Let no handler of any logger print a secret, tracebacks included."""
        names = logging.root.manager.loggerDict
        loggers = [logging.getLogger(), *map(logging.getLogger, names)]
        for handler in {each for logger in loggers for each in logger.handlers}:
            inner = handler.formatter
            # Of another tap in this process.
            if isinstance(inner, _RedactingFormatter):
                inner = inner.inner
            handler.setFormatter(_RedactingFormatter(inner, self))


class _RedactingFormatter(logging.Formatter):
    """Formats as another one does, without the secrets."""

    def __init__(self, inner: logging.Formatter | None, redactor: Redactor) -> None:
        super().__init__()
        self.inner = inner or logging.Formatter()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        return self._redactor.redact(self.inner.format(record))


def log_python_output(logger: logging.Logger) -> None:
    """Lead what Python itself would print to the log, which is redacted.

    That is warnings, tracebacks, and what `http.client` prints in its debug mode:
    headers included, and in between the messages on stdout.
    """

    def uncaught(
        kind: type[BaseException],
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        logger.critical("Unexpected", exc_info=(kind, error or kind(), trace))

    def printed(*words: object) -> None:
        logger.debug("http.client: %s", " ".join(map(str, words)))

    logging.captureWarnings(capture=True)
    sys.excepthook = uncaught
    threading.excepthook = lambda args: uncaught(*args[:3])
    sys.unraisablehook = lambda args: uncaught(
        args.exc_type, args.exc_value, args.exc_traceback
    )
    vars(http.client)["print"] = printed


def _without(
    is_secret: Callable[[str], bool], text: str, pattern: re.Pattern[str] = FIELD
) -> str:
    """Mask the values of fields, or of what a pattern finds, named like a secret."""
    parts, place = [], 0
    while match := pattern.search(text, place):
        if is_secret(match["name"]):
            parts += [text[place : match.end("start")], "***"]
            place = match.end()
        else:
            # The value may itself contain fields.
            parts.append(text[place : match.end("start")])
            place = match.end("start")
    return "".join([*parts, text[place:]])


@cache
def _any_form(character: str) -> str:
    """Return a pattern of all ways to write a character, even escaped repeatedly."""
    raw = re.escape(character)
    # Nobody escapes these, and long tokens of them would take long to compile.
    if NEVER_ESCAPED.fullmatch(character):
        return raw
    units = character.encode("utf-16-be", "surrogatepass")
    octets = character.encode("utf-8", "surrogatepass")
    entity = html.escape(character).removeprefix("&").removesuffix(";")
    point = ord(character)
    escapes = [
        "".join(rf"%(?:25)*{octet:02x}" for octet in octets),
        "".join(rf"\\+x{octet:02x}" for octet in octets),
        "".join(rf"\\+u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)),
        rf"\\+U{point:08x}",
        rf"\\+x{point:02x}",
        rf"&(?:amp;)*(?:{re.escape(entity)}|#0*{point}|#x0*{point:x});",
    ]
    plain = r"\\+" if character == "\\" else rf"\\{{0,8}}{raw}"
    space = r"|\+" if character == " " else ""
    return rf"(?:{plain}|(?i:{'|'.join(escapes)}){space})"


def _in_base64(secret: str) -> Iterator[str]:
    """Yield what base64 makes of a secret, alone or within a longer text.

    Three bytes make four characters, so it depends on how many bytes come before.
    Characters that also hold bits of the neighbours are left out.
    """
    octets = secret.encode("utf-8", "surrogatepass")
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(octets).decode()
        for before, shared in enumerate((0, 2, 3)):
            coded = encode(bytes(before) + octets).decode()
            yield coded[shared : (before + len(octets)) * 8 // 6]
