"""Messages about bugs in the tap."""

from __future__ import annotations

from tap_kayzen.messages.message import Message

REPORT_IT = Message(
    "this is a bug in tap-kayzen; please report it with the output of "
    "TAP_KAYZEN_LOGLEVEL=DEBUG",
    cause="A case that the tap does not handle",
    action="[Open an issue](CONTRIBUTING.md)",
)
