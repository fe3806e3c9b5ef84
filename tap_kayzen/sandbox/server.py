"""Running the sandbox's app on a port."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

from tap_kayzen.sandbox.exchange import OpenProtocol

if TYPE_CHECKING:
    from collections.abc import Generator

    from starlette.types import ASGIApp

LOOPBACK = "127.0.0.1"


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket; from now on connections wait to be served.

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
        listener.listen(1024)
    except OSError:
        listener.close()
        raise
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the http address of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://{host}:{port}"


def server_of(app: ASGIApp, *, log_level: str = "warning") -> uvicorn.Server:
    """Make the HTTP server of an app; it is not started yet."""
    config = uvicorn.Config(
        app, http=OpenProtocol, log_level=log_level, timeout_graceful_shutdown=1
    )
    return uvicorn.Server(config)


@contextmanager
def running(app: ASGIApp) -> Generator[str]:
    """Serve an app from a thread, on a free port of the loopback, until the end.

    Yields:
        The app's address, such as ``http://127.0.0.1:40123``.
    """
    server = server_of(app)
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
