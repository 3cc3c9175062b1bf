"""The portal's server: one process, a few threads, this machine only."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from bienho.core.errors import ConfigError
from bienho.core.posix import resource
from bienho.portal.api.portal_api import most_body
from bienho.portal.bridge import Bridge
from bienho.portal.components.chart import warm_up

MOST_CONNECTIONS = 4_096
"""Open at once; more wait to be accepted. A thousand that say nothing must not keep one from being served."""
HEADER_MILLISECONDS = 15_000
"""How long a request may take to say what it is; a connection that was kept open and says nothing ends then too."""
FILES_IN = ("/api/v1/dossiers", "/api/v1/rehearse", "/gui-ho-so/", "/xet-thu/")
"""Where a body may be as large as a delivery."""
AROUND_A_FILE = 64 * 1024
"""What a form puts around a file."""
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def link(token: str, host: str = "127.0.0.1", port: int = 8000) -> str:
    """The address that signs in with a one-time token."""
    return f"http://{host}:{port}/dang-nhap/?ma={token}"


def listen(host: str, port: int, *, on_ready: Callable[[], None] | None = None) -> None:
    """Serve until interrupted. Django is set up already. ConfigError when the address is not this machine's own."""
    if host not in LOOPBACK:
        raise ConfigError(
            "CFG-PORTAL-ADDRESS",
            "Cổng chỉ nghe trên chính máy này (127.0.0.1); mạng vào qua máy chủ HTTPS đứng trước.",
            hint="Bỏ --host; đặt máy chủ HTTPS đứng trước theo docs/deployment.md, hoặc dùng đường hầm SSH.",
        )
    _check_free(host, port)
    _allow_many_connections()
    room = settings.BIENHO_HOUSE.limits.delivery_bytes + AROUND_A_FILE
    bridge = Bridge(get_wsgi_application(), most_large=most_body, roomy=dict.fromkeys(FILES_IN, room))
    try:
        asyncio.run(_serve(bridge, "127.0.0.1" if host == "localhost" else host, port, on_ready))
    finally:
        bridge.close()


def _allow_many_connections() -> None:
    """Room for every connection that may be open, and the files beside them, as far as the system lets us."""
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * MOST_CONNECTIONS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


def _check_free(host: str, port: int) -> None:
    """ConfigError when another program listens there already."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigError(
                "CFG-PORTAL-PORT",
                f"Cổng {port} đang có chương trình khác dùng.",
                hint=f"Chọn cổng khác, ví dụ `--port {port + 1}`.",
            ) from error


async def _serve(bridge: Bridge, host: str, port: int, on_ready: Callable[[], None] | None) -> None:
    server = Server(
        bridge,
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        log_access=False,
        log_enabled=False,
        backlog=MOST_CONNECTIONS,
        backpressure=MOST_CONNECTIONS,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_MILLISECONDS),
    )
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(ValueError, RuntimeError):
            loop.add_signal_handler(name, server.stop)
    task: asyncio.Task[Any] = asyncio.ensure_future(server.serve())
    await _ready(host, port, task)
    if on_ready and not task.done():
        on_ready()
    await loop.run_in_executor(None, warm_up)
    await task


async def _ready(host: str, port: int, task: asyncio.Task[Any]) -> None:
    """Wait until the port answers, or the server has given up."""
    for _ in range(200):
        if task.done():
            return
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return
