import json

import numpy as np
import pytest
import tifffile

from adaptoscope.imageio.channel_names import channel_names

PIXELS = np.zeros((2, 40, 40), np.uint16)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["DAPI", "Ki67 568"], ("DAPI", "Ki67 568")),
        (["DAPI", "DAPI"], ("channel_0", "channel_1")),
        (["", "GFP"], ("channel_0", "GFP")),
    ],
)
def test_names_of_ome_files(tmp_path, given, expected):
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, PIXELS, metadata={"axes": "CYX", "Channel": {"Name": given}}, ome=True)
    assert channel_names(path, 2) == expected


def test_files_without_names(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PIXELS)
    assert channel_names(path, 2) == ("channel_0", "channel_1")
    (tmp_path / "b.png").write_bytes(b"no image")
    assert channel_names(tmp_path / "b.png", 1) == ("channel_0",)


@pytest.mark.parametrize("version", ["old", "new"])
def test_names_of_zarr_folders(tmp_path, version):
    omero = {"omero": {"channels": [{"label": "DAPI"}, {"label": "GFP"}]}}
    content = omero if version == "old" else {"attributes": {"ome": omero}}
    name = ".zattrs" if version == "old" else "zarr.json"
    (tmp_path / name).write_text(json.dumps(content))
    assert channel_names(tmp_path, 2) == ("DAPI", "GFP")
    assert channel_names(tmp_path, 3) == ("channel_0", "channel_1", "channel_2")
