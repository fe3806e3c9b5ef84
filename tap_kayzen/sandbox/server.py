"""The HTTP server of the sandbox."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import uvicorn

from tap_kayzen.sandbox.clock import REAL_CLOCK, Clock
from tap_kayzen.sandbox.exchange import SERVER, OpenProtocol

if TYPE_CHECKING:
    from collections.abc import Generator

    from starlette.types import ASGIApp

ACCEPT_TURNS = 2
"""Iterations of the event loop that asyncio needs to serve an accepted connection.

One runs its task, the other is a reserve.
"""

RESERVE_SECONDS = 0.01
"""Interval of attempts to bind a port that another process still holds."""

LOOPBACK = "127.0.0.1"

BACKLOG = 1024
"""Maximum number of connections that wait to be accepted."""


def reserve(host: str, port: int) -> socket.socket:
    """Bind a port without listening on it; connections are refused.

    Args:
        host: Address to bind.
        port: Port to bind; 0 for any free one.

    Raises:
        OSError: The address is in use or does not belong to this machine.
    """
    # Not `create_server`: its sockets do not set the protocol. Without it, asyncio does
    # not disable Nagle's algorithm, and small responses take 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket; see `reserve` for arguments and errors."""
    listener = reserve(host, port)
    try:
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the URL of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://{host}:{port}"


class Server(uvicorn.Server):
    """An HTTP server that can refuse connections for some time."""

    _is_down = False
    _return: asyncio.Task[None]

    def __init__(self, config: uvicorn.Config, clock: Clock) -> None:
        """Create the server without starting it.

        Args:
            config: Uvicorn's configuration, with the app.
            clock: Clock for `go_down`.
        """
        super().__init__(config)
        self._clock = clock

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close all connections, including those whose client does not read."""
        await super().shutdown(sockets)
        for connection in [*self.server_state.connections]:
            connection.transport.abort()
        for _ in range(ACCEPT_TURNS):
            await asyncio.sleep(0)

    async def go_down(self, seconds: float) -> None:
        """Refuse new connections for some seconds; open ones stay open."""
        if self._is_down:
            return
        self._is_down = True
        (server,) = self.servers
        listener = server.sockets[0]
        host, port = listener.getsockname()[:2]
        # Otherwise, an accepted connection without a task would stay open.
        asyncio.get_running_loop().remove_reader(listener.fileno())
        for _ in range(ACCEPT_TURNS):
            await asyncio.sleep(0)
        server.close()
        self._return = asyncio.create_task(self._come_back(host, port, seconds))

    async def _come_back(self, host: str, port: int, seconds: float) -> None:
        with ExitStack() as stack:
            # Keep the port, so that no other program binds it.
            listener = stack.enter_context(await self._reserved(host, port))
            await self._clock.sleep(seconds)
            if self.should_exit:
                return
            connection = partial(
                OpenProtocol,
                config=self.config,
                server_state=self.server_state,
                app_state=self.lifespan.state,
            )
            server = await asyncio.get_running_loop().create_server(
                connection, sock=listener, backlog=BACKLOG
            )
            self.servers = [server]
            self._is_down = False
            stack.pop_all()

    async def _reserved(self, host: str, port: int) -> socket.socket:
        while True:
            try:
                return reserve(host, port)
            except OSError:  # noqa: PERF203
                # A starting subprocess holds copies of all sockets for a moment.
                if self.should_exit:
                    raise
                await self._clock.sleep(RESERVE_SECONDS)


def server_of(app: ASGIApp, clock: Clock = REAL_CLOCK) -> uvicorn.Server:
    """Create the HTTP server of an app without starting it.

    The ASGI scope has the connection and the server as extensions; see `TRANSPORT` and
    `SERVER`.

    Args:
        app: The app.
        clock: Clock for `Server.go_down`.
    """

    async def with_server(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
        scope.setdefault("extensions", {})[SERVER] = server
        await app(scope, receive, send)

    config = uvicorn.Config(
        with_server,
        http=OpenProtocol,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    server = Server(config, clock)
    return server


@contextmanager
def running(app: ASGIApp, clock: Clock = REAL_CLOCK) -> Generator[str]:
    """Serve an app in a thread, on a free loopback port, until the block exits.

    Args:
        app: The app.
        clock: See `server_of`.

    Yields:
        URL of the server, such as ``http://127.0.0.1:40123``.
    """
    server = server_of(app, clock)
    with listen(LOOPBACK, 0) as listener:
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}, daemon=True
        )
        thread.start()
        try:
            yield url_of(listener)
        finally:
            server.should_exit = True
            thread.join()
