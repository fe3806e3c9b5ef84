"""The message writer: quick to encode, and rarely writing."""

from __future__ import annotations

import atexit
import sys
import time
from contextlib import suppress

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerWriter
from singer_sdk.singerlib.encoding.simple import Message, RecordMessage
from singer_sdk.singerlib.json import serialize_json

FULL = 1 << 16
"""Bytes from which the buffer is written out."""

OLD = 1.0
"""Seconds after which a record does not wait in the buffer for others any longer."""


class BufferedWriter(GenericSingerWriter[bytes, Message]):
    """Writes messages to stdout as JSON lines, records several at a time.

    Whatever is not a record, STATE above all, is written at once with all that came
    before it. Records wait until there are `FULL` bytes, for `OLD` seconds at most,
    and never while the tap itself waits, for which it calls `flush`.
    """

    def __init__(self) -> None:
        """Start with an empty buffer, which is also written at the process's end."""
        self._encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=str)
        self._buffer = bytearray()
        self._since = 0.0
        self._writing = False
        atexit.register(self._end)

    def serialize_message(self, message: Message) -> bytes:
        """Encode one message; text that is not Unicode goes the SDK's slow way."""
        content = message.to_dict()
        try:
            return self._encoder.encode(content)
        except (UnicodeEncodeError, msgspec.EncodeError):
            return serialize_json(content).encode()

    def write_message(self, message: Message) -> None:
        """Write a message, or keep it for later if it is a record."""
        buffer = self._buffer
        start = len(buffer)
        try:
            # Not by way of `serialize_message`: a copy less.
            self._encoder.encode_into(message.to_dict(), buffer, start)
        except (UnicodeEncodeError, msgspec.EncodeError):
            buffer[start:] = self.serialize_message(message)
        except RecursionError:
            # Half a record: what comes later must not be glued to it.
            del buffer[start:]
            raise
        buffer += b"\n"
        if isinstance(message, RecordMessage):
            self._settle()
        else:
            self.flush()

    def _settle(self) -> None:
        now = time.monotonic()
        if not self._since:
            self._since = now
        if len(self._buffer) >= FULL or now - self._since >= OLD:
            self.flush()

    def flush(self) -> None:
        """Write all that waits.

        Raises:
            BrokenPipeError: The target has gone.
        """
        lines, self._buffer, self._since = self._buffer, bytearray(), 0.0
        if lines:
            self._writing = True
            sys.stdout.buffer.write(lines)
            sys.stdout.buffer.flush()
            self._writing = False

    def _end(self) -> None:
        # A write that a signal cut short may have left half a line; a signal may
        # also have come between a message and its line's end.
        if not self._writing:
            del self._buffer[self._buffer.rfind(b"\n") + 1 :]
            with suppress(OSError, ValueError):
                self.flush()
