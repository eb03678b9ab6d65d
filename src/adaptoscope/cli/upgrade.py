"""``adaptoscope upgrade``: finished networks for model folders of an older version."""

from pathlib import Path
from typing import Annotated

import typer


def upgrade(
    models: Annotated[list[Path], typer.Argument(metavar="MODEL...", help="Model folders.")],
) -> None:
    """Write the finished network that counting and staining use into older model folders."""
    from adaptoscope.pipeline.upgrade import upgrade_model

    for folder in models:
        said = "network.onnx written" if upgrade_model(folder) else "nothing to do"
        typer.echo(f"{folder}: {said}")
