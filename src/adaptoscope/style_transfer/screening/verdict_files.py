"""Verdicts of single images on disk, kept until a set is screened to the end."""

import hashlib
import json
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adaptoscope.datasets.counted_images import ImageRecord
from adaptoscope.imageio.files import write_json
from adaptoscope.images.cell_centres import Points, as_points
from adaptoscope.metrics.point_matching import PointMatch
from adaptoscope.style_transfer.screening.screen_image import Screened
from adaptoscope.style_transfer.settings import ScreeningSettings

_VERDICT = ("kept", "reject_reason", "precision", "recall", "f1", "invented", "lost", "merged")


def digest_of(
    record: ImageRecord,
    image_sha256: str,
    drawing_sha256: str,
    points: Points,
    mask: NDArray[np.uint16] | None,
    settings: ScreeningSettings,
) -> str:
    """Hash all that the verdict on one image depends on; of its row that is the cell diameter."""
    digest = hashlib.sha256()
    plain = {"settings": settings.model_dump(mode="json"), "diameter": record.cell_diameter_px}
    for part in (json.dumps(plain, sort_keys=True), image_sha256, drawing_sha256):
        digest.update(part.encode())
    digest.update(points.tobytes())
    digest.update(b"no mask" if mask is None else mask.tobytes())
    return digest.hexdigest()


def write_verdict(path: Path, inputs: str, screened: Screened) -> None:
    """Write what screening found in one image from inputs with this `digest_of`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "inputs": inputs,
        "verdict": {name: getattr(screened.record, name) for name in _VERDICT},
        "stylised": _plain(screened.stylised),
        "drawing": _plain(screened.drawing),
        "points": screened.points.tolist(),
    }
    write_json(path, content)


def read_verdict(path: Path, inputs: str, record: ImageRecord) -> Screened | None:
    """Read what screening found in one image, if it was found from the same inputs, else None."""
    if not path.is_file():
        return None
    content = json.loads(path.read_text("utf-8"))
    if content["inputs"] != inputs:
        return None
    return Screened(
        replace(record, **content["verdict"]),
        _match(content["stylised"]),
        _match(content["drawing"]),
        as_points(content["points"]),
    )


def _plain(match: PointMatch) -> dict[str, Any]:
    values = asdict(match) | {"pairs": match.pairs.tolist()}
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in values.items()}


def _match(plain: dict[str, Any]) -> PointMatch:
    values: dict[str, Any] = {k: math.nan if v is None else v for k, v in plain.items()}
    values["pairs"] = np.array(plain["pairs"], dtype=np.intp).reshape(-1, 2)
    return PointMatch(**values)
