"""Make the pictures of docs/napari.md on simulated images: ``python docs/napari_pictures.py``.

Needs the extra ``viewer`` and a display; without one, run it under ``xvfb-run -a``.
"""

import os
import tempfile
from pathlib import Path

import napari
import numpy as np
import tifffile
from skimage.io import imsave

from adaptoscope.viewer import widgets, work

PICTURES = Path(__file__).resolve().parent / "images"
SIZE = (1280, 760)


def main() -> None:
    """Open each widget beside an image, use it, take its picture."""
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        folder = Path("my_images")
        folder.mkdir()
        (pixels, _, _), _ = work.sample_nuclei()
        for number in range(4):
            part = np.rot90(pixels, number)
            tifffile.imwrite(folder / f"field_{number}.tif", (part * 65535).astype(np.uint16))
        for name in ("count", "correct", "learn", "check", "stain"):
            viewer = napari.Viewer(show=True)
            viewer.window.resize(*SIZE)
            (image,) = viewer.open(str(folder / "field_0.tif"), plugin="napari")
            image.contrast_limits = (float(image.data.min()), float(np.quantile(image.data, 0.999)))
            widget = getattr(widgets, f"{name}_widget")()
            viewer.window.add_dock_widget(widget, name=name.capitalize(), area="right")
            if name in ("count", "correct"):
                widgets.count_widget()(viewer=viewer, image=image)
            if name == "correct":
                widget.reset_choices()
                widget(image=image, cells=viewer.layers[-1], folder=Path("labelled"))
            if name == "check":
                widget.images.value, widget.out.value = folder, Path("check")
                widget.number.value = 4
                widget()
            viewer.reset_view()
            napari.qt.get_qapp().processEvents()
            shot = viewer.window.screenshot(canvas_only=False, flash=False)
            imsave(PICTURES / f"napari_{name}.png", shot[..., :3], check_contrast=False)
            viewer.close()


if __name__ == "__main__":
    main()
