import pytest

from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.datasets.paths import resolve_inside
from adaptoscope.errors import InputError


@pytest.mark.parametrize(
    "entry",
    [
        "../x.png",
        "images/../../x.png",
        "/etc/passwd",
        "C:\\x.png",
        "..\\x.png",
        "C:x.png",
        "//host/share/x.png",
        "images/\0.png",
    ],
)
def test_entries_that_lead_out_of_the_folder_are_refused(tmp_path, entry):
    with pytest.raises(InputError, match="--root DIR"):
        resolve_inside(tmp_path / "set", entry, None, tmp_path / "set" / "metadata.csv")


def test_entries_inside_are_resolved(tmp_path):
    place = resolve_inside(tmp_path, "images/../images/a.png", None, tmp_path)
    assert place == (tmp_path / "images" / "a.png").resolve()


def test_a_root_allows_other_folders_but_not_more(tmp_path):
    folder = tmp_path / "data" / "set"
    place = resolve_inside(folder, "../other/a.png", tmp_path / "data", folder)
    assert place == (tmp_path / "data" / "other" / "a.png").resolve()
    with pytest.raises(InputError, match="outside"):
        resolve_inside(folder, "../../a.png", tmp_path / "data", folder)


def test_a_link_out_of_the_folder_is_refused(make_folder, tmp_path):
    other = make_folder("other")
    folder = make_folder("set", metadata="file_name\nimages/linked.png\n")
    try:
        (folder / "images" / "linked.png").symlink_to(other / "images" / "a.png")
    except OSError:
        pytest.skip("this system makes no links")
    with pytest.raises(InputError, match="outside its folder"):
        open_counted_images(folder)
    assert len(open_counted_images(folder, root=tmp_path)) == 1
