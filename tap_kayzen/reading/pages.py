"""Pages: the body of a response as rows that are not decoded yet."""

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
"""Digits of a number of rows or pages that makes sense."""


@dataclass(frozen=True)
class Page:
    """One page as it came, with the length of the whole if the response says it.

    Its rows stay JSON text until they are needed, so that pages that wait are small.
    """

    rows: Sequence[msgspec.Raw | Row]
    total_pages: int | None = None
    total_entries: int | None = None

    def decode(self) -> list[Row]:
        """Decode the rows, numbers as int or Decimal.

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
        marks = [
            hash(_text(row)) if isinstance(row, msgspec.Raw) else hash(repr(row))
            for row in self.rows
        ]
        return hash(tuple(sorted(marks))), len(set(marks))

    @property
    def digest(self) -> int:
        """A number that is the same for the same rows in any order, in one process."""
        return self._fingerprint[0]

    @property
    def distinct(self) -> int:
        """Number of different rows."""
        return self._fingerprint[1]

    @property
    def edges(self) -> int:
        """A number that is the same for as many rows between the same two, at once.

        Much cheaper than `digest`, and as good for rows with an ID.
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
    """Read the envelope of a list or report response, and leave its rows alone.

    Documented is ``{"data": [...], "meta": {"current_page": 1, "total_pages": 29,
    "total_entries": 58}}``. Public clients also know one object in ``data``, a bare
    list and a bare object, all without ``meta``, and ``metadata`` for ``meta``. Source:
    docs/kayzen-api.md#lists. ``NaN`` and ``Infinity``, which are not JSON but which
    some servers send, become the text of that name.

    Raises:
        EnvelopeError: The JSON is not a list of objects in any of these shapes.
        ValueError: The body is not JSON.
    """
    with suppress(msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        if body[:1] == b"[":
            envelope = _Envelope(_BARE.decode(body))
        else:
            envelope = _ENVELOPE.decode(body)
        # Looking for the ends of rows skips over text that is not UTF-8.
        # Row by row: what is large and made in a thread stays with it for long.
        if all(str(row, "utf-8")[0] == "{" for row in envelope.data):
            return Page(envelope.data, *_totals(envelope.meta or envelope.metadata))
    payload = decode(body)
    meta: object = None
    data = payload
    if isinstance(payload, dict) and "data" in payload:
        data, meta = payload["data"], payload.get("meta") or payload.get("metadata")
    # A bare object without an id is more likely the words of an error.
    if isinstance(data, dict) and "id" in data:
        data = [data]
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        msg = "a list of records"
        raise EnvelopeError(msg)
    return Page(_undecoded(data), *_totals(meta))


def _undecoded(rows: list[Row]) -> Sequence[msgspec.Raw | Row]:
    """Return rows as strict JSON text again, where there is any for them."""
    try:
        return [msgspec.Raw(_ENCODER.encode(row)) for row in rows]
    except (UnicodeEncodeError, msgspec.EncodeError, RecursionError):
        return rows


def decode(text: bytes | msgspec.Raw) -> Any:  # noqa: ANN401
    """Decode JSON, numbers as int or Decimal.

    Raises:
        ValueError: The text is not JSON.
    """
    try:
        try:
            return _VALUE.decode(text)
        except msgspec.DecodeError:
            # The standard library also reads NaN, lone surrogates, other encodings.
            return json.loads(bytes(text), parse_float=Decimal, parse_constant=str)
    except (ArithmeticError, RecursionError) as error:
        msg = "a number is too large, or objects are nested too deeply"
        raise ValueError(msg) from error


def _text(row: msgspec.Raw) -> str:
    return str(row, "utf-8")


def _totals(meta: object) -> tuple[int | None, int | None]:
    if not isinstance(meta, dict):
        return None, None
    pages, entries = meta.get("total_pages"), meta.get("total_entries")
    return _count(pages) or None, _count(entries)


def _count(value: object) -> int | None:
    """Read a number of ``meta``, which may come as text."""
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        return None
    # The size first: int(Decimal("1E+999999")) takes its time.
    is_count = (
        number.is_finite() and number >= 0 and number.adjusted() < MAX_COUNT_DIGITS
    )
    return int(number) if is_count else None
