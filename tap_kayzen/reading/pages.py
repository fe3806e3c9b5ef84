"""Pages: response bodies parsed into undecoded rows."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from tap_kayzen.api.errors import EnvelopeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    Row = dict[str, Any]

FIRST_PAGE = 1

MAX_COUNT_DIGITS = 18
"""Maximum number of digits of a plausible row or page count."""


@dataclass(frozen=True)
class Page:
    """One page of a response.

    Rows stay encoded as JSON until they are needed, so that buffered pages are small.

    Attributes:
        rows: The rows.
        total_pages: Number of pages of the list, if the response contains it.
        total_entries: Number of rows of the list, if the response contains it.
    """

    rows: Sequence[msgspec.Raw | Row]
    total_pages: int | None = None
    total_entries: int | None = None

    def decode(self) -> list[Row]:
        """Decode the rows, with numbers as int or Decimal.

        Raises:
            ValueError: A row cannot be decoded.
        """
        try:
            return [
                _VALUE.decode(row) if type(row) is msgspec.Raw else row
                for row in self.rows
            ]
        except (ArithmeticError, RecursionError, msgspec.DecodeError):
            return [
                decode(row) if isinstance(row, msgspec.Raw) else row
                for row in self.rows
            ]

    @cached_property
    def _fingerprint(self) -> tuple[int, int]:
        hashes = [
            hash(_text(row)) if isinstance(row, msgspec.Raw) else hash(repr(row))
            for row in self.rows
        ]
        return hash(tuple(sorted(hashes))), len(set(hashes))

    @property
    def digest(self) -> int:
        """Hash of the rows in any order; valid within one process."""
        return self._fingerprint[0]

    @property
    def distinct(self) -> int:
        """Number of distinct rows."""
        return self._fingerprint[1]

    @property
    def edge_hash(self) -> int:
        """Hash of the first row, the last row, and the number of rows.

        Much cheaper than `digest`, and equally reliable for rows with an ID.
        """
        ends = [self.rows[0], self.rows[-1]] if self.rows else []
        texts = [repr(row) if isinstance(row, dict) else bytes(row) for row in ends]
        return hash((len(self.rows), *texts))


class _Envelope(msgspec.Struct):
    data: list[msgspec.Raw]
    meta: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_BARE = msgspec.json.Decoder(list[msgspec.Raw])
_VALUE = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def parse_page(body: bytes) -> Page:
    """Parse the envelope of a list or report response without decoding its rows.

    The documented envelope is ``{"data": [...], "meta": {"current_page": 1,
    "total_pages": 29, "total_entries": 58}}``. Public clients also handle one object in
    ``data``, a bare list, and a bare object, all without ``meta``, and ``metadata``
    instead of ``meta``. Source: docs/kayzen-api.md#lists.

    ``NaN`` and ``Infinity``, which are invalid JSON but sent by some servers, become
    strings.

    Raises:
        EnvelopeError: The JSON is not a list of objects in any of these envelopes.
        ValueError: The body is not JSON.
    """
    with suppress(msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        if body[:1] == b"[":
            envelope = _Envelope(_BARE.decode(body))
        else:
            envelope = _ENVELOPE.decode(body)
        # `msgspec.Raw` does not check for invalid UTF-8. Check row by row: a thread
        # holds on to the memory of large strings.
        if all(str(row, "utf-8")[0] == "{" for row in envelope.data):
            return Page(
                envelope.data, *_parse_totals(envelope.meta or envelope.metadata)
            )
    payload = decode(body)
    meta: object = None
    data = payload
    if isinstance(payload, dict) and "data" in payload:
        data, meta = payload["data"], payload.get("meta") or payload.get("metadata")
    # A bare object without an ID is more likely an error message.
    if isinstance(data, dict) and "id" in data:
        data = [data]
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        msg = "a list of records"
        raise EnvelopeError(msg)
    return Page(_encode_rows(data), *_parse_totals(meta))


def _encode_rows(rows: list[Row]) -> Sequence[msgspec.Raw | Row]:
    """Re-encode rows as strict JSON; return them unchanged if that fails."""
    try:
        return [msgspec.Raw(_ENCODER.encode(row)) for row in rows]
    except (UnicodeEncodeError, msgspec.EncodeError, RecursionError):
        return rows


def decode(text: bytes | msgspec.Raw) -> Any:  # noqa: ANN401
    """Decode JSON, with numbers as int or Decimal.

    Raises:
        ValueError: The text is not JSON.
    """
    try:
        try:
            return _VALUE.decode(text)
        except msgspec.DecodeError:
            # The standard library also accepts NaN, lone surrogates, and UTF-16.
            return json.loads(bytes(text), parse_float=Decimal, parse_constant=str)
    except (ArithmeticError, RecursionError) as error:
        msg = "a number is too large, or objects are nested too deeply"
        raise ValueError(msg) from error


def _text(row: msgspec.Raw) -> str:
    return str(row, "utf-8")


def _parse_totals(meta: object) -> tuple[int | None, int | None]:
    if not isinstance(meta, dict):
        return None, None
    pages, entries = meta.get("total_pages"), meta.get("total_entries")
    return _parse_count(pages) or None, _parse_count(entries)


def _parse_count(value: object) -> int | None:
    """Parse a count in ``meta``, which can be a string."""
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        return None
    # Check the magnitude first: int(Decimal("1E+999999")) is slow.
    is_count = (
        number.is_finite() and number >= 0 and number.adjusted() < MAX_COUNT_DIGITS
    )
    return int(number) if is_count else None
