"""Text files as people save them: with or without a byte order mark."""

from __future__ import annotations

import codecs

ENCODINGS = {
    codecs.BOM_UTF8: "utf-8-sig",
    # Before that of UTF-16, which is its beginning.
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Encodings by their byte order marks; PowerShell's ``>`` writes UTF-16."""


def decoded(content: bytes) -> str:
    """Return the text of a file, which is UTF-8 unless a byte order mark says else.

    Raises:
        UnicodeError: It is not.
    """
    encoding = next(
        (name for mark, name in ENCODINGS.items() if content.startswith(mark)), "utf-8"
    )
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        text = "\0"
    # Without a mark, UTF-16 passes for UTF-8 with zeros in between.
    if "\0" in text:
        raise UnicodeError
    return text
