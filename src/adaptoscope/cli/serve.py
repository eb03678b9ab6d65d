"""``adaptoscope serve``: the app in the browser, on one's own machine."""

from pathlib import Path
from typing import Annotated

import typer


def serve(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="FOLDER...", help="Folders of images, no others."),
    ],
    work: Annotated[
        Path | None,
        typer.Option("--work", help="Where counts and corrections go; FOLDER/adaptoscope else."),
    ] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")] = 0,
    host: Annotated[
        str, typer.Option("--host", help="Another address than 127.0.0.1 needs a password.")
    ] = "127.0.0.1",
    password: Annotated[
        str,
        typer.Option("--password", envvar="ADAPTOSCOPE_PASSWORD", help="Asked for on the page"),
    ] = "",
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page.")] = True,
) -> None:
    """Count, look, correct and learn in the browser; nothing leaves this machine."""
    from adaptoscope.web.serve import serve as run

    run(
        folders, work=work, host=host, port=port, password=password, browser=browser, say=typer.echo
    )
