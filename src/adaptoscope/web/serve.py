"""Start the app and say where it is."""

from __future__ import annotations

import ipaddress
import socket
import webbrowser
from collections.abc import Callable, Sequence
from pathlib import Path

from adaptoscope.errors import OutputError, SettingsError
from adaptoscope.web.workspace import open_workspace

_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
_SHORTEST_PASSWORD = 8


def serve(
    folders: Sequence[Path],
    *,
    work: Path | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    password: str = "",
    browser: bool = True,
    say: Callable[[str], object] = print,
) -> None:
    """Serve folders of images until it is interrupted.

    Parameters
    ----------
    folders
        The only ones that can be seen.
    work
        Where what is made goes; of several folders, each gets a folder of its name in it.
    host, port
        Where to listen; another address than that of this machine itself needs a password.
    password
        Asked for on the page, at least 8 characters; without one, the token in the address is.
    browser
        Open the page once it answers.
    say
        Called with the address.

    Raises
    ------
    SettingsError
        If other machines could reach it without a password.
    OutputError
        If the port is taken.
    """
    if not _is_local(host) and len(password) < _SHORTEST_PASSWORD:
        raise SettingsError(
            f"Other machines can reach {host}.",
            expected=f"a password of at least {_SHORTEST_PASSWORD} characters for the page",
            found="a shorter one" if password else "none",
            remedy="set ADAPTOSCOPE_PASSWORD, or leave --host out",
        )
    several = len(folders) > 1
    workspaces = [
        open_workspace(each, work / each.resolve().name if work and several else work)
        for each in folders
    ]

    import uvicorn

    from adaptoscope.web.access import Access
    from adaptoscope.web.server import create_app

    access = Access(frozenset(_LOCAL) if _is_local(host) else frozenset(), password)
    listening = _listen(host, port)
    shown = f"http://{host}:{listening.getsockname()[1]}/"
    address = shown if password else f"{shown}?token={access.token}"
    app = create_app(workspaces, access)

    class Server(uvicorn.Server):
        """Says where it is once it answers."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            say(address)
            if browser:
                webbrowser.open(address)

    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")
    Server(config).run(sockets=[listening])


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise OutputError(
            f"The address {host}:{port} cannot be used.",
            expected="a free port",
            found=error.strerror or str(error),
            remedy="leave --port out: a free one is taken",
        ) from error
    return listening
