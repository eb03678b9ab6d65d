import json

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.errors import InputError
from adaptoscope.web.labels import StaleMarksError, keep_marks, read_marks
from adaptoscope.web.workspace import open_workspace


@pytest.fixture
def workspace(tmp_path):
    for name in ("a.tif", "b <b>.tif", "c.tif"):
        tifffile.imwrite(tmp_path / name, np.zeros((60, 80), np.uint8))
    return open_workspace(tmp_path)


def sent(points, version=0, finished=False):
    return {"points": points, "version": version, "finished": finished, "start": "counter"}


def test_nothing_is_marked_before_somebody_begins(workspace):
    marks = read_marks(workspace, "a.tif")
    assert (marks.points, marks.finished, marks.version) == ((), False, 0)
    assert not workspace.labels.exists()


@settings(max_examples=20, deadline=None)
@given(points=st.lists(st.tuples(st.floats(0, 59), st.floats(0, 79)), max_size=30))
def test_what_is_kept_is_read_again(tmp_path_factory, points):
    folder = tmp_path_factory.mktemp("images")
    tifffile.imwrite(folder / "a.tif", np.zeros((60, 80), np.uint8))
    workspace = open_workspace(folder)
    keep_marks(workspace, "a.tif", sent(points))
    assert read_marks(workspace, "a.tif").points == tuple(points)


def test_the_slower_of_two_pages_is_told_and_changes_nothing(workspace):
    assert keep_marks(workspace, "a.tif", sent([[1, 2]])).version == 1
    with pytest.raises(StaleMarksError, match="another window"):
        keep_marks(workspace, "a.tif", sent([[9, 9]]))
    assert read_marks(workspace, "a.tif").points == ((1, 2),)


def test_finished_images_are_a_set_that_training_reads(workspace):
    keep_marks(workspace, "a.tif", sent([[1.5, 2.25], [30, 40]], finished=True))
    keep_marks(workspace, "b <b>.tif", sent([], finished=True))
    keep_marks(workspace, "c.tif", sent([[3, 3]]))
    images = open_counted_images(workspace.labels, root=workspace.images)
    assert [record.name for record in images] == ["a.tif", "b <b>.tif"]
    assert images.counts().tolist() == [2, 0]
    np.testing.assert_allclose(images.points(images.records[0]), [[1.5, 2.25], [30, 40]])
    keep_marks(workspace, "a.tif", sent([[1.5, 2.25]], version=1, finished=False))
    images = open_counted_images(workspace.labels, root=workspace.images)
    assert [record.name for record in images] == ["b <b>.tif"]


@pytest.mark.parametrize(
    "given",
    [
        None,
        [],
        {},
        {"points": "no"},
        {"points": [[1, 2, 3]]},
        {"points": [[1, float("nan")]]},
        {"points": [[1e400, 0]]},
        {"points": [[0, 0]] * 200_001},
        {"points": [], "version": "x"},
    ],
)
def test_what_is_no_marks_is_refused(workspace, given):
    with pytest.raises(InputError, match="no marks"):
        keep_marks(workspace, "a.tif", given)
    assert not workspace.labels.exists()


def test_a_name_cannot_lead_out_of_the_folder(workspace):
    keep_marks(workspace, "../../evil.tif", sent([[1, 1]]))
    (draft,) = (workspace.labels / "drafts").iterdir()
    assert json.loads(draft.read_text())["image"] == "../../evil.tif"
