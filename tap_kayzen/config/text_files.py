"""Decodes text files with or without a byte order mark."""

from __future__ import annotations

import codecs

ENCODINGS = {
    codecs.BOM_UTF8: "utf-8-sig",
    # Before UTF-16, whose mark is a prefix of this one.
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Encodings by their byte order marks; PowerShell's ``>`` writes UTF-16."""


def decoded(content: bytes) -> str:
    """Decode the content of a text file: UTF-8, or as its byte order mark says.

    Raises:
        ValueError: The content cannot be decoded. The message says what to do.
    """
    encoding = next(
        (name for mark, name in ENCODINGS.items() if content.startswith(mark)), "utf-8"
    )
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        text = "\0"
    # UTF-16 without a mark looks like UTF-8 with null characters.
    if "\0" in text:
        raise UnicodeError
    return text
