from importlib.resources import files

import numpy as np
import pytest
import tifffile
import yaml
from hypothesis import given
from hypothesis import strategies as st

import adaptoscope as ad
from adaptoscope.errors import InputError
from adaptoscope.viewer.files import (
    get_reader,
    images_of_finished,
    keep_finished,
    write_points_layer,
)
from adaptoscope.viewer.work import begin_check_of, finish_check_of, learn, sample_nuclei


def image(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, (1000 * np.random.default_rng(seed).random((40, 60))).astype(np.uint16))
    return path


@given(
    st.lists(st.tuples(st.floats(0, 39), st.floats(0, 59)), min_size=1, max_size=20),
    st.booleans(),
)
def test_points_come_back_as_they_were_written(tmp_path_factory, cells, stacked):
    path = tmp_path_factory.mktemp("p") / "points.csv"
    points = np.array(cells)
    layer = np.hstack([np.ones((len(points), 1)), points]) if stacked else points
    assert write_points_layer(str(path), layer, {"name": "cells of a.tif"}) == [str(path)]
    reader = get_reader(str(path))
    assert reader is not None
    ((read, attributes, kind),) = reader(str(path))
    assert kind == "points"
    assert (read == points).all()
    assert attributes["name"] == "cells of a.tif"
    write_points_layer(str(path), read, attributes)
    assert (reader(str(path))[0][0] == points).all()


def test_other_tables_are_left_to_other_readers(tmp_path):
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    assert get_reader(str(tmp_path / "other.csv")) is None
    assert get_reader(str(tmp_path / "image.tif")) is None
    assert get_reader([str(tmp_path / "other.csv")]) is None


def test_finished_images_are_a_set_to_learn_from(tmp_path):
    first, second = image(tmp_path / "in" / "a.tif"), image(tmp_path / "in" / "b.tif", 1)
    folder = tmp_path / "labelled"
    cells = np.array([[1.0, 2.0], [3.0, 50.0]])
    assert keep_finished(folder, first, cells) == 1
    assert keep_finished(folder, second, np.empty((0, 2))) == 2
    assert keep_finished(folder, first, cells[:1]) == 2
    assert images_of_finished(folder) == (tmp_path / "in").resolve()
    opened = ad.open_counted_images(folder, root=tmp_path / "in")
    kept = {record.name: opened.points(record).tolist() for record in opened.labelled()}
    assert kept == {"a.tif": [[1.0, 2.0]], "b.tif": []}
    with pytest.raises(InputError, match="outside the image"):
        keep_finished(folder, first, np.array([[50.0, 2.0]]))
    with pytest.raises(InputError, match="in another folder"):
        keep_finished(folder, image(tmp_path / "other" / "a.tif"), cells)
    with pytest.raises(InputError, match="no image"):
        keep_finished(folder, tmp_path / "absent.tif", cells)


def test_a_check_says_how_far_counts_are_off(tmp_path):
    ((pixels, _, _), _) = sample_nuclei()
    (tmp_path / "in").mkdir()
    for place in range(4):
        part = (pixels[64 * place : 64 * place + 64] * 65535).astype(np.uint16)
        tifffile.imwrite(tmp_path / "in" / f"{place}.tif", part)
    drawn = begin_check_of(tmp_path / "in", tmp_path / "check", model="dog", number=4)
    assert len(drawn) == 4
    with pytest.raises(InputError, match="not in the check"):
        finish_check_of(tmp_path / "in", tmp_path / "check", {"z.tif": 1})
    said = finish_check_of(tmp_path / "in", tmp_path / "check", dict.fromkeys(drawn, 5))
    assert said == finish_check_of(tmp_path / "in", tmp_path / "check")
    assert "4" in said


def test_finished_images_are_learnt_from_where_they_lie(tmp_path):
    (pixels, _, _), (truth, _, _) = sample_nuclei()
    for number in range(2):
        path = tmp_path / "in" / f"{number}.tif"
        path.parent.mkdir(exist_ok=True)
        part = pixels[256 * number : 256 * number + 256]
        tifffile.imwrite(path, (part * 65535).astype(np.uint16))
        inside = (truth[:, 0] > 256 * number) & (truth[:, 0] < 256 * number + 255)
        keep_finished(tmp_path / "labelled", path, truth[inside] - [256 * number, 0])
    said = learn(
        tmp_path / "own", tmp_path / "labelled", settings={"steps": 2, "batch": 2, "crop": 64}
    )
    assert "Not decided: on 2 images" in said
    assert (tmp_path / "own" / "judgement.json").is_file()


def test_the_manifest_names_functions_that_are_there():
    manifest = yaml.safe_load(files("adaptoscope.viewer").joinpath("napari.yaml").read_text())
    commands = {each["id"]: each["python_name"] for each in manifest["contributions"]["commands"]}
    used = [
        each["command"]
        for kind in ("widgets", "readers", "writers", "sample_data")
        for each in manifest["contributions"][kind]
    ]
    assert sorted(used) == sorted(commands)
    for place in commands.values():
        module, _, name = place.partition(":")
        source = files("adaptoscope.viewer").joinpath(module.rpartition(".")[2] + ".py")
        assert f"def {name}(" in source.read_text("utf-8")
