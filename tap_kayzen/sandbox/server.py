"""Running the sandbox's app on a port."""

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
"""Turns of the event loop that asyncio needs to serve an accepted connection.

One is for the task that does it, one to spare.
"""

RESERVE_SECONDS = 0.01
"""Time between two tries to take a port that another process still holds."""

LOOPBACK = "127.0.0.1"

BACKLOG = 1024
"""Connections that wait to be served, at most."""


def reserve(host: str, port: int) -> socket.socket:
    """Take a port without listening on it: connections are refused.

    Args:
        host: Address to listen on.
        port: Port, 0 for any free one.

    Raises:
        OSError: The address is taken or not this machine's.
    """
    # Not `create_server`: its sockets do not name the protocol, without which asyncio
    # leaves Nagle's algorithm on, and small answers take 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket, as `reserve` does, on which connections wait."""
    listener = reserve(host, port)
    try:
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the http address of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://{host}:{port}"


class Server(uvicorn.Server):
    """An HTTP server that can be out of reach for a while."""

    _is_down = False
    _return: asyncio.Task[None]

    def __init__(self, config: uvicorn.Config, clock: Clock) -> None:
        """Prepare; nothing listens yet.

        Args:
            config: What to serve, and how.
            clock: The time that the server is out of reach for.
        """
        super().__init__(config)
        self._clock = clock

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close all connections, also those whose client no longer reads."""
        await super().shutdown(sockets)
        for connection in [*self.server_state.connections]:
            connection.transport.abort()
        for _ in range(ACCEPT_TURNS):
            await asyncio.sleep(0)

    async def go_down(self, seconds: float) -> None:
        """Refuse new connections for some seconds; open ones go on."""
        if self._is_down:
            return
        self._is_down = True
        (server,) = self.servers
        listener = server.sockets[0]
        host, port = listener.getsockname()[:2]
        # A connection that is accepted but not yet served would be left open.
        asyncio.get_running_loop().remove_reader(listener.fileno())
        for _ in range(ACCEPT_TURNS):
            await asyncio.sleep(0)
        server.close()
        self._return = asyncio.create_task(self._come_back(host, port, seconds))

    async def _come_back(self, host: str, port: int, seconds: float) -> None:
        with ExitStack() as stack:
            # Kept meanwhile, or any other program might get the port.
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
                # A process that is being started has all sockets until it begins.
                if self.should_exit:
                    raise
                await self._clock.sleep(RESERVE_SECONDS)


def server_of(app: ASGIApp, clock: Clock = REAL_CLOCK) -> uvicorn.Server:
    """Make the HTTP server of an app; it is not started yet.

    The app finds the connection and the server behind a call in the extensions of
    the scope.

    Args:
        app: What to serve.
        clock: The time that the server is out of reach for.
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
    """Serve an app from a thread, on a free port of the loopback, until the end.

    Args:
        app: What to serve.
        clock: See `server_of`.

    Yields:
        The app's address, such as ``http://127.0.0.1:40123``.
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
