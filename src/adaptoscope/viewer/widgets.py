"""Widgets of the plugin: each asks for what one function takes, calls it, shows what it says."""

from pathlib import Path
from typing import Any

import napari
import napari.layers
import napari.types
import napari.viewer
from magicgui import magic_factory
from napari.qt.threading import create_worker
from napari.utils.notifications import show_info

from adaptoscope.errors import InputError
from adaptoscope.viewer import files, work
from adaptoscope.viewer.layers import count_layer, stain_layers

FOLDER = {"mode": "d"}
"""How magicgui asks for a folder."""


@magic_factory(
    call_button="Count",
    counter={"tooltip": "nuclei, dog, otsu_watershed, or the folder of a trained counter"},
    diameter_px={"label": "diameter (0: measured)", "min": 0.0, "max": 1000.0},
)
def count_widget(
    viewer: napari.viewer.Viewer,
    image: napari.layers.Image,
    counter: str = "nuclei",
    diameter_px: float = 0.0,
) -> napari.types.LayerDataTuple:
    """Count the plane that is looked at; the cells come as a points layer."""
    found = count_layer(
        _data(image),
        viewer.dims.current_step,
        counter=counter,
        diameter_px=diameter_px or None,
        name=_file_name(image),
        scale=image.scale,
    )
    show_info(found[1]["metadata"]["adaptoscope"]["said"])
    return found


@magic_factory(
    call_button="Every cell is marked: keep", folder=FOLDER, result_widget=True, layout="vertical"
)
def correct_widget(
    image: napari.layers.Image,
    cells: napari.layers.Points,
    folder: Path = Path("labelled"),
) -> str:
    """Keep an image whose cells are all marked; only such images teach and test."""
    if not image.source.path:
        raise InputError(
            "This image was not opened from a file.",
            expected="an image layer that was opened from a TIFF or PNG file",
            remedy="save it and open the file",
        )
    number = files.keep_finished(folder, Path(image.source.path), cells.data)
    return (
        f"{number} finished image{'s' if number > 1 else ''}, {len(cells.data)} cells in this one"
    )


@magic_factory(call_button="Learn", finished=FOLDER, out=FOLDER, layout="vertical")
def learn_widget(
    finished: Path = Path("labelled"), out: Path = Path("my_counter"), judge: bool = True
) -> None:
    """Fine-tune nuclei on the finished images, and say whether that is better. Takes minutes."""
    worker = create_worker(work.learn, out, finished, judge=judge)
    worker.returned.connect(show_info)
    worker.start()


@magic_factory(call_button="Draw images to count", images=FOLDER, out=FOLDER, result_widget=True)
def check_widget(
    images: Path = Path("images"),
    out: Path = Path("check"),
    counter: str = "nuclei",
    number: int = 10,
    finish: bool = False,
) -> str:
    """Draw images to count by hand; with finish, read check.csv and tell the bias."""
    if finish:
        said = work.finish_check_of(images, out)
        show_info(said)
        return said
    drawn = work.begin_check_of(images, out, model=counter, number=number)
    show_info(f"Count these by hand, and fill in {out / 'check.csv'}: {', '.join(drawn)}")
    return f"{len(drawn)} images are in check.csv"


@magic_factory(call_button="Predict", model=FOLDER)
def stain_widget(
    viewer: napari.viewer.Viewer, image: napari.layers.Image, model: Path = Path("model")
) -> list[napari.types.LayerDataTuple]:
    """Predict the stains of the plane that is looked at."""
    return stain_layers(
        _data(image),
        viewer.dims.current_step,
        model=model,
        name=_file_name(image),
        scale=image.scale,
    )


def _data(image: Any) -> Any:
    """Return the pixels of an image layer, of a pyramid its finest level."""
    if image.rgb:
        raise InputError(
            "This layer is a colour image.",
            expected="one channel",
            remedy="split it: right-click the layer, Split RGB",
        )
    return image.data[0] if image.multiscale else image.data


def _file_name(image: Any) -> str:
    return Path(image.source.path).name if image.source.path else str(image.name)
