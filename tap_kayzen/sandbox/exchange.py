"""A call on its way through the sandbox's faults, down to the bytes on the wire."""

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
"""The extension of the scope by which an app gets at the connection."""

SERVER = "tap_kayzen.server"
"""The one by which it gets at the server."""

RESET = struct.pack("ii", 1, 0)
"""Options of a socket that is not to wait when it is closed, but to reset."""


class OpenProtocol(H11Protocol):
    """Uvicorn's HTTP, which shows the app the connection behind a call."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Put a layer around the app that knows this connection."""
        super().__init__(*args, **kwargs)
        app = self.app

        async def with_transport(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
            scope.setdefault("extensions", {})[TRANSPORT] = self.transport
            await app(scope, receive, send)

        self.app = with_transport


@dataclass
class Answer:
    """What the app would say."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def head(self) -> bytes:
        """The first lines as they go over the wire, without an end."""
        lines = [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([f"HTTP/1.1 {self.status} OK", *lines]).encode()


@dataclass
class Exchange:
    """A call, its answer, and the ways to say something else.

    Attributes:
        app: What answers.
        scope: The call as ASGI describes it.
        receive: Where the call comes from; all of its body has been read.
        send: Where the answer goes.
        request_body: That body.
        clock: The time that passes.
    """

    app: ASGIApp
    scope: Scope
    receive: Receive
    send: Send
    request_body: bytes
    clock: Clock

    @classmethod
    async def begun(
        cls, app: ASGIApp, scope: Scope, receive: Receive, send: Send, clock: Clock
    ) -> Exchange:
        """Read all of a call."""
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        return cls(app, scope, receive, send, body, clock)

    @property
    def path(self) -> str:
        """The path that is asked for."""
        path: str = self.scope["path"]
        return path

    @property
    def query(self) -> dict[str, str]:
        """The parameters in the address, the last one of each name."""
        return dict(QueryParams(self.scope["query_string"]))

    @property
    def key(self) -> str:
        """What the same request has in common, whenever it is made."""
        query = self.scope["query_string"].decode("latin-1")
        body = self.request_body.decode("latin-1")
        return f"{self.scope['method']} {self.path}?{query} {body}"

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The parameters, in the address and in a JSON body."""
        body = self.request_body.decode("utf-8", errors="replace")
        return {**self.query, **json_object(body)}

    async def ask(self, **query: int) -> Answer:
        """Let the app answer, but keep the answer.

        Args:
            query: Parameters to ask with instead of those of the call.
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

    async def say(self, answer: Answer, *, body: bytes | None = None) -> None:
        """Send an answer as it should be sent, maybe with another body."""
        changed = answer if body is None else replace(answer, body=body)
        headers = {**changed.headers, "content-length": str(len(changed.body))}
        await self.respond(Response(changed.body, changed.status, headers))

    async def respond(self, response: Response) -> None:
        """Send a response."""
        await response(self.scope, self.receive, self.send)

    @property
    def transport(self) -> asyncio.Transport:
        """The connection."""
        transport: asyncio.Transport = self.scope["extensions"][TRANSPORT]
        return transport

    async def close(self, raw: bytes = b"") -> None:
        """Send some bytes as they are and close the connection."""
        self.transport.write(raw)
        self.transport.close()
        await self.gone()

    async def reset(self) -> None:
        """Reset the connection (TCP's RST): what is on its way is lost."""
        connection = self.transport.get_extra_info("socket")
        # Unless the client has gone before.
        if not self.transport.is_closing():
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.transport.abort()
        await self.gone()

    async def gone(self, seconds: float | None = None) -> None:
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
