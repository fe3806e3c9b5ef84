"""Buffered writer for Singer messages; holds back ACTIVATE_VERSION."""

from __future__ import annotations

import atexit
import select
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import NoReturn

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerWriter
from singer_sdk.singerlib.encoding.simple import (
    ActivateVersionMessage,
    Message,
    RecordMessage,
    SchemaMessage,
)
from singer_sdk.singerlib.json import serialize_json

MAX_BYTES = 1 << 16
"""Buffer size at which records are written."""

MAX_AGE_SECONDS = 1.0
"""Maximum time that a record stays in the buffer while records arrive."""

GRACE_SECONDS = 1.0
"""Time that the target has after a signal to accept the rest of a line."""


class BufferedWriter(GenericSingerWriter[bytes, Message]):
    """Writes Singer messages to stdout as JSON lines, many records at a time.

    Records are buffered until they reach `MAX_BYTES` or `MAX_AGE_SECONDS`. All other
    messages, such as STATE, are written at once, after the buffered records. The tap
    calls `flush` before it waits for Kayzen, so that no record is delayed.

    ACTIVATE_VERSION, which the SDK writes before the first record, is held back until
    the stream calls `activate`. Otherwise, an interrupted sync would make the target
    delete most rows.
    """

    def __init__(self) -> None:
        """Initialize an empty buffer, which is flushed when the process exits."""
        self._encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=str)
        self._buffer = bytearray()
        self._since = 0.0
        self._is_writing = False
        self._signal = 0
        self._timer: threading.Timer | None = None
        self._held: list[ActivateVersionMessage] = []
        atexit.register(self._end)

    def serialize_message(self, message: Message) -> bytes:
        """Encode a message; invalid Unicode is left to the SDK's slower encoder."""
        content = message.to_dict()
        try:
            return self._encoder.encode(content)
        except (UnicodeEncodeError, msgspec.EncodeError):
            return serialize_json(content).encode()

    def write_message(self, message: Message) -> None:
        """Write a message; buffer it if it is a record."""
        if isinstance(message, RecordMessage):
            self._append(message)
            now = time.monotonic()
            self._since = self._since or now
            if len(self._buffer) >= MAX_BYTES or now - self._since >= MAX_AGE_SECONDS:
                self.flush()
        elif isinstance(message, ActivateVersionMessage):
            self._held.append(message)
        else:
            if isinstance(message, SchemaMessage):
                self._held.clear()
                # Singer requires it; the SDK omits it if a stream map removes the keys.
                message.key_properties = message.key_properties or []
                # Omit columns that a stream map removes; bookmarks do not need them.
                columns = message.schema.get("properties", {})
                message.bookmark_properties = [
                    name
                    for name in message.bookmark_properties or ()
                    if name in columns
                ] or None
            self._append(message)
            self.flush()

    def activate(self) -> None:
        """Write the ACTIVATE_VERSION messages that are held back."""
        for message in self._held:
            self._append(message)
        self._held.clear()
        self.flush()

    def discard_activation(self) -> bool:
        """Discard the ACTIVATE_VERSION messages; return whether there were any."""
        had_any = bool(self._held)
        self._held.clear()
        return had_any

    def _append(self, message: Message) -> None:
        buffer = self._buffer
        start = len(buffer)
        try:
            # Encoding into the buffer saves a copy compared to `serialize_message`.
            self._encoder.encode_into(message.to_dict(), buffer, start)
        except (UnicodeEncodeError, msgspec.EncodeError):
            buffer[start:] = self.serialize_message(message)
        except RecursionError:
            # Remove the partial record, so that no other message follows it.
            del buffer[start:]
            raise
        buffer += b"\n"

    def flush(self) -> None:
        """Write all buffered messages.

        Raises:
            BrokenPipeError: The target has exited.
        """
        lines, self._buffer, self._since = self._buffer, bytearray(), 0.0
        if not lines:
            return
        sys.stdout.flush()
        # Bypass Python's buffer, which loses track of its writes on a signal.
        raw = getattr(sys.stdout.buffer, "raw", sys.stdout.buffer)
        written, end = 0, len(lines)
        self._is_writing = True
        with memoryview(lines) as view:
            while written < end:
                count = raw.write(view[written:end])
                if count is None:
                    # The pipe is full and non-blocking.
                    select.select((), (raw,), ())
                written += count or 0
                if self._signal:
                    end = lines.find(b"\n", written - 1) + 1 if written else 0
        self._is_writing = False
        if self._signal:
            self._exit()

    @property
    def is_stopping(self) -> bool:
        """Whether a signal has been received."""
        return bool(self._signal)

    def stop(self, signum: int) -> None:
        """Exit with code 128 plus a signal number, at once or after the current line.

        Buffered records are discarded, because no STATE covers them. A partially
        written line is completed if the target accepts the rest within `GRACE_SECONDS`
        and no second signal arrives.
        """
        must_wait = self._is_writing and not self._signal
        self._signal = signum
        self._buffer = bytearray()
        # A second signal can interrupt this method and set the timer first.
        if not must_wait or self._timer:
            self._exit()
        if hasattr(signal, "pthread_kill"):
            # Only another signal or the exit of the target interrupts a blocked write.
            main = threading.main_thread().ident or 0
            self._timer = threading.Timer(
                GRACE_SECONDS, signal.pthread_kill, (main, signum)
            )
            self._timer.daemon = True
            self._timer.start()

    def _exit(self) -> NoReturn:
        if self._timer:
            self._timer.cancel()
        sys.exit(128 + self._signal)

    def _end(self) -> None:
        # An error can occur between a message and its newline. After an error during a
        # write, it is unknown how much the target has received.
        if not self._is_writing:
            del self._buffer[self._buffer.rfind(b"\n") + 1 :]
            with suppress(OSError, ValueError):
                self.flush()
