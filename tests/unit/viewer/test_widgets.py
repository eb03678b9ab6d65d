import os
import sys
from importlib.resources import files

import numpy as np
import pytest
import tifffile

napari = pytest.importorskip("napari", reason="napari is not installed: pip install .[viewer]")
pytest.importorskip("qtpy", reason="no Qt for napari")
if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
    pytest.skip("no display: run under xvfb-run -a", allow_module_level=True)

from adaptoscope.viewer import work  # noqa: E402
from adaptoscope.viewer.layers import count_layer  # noqa: E402


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=False)


def add_samples(viewer, layers):
    return [viewer._add_layer_from_data(*layer)[0] for layer in layers]


def test_the_manifest_is_valid():
    from npe2 import PluginManifest

    manifest = PluginManifest.from_file(files("adaptoscope.viewer").joinpath("napari.yaml"))
    manifest.validate_imports()
    assert len(manifest.contributions.widgets) == 5


def test_count_gives_the_points_of_the_function(viewer):
    from adaptoscope.viewer.widgets import count_widget

    image, _ = add_samples(viewer, work.sample_nuclei())
    widget = count_widget()
    viewer.window.add_dock_widget(widget, name="Count")
    widget(viewer=viewer, image=image)
    cells = viewer.layers[-1]
    points, attributes, _ = count_layer(image.data, name=image.name)
    assert (cells.data == points).all()
    assert (cells.features["confidence"] == attributes["features"]["confidence"]).all()
    assert cells.metadata["adaptoscope"]["count"] == len(points)


def test_the_slider_chooses_the_plane_that_is_counted(viewer):
    from adaptoscope.viewer.widgets import count_widget

    (image,) = add_samples(viewer, work.sample_stack())
    viewer.dims.set_current_step(0, 1)
    widget = count_widget()
    viewer.window.add_dock_widget(widget, name="Count")
    widget(viewer=viewer, image=image)
    assert set(viewer.layers[-1].data[:, 0]) == {1.0}


def test_corrected_cells_are_kept(viewer, tmp_path):
    from adaptoscope.viewer.widgets import correct_widget

    (pixels, _, _), (truth, _, _) = work.sample_nuclei()
    tifffile.imwrite(tmp_path / "a.tif", (pixels * 65535).astype(np.uint16))
    (image,) = viewer.open(str(tmp_path / "a.tif"), plugin="napari")
    cells = viewer.add_points(truth)
    widget = correct_widget()
    viewer.window.add_dock_widget(widget, name="Correct")
    said = widget(image=image, cells=cells, folder=tmp_path / "labelled")
    assert said.startswith("1 finished image,")
    assert (tmp_path / "labelled" / "points.csv").is_file()


def test_colour_layers_are_refused(viewer):
    from adaptoscope.errors import InputError
    from adaptoscope.viewer.widgets import _data

    with pytest.raises(InputError, match="colour"):
        _data(viewer.add_image(np.zeros((20, 20, 3), np.uint8), rgb=True))
