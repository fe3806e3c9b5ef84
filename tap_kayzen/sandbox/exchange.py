"""A request and its response, down to the bytes on the wire, for faults."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from starlette.datastructures import MutableHeaders, QueryParams
from starlette.responses import Response
from uvicorn.protocols.http.h11_impl import H11Protocol

from tap_kayzen.sandbox.answers import json_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from tap_kayzen.sandbox.clock import Clock

TRANSPORT = "tap_kayzen.transport"
"""Name of the ASGI scope extension with the connection of a request."""

SERVER = "tap_kayzen.server"
"""Name of the ASGI scope extension with the server."""

RESET = struct.pack("ii", 1, 0)
"""Value of ``SO_LINGER`` for which closing a socket resets the connection."""


class OpenProtocol(H11Protocol):
    """Uvicorn's HTTP protocol; exposes the connection to the app."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Wrap the app in a layer that adds the connection to the scope."""
        super().__init__(*args, **kwargs)
        app = self.app

        async def with_transport(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
            scope.setdefault("extensions", {})[TRANSPORT] = self.transport
            await app(scope, receive, send)

        self.app = with_transport


@dataclass
class Answer:
    """A buffered response of the app."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def head(self) -> bytes:
        """Status line and headers as sent, without the final line break."""
        lines = [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([f"HTTP/1.1 {self.status} OK", *lines]).encode()


@dataclass
class Exchange:
    """A request to the app, with ways to change or replace its response.

    Attributes:
        app: The wrapped ASGI app.
        scope: ASGI scope of the request.
        receive: ASGI receive channel; the request body has been read from it.
        send: ASGI send channel.
        request_body: The request body.
        clock: Clock for delays.
    """

    app: ASGIApp
    scope: Scope
    receive: Receive
    send: Send
    request_body: bytes
    clock: Clock

    @classmethod
    async def read(
        cls, app: ASGIApp, scope: Scope, receive: Receive, send: Send, clock: Clock
    ) -> Exchange:
        """Return an exchange after reading the whole request body."""
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        return cls(app, scope, receive, send, body, clock)

    @property
    def path(self) -> str:
        """Path of the request."""
        path: str = self.scope["path"]
        return path

    @property
    def query(self) -> dict[str, str]:
        """Query parameters; the last value wins if one is repeated."""
        return dict(QueryParams(self.scope["query_string"]))

    @property
    def key(self) -> str:
        """A text that is the same whenever the request is repeated."""
        query = self.scope["query_string"].decode("latin-1")
        body = self.request_body.decode("latin-1")
        return f"{self.scope['method']} {self.path}?{query} {body}"

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Parameters of the query and of a JSON body."""
        body = self.request_body.decode("utf-8", errors="replace")
        return {**self.query, **json_object(body)}

    async def call_app(self, **query: int) -> Answer:
        """Return the app's response without sending it.

        Args:
            query: Query parameters that override those of the request.
        """
        scope = dict(self.scope)
        if query:
            changed = {**self.query, **query}
            scope["query_string"] = str(QueryParams(changed)).encode()
        answer = Answer()

        async def receive() -> Message:
            return {"type": "http.request", "body": self.request_body}

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = dict(MutableHeaders(raw=message["headers"]).items())
            else:
                answer.body += message.get("body", b"")

        await self.app(scope, receive, keep)
        return answer

    async def forward(self, answer: Answer, *, body: bytes | None = None) -> None:
        """Send a response of the app, optionally with another body."""
        changed = answer if body is None else replace(answer, body=body)
        headers = {**changed.headers, "content-length": str(len(changed.body))}
        await self.respond(Response(changed.body, changed.status, headers))

    async def respond(self, response: Response) -> None:
        """Send a response."""
        await response(self.scope, self.receive, self.send)

    @property
    def transport(self) -> asyncio.Transport:
        """The connection to the client."""
        transport: asyncio.Transport = self.scope["extensions"][TRANSPORT]
        return transport

    async def close(self, raw: bytes = b"") -> None:
        """Send raw bytes and close the connection."""
        self.transport.write(raw)
        self.transport.close()
        await self.wait_for_disconnect()

    async def reset(self) -> None:
        """Reset the connection with a TCP RST; data in flight is lost."""
        connection = self.transport.get_extra_info("socket")
        # The client may have disconnected first.
        if not self.transport.is_closing():
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.transport.abort()
        await self.wait_for_disconnect()

    async def wait_for_disconnect(self, seconds: float | None = None) -> None:
        """Wait until the client disconnects.

        Args:
            seconds: Maximum time to wait; None for no limit.
        """
        ends: set[asyncio.Future[Any]] = {asyncio.ensure_future(self.receive())}
        if seconds is not None:
            ends.add(asyncio.ensure_future(self.clock.sleep(seconds)))
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in ends:
                each.cancel()
