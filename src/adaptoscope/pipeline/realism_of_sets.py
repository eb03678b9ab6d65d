"""How near the synthetic images of an experiment come to real ones, and where their cells are."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from adaptoscope.datasets.counted_images import CountedImageSet, open_counted_images
from adaptoscope.imageio.files import write_json
from adaptoscope.pipeline.image_stages import ImageStages
from adaptoscope.pipeline.rows import FOLDERS, NAMES
from adaptoscope.realism.measure_realism import measure_realism
from adaptoscope.realism.realism_report import COLUMNS
from adaptoscope.reporting.tables import Table, with_bounds
from adaptoscope.style_transfer.screening.structure import Structure, judge_structure, misses
from adaptoscope.training.step_loop import Device

_STRUCTURE = (
    "Images",
    "Number",
    "F1",
    "Relative to drawings",
    "Invented (divided)",
    "Lost (merged)",
    "Moved by",
)
_STRUCTURE_CAPTION = (
    "Drawn cells that are found in the images, rejected ones included, by a detector that takes no "
    "part in choosing them; invented and lost as shares of the cells drawn, in brackets those that "
    "are a part of a drawn cell, or are seen as one with a neighbour; and how far cells lie from "
    "where they were drawn, in cell diameters."
)


@dataclass(frozen=True)
class Looks:
    """Two tables about the synthetic images of a run.

    Parameters
    ----------
    structure
        Whether cells are where they were drawn.
    """

    realism: Table
    structure: Table
    verdict: str


def compare_looks(stages: ImageStages, real: CountedImageSet, device: Device) -> Looks:
    """Compare every kind of synthetic images that a row is trained on with the real test images.

    Parameters
    ----------
    stages
        The image stages of a run whose images are made.
    real
        Real images; those of the split ``test`` are compared with, those of the training part are
        what copies are looked for.
    device
        Where the encoder runs.

    Returns
    -------
    Looks
        Written to ``looks.json`` as well, and read from there when it stands.
    """
    path = stages.out / "looks.json"
    if not path.exists():
        write_json(path, _measured(stages, real, device))
    found = json.loads(path.read_text("utf-8"))
    return Looks(
        realism=_table(found["realism_table"]),
        structure=_table(found["structure_table"]),
        verdict=found["realism"]["verdict"],
    )


def _measured(stages: ImageStages, real: CountedImageSet, device: Device) -> dict[str, object]:
    settings = stages.settings
    kinds = [kind for kind in FOLDERS if settings.needs(kind)]
    made = {NAMES[kind]: open_counted_images(stages.out / FOLDERS[kind]) for kind in kinds}
    report = measure_realism(
        real.split("test"),
        made,
        settings.looks,
        style_images=stages.style_images(real),
        device=device,
    )
    structure = {
        NAMES[kind]: _structure(stages.out / FOLDERS[kind], stages.out / FOLDERS["drawings"])
        for kind in kinds
        if kind not in ("drawings", "simulation")
    }
    return {
        "realism": report.as_dict(),
        "realism_table": asdict(Table(COLUMNS, tuple(report.rows), caption=report.method)),
        "structure": {name: each.as_dict() for name, each in structure.items()},
        "structure_table": asdict(_structure_table(structure)),
    }


def _structure(folder: Path, drawings: Path) -> Structure:
    return judge_structure(
        open_counted_images(folder, include_rejected=True), open_counted_images(drawings)
    )


def _structure_table(structure: dict[str, Structure]) -> Table:
    rows = tuple(
        (
            name,
            str(each.n),
            f"{each.f1:.3f}",
            with_bounds(each.relative_f1, each.relative_interval),
            *misses(each),
            f"{each.shift_in_diameters:.3f}",
        )
        for name, each in structure.items()
    )
    return Table(columns=_STRUCTURE, rows=rows, caption=_STRUCTURE_CAPTION)


def _table(plain: dict[str, Any]) -> Table:
    return Table(tuple(plain["columns"]), tuple(map(tuple, plain["rows"])), plain["caption"])
