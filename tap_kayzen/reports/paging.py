"""The pages of reports, and how one is recognised as the last."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.exceptions import FatalAPIError

from tap_kayzen.pagination import FIRST_PAGE, parse_page, totals
from tap_kayzen.transport import EnvelopeError

if TYPE_CHECKING:
    from tap_kayzen.pagination import Page


@dataclass(frozen=True)
class RawPage:
    """A page of a report as it came: what waits in memory is small that way.

    Attributes:
        body: JSON text.
        rows: How many rows it has.
        digest: The same for the same rows.
        total_pages: Pages of the whole, None if the answer does not say.
    """

    body: bytes
    rows: int
    digest: bytes
    total_pages: int | None

    def read(self) -> Page:
        """Read the rows."""
        return parse_page(self.body)


class _Answer(msgspec.Struct):
    data: list[msgspec.Raw]
    meta: dict[str, Any] | None = None


_DECODER = msgspec.json.Decoder(_Answer)
_BRACE = ord("{")


def parse_raw(body: bytes) -> RawPage:
    """Look at the body of a report call without reading its rows.

    Documented is ``{"headers": [], "data": [...]}``; ``meta`` may or may not be there.

    Raises:
        EnvelopeError: The JSON is not a list of rows.
        ValueError: The body is not JSON.
    """
    digest = blake2b(digest_size=16)
    try:
        answer = _DECODER.decode(body)
        # Rows are skipped over, and with them text that is no UTF-8.
        if not body.isascii():
            body.decode()
    except (msgspec.DecodeError, RecursionError):
        # Also for what msgspec does not read, such as NaN.
        page = parse_page(body)
        digest.update(repr(page.records).encode("utf-8", "backslashreplace"))
        return RawPage(body, len(page.records), digest.digest(), page.total_pages)
    for row in answer.data:
        text = memoryview(row)
        digest.update(text)
        if text[0] != _BRACE:
            msg = "not a list of rows"
            raise EnvelopeError(msg)
    total_pages, _ = totals(answer.meta)
    return RawPage(body, len(answer.data), digest.digest(), total_pages)


class CutShortError(FatalAPIError):
    """Kayzen may hold rows that it does not give."""


class AnnouncedPaging:
    """Trusts the answers to say if there are more pages; without a word there is one.

    For calls of which it is not known whether they come in pages at all.
    """

    def is_last(self, page: RawPage, number: int, before: RawPage | None) -> bool:  # noqa: ARG002
        """Tell whether a page is the last one.

        Args:
            page: The page.
            number: Its number, 1 being the first.
            before: The page before it.
        """
        return number >= (page.total_pages or FIRST_PAGE)


class GuessedPaging:
    """Finds the end of a report whose answers need not say how long it is.

    Whether Kayzen heeds `page` and `per_page`, and up to what size, is not known. So a
    page is the last one if it is empty, repeats the one before, or is shorter than
    both `per_page` and some other page of the report: a page that is as long as any
    may be as long as Kayzen makes them.
    """

    def __init__(self, per_page: int) -> None:
        """Start without having seen a page.

        Args:
            per_page: Rows that are asked for.
        """
        self._per_page = per_page
        self._longest = 0

    def is_last(self, page: RawPage, number: int, before: RawPage | None) -> bool:
        """Tell whether a page is the last one.

        Args:
            page: The page.
            number: Its number, 1 being the first.
            before: The page before it.

        Raises:
            CutShortError: There may be rows that cannot be had.
        """
        if before is not None and page.digest == before.digest:
            is_second = number == FIRST_PAGE + 1 and page.rows
            if is_second and (page.rows == self._per_page or page.total_pages):
                msg = (
                    f"page 2 has the same {page.rows:,} rows as page 1, so that there "
                    "may be more rows than Kayzen gives; raise `report_page_size`, or "
                    "lower the report's `window_days`"
                )
                raise CutShortError(msg)
            return True
        if page.total_pages is not None:
            return number >= page.total_pages
        is_longest = page.rows >= self._longest
        self._longest = max(self._longest, page.rows)
        return not page.rows or (page.rows < self._per_page and not is_longest)
