"""The server of the page: on this machine alone, behind the gate."""

import asyncio
import secrets
import socket
from collections.abc import Callable
from pathlib import Path

from rawgan.errors import ArgumentError
from rawgan.lab.gate import Gate
from rawgan.lab.room import Lab
from rawgan.storage.run_folder import RunFolder

HOST = "127.0.0.1"


def free_port(asked: int | None = None) -> int:
    """The port that is asked for, or one that nobody listens on.

    Raises: ArgumentError for a port that is taken, or is not for this user

    >>> taken = socket.create_server((HOST, 0))
    >>> try:
    ...     free_port(taken.getsockname()[1])
    ... except ArgumentError as error:
    ...     print(str(error).partition(": ")[2])
    Address already in use
      leave --port out, which takes a free one
    >>> taken.close()
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one that was used a moment ago is free
        try:
            probe.bind((HOST, asked or 0))
        except OSError as error:
            raise ArgumentError(
                f"port {asked}: {error.strerror}\n  leave --port out, which takes a free one"
            ) from error
        return int(probe.getsockname()[1])


def serve(run: Path, port: int | None, open_browser: bool, tell: Callable[[str], None]) -> None:
    """Serve the page of a run until Ctrl-C. `tell` is told its address.

    Raises: ConfigError for a folder that is no run, ArgumentError for a port that is taken
    """
    from nicegui import app, background_tasks, ui

    from rawgan.lab.page import page

    lab, token = Lab(RunFolder.open(run)), secrets.token_urlsafe(24)
    port = free_port(port)
    address = f"http://{HOST}:{port}/?token={token}"
    app.add_middleware(Gate, token=token, port=port)
    app.on_startup(lambda: background_tasks.create(_announce(port, lambda: tell(address))))
    app.on_shutdown(lab.close)

    @ui.page("/")
    def index(room: str = "", lang: str = "") -> None:
        page(lab, room, lang)

    ui.run(
        host=HOST, port=port, title="rawgan lab", reload=False, show=address if open_browser else False,
        show_welcome_message=False, favicon="🔬",
    )  # fmt: skip


async def _announce(port: int, tell: Callable[[], None]) -> None:
    """Tell once the server listens."""
    while True:
        try:
            _, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        await writer.wait_closed()
        tell()
        return
