import pytest

from adaptoscope.datasets.counted_images import open_counted_images
from adaptoscope.datasets.paths import find_inside, name_finder, resolve_inside
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


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.tif", "a.tif"),
        ("a", "a.tif"),
        ("b", "b.ome.tif"),
        ("b.ome", "b.ome.tif"),
        ("c", None),
        ("c.png", "c.png"),
        ("a.jpg", None),
        ("d.1", "d.1.tif"),
        ("Pr\u00e4parat.tif", "Pra\u0308parat.tif"),
        ("Pr\u00e4parat", "Pra\u0308parat.tif"),
        ("e\u0301.png", "\u00e9.png"),
        ("A.tif", None),
        ("notes", None),
    ],
)
def test_names_are_found_however_a_table_writes_them(name, found):
    names = ("a.tif", "b.ome.tif", "c.png", "c.tif", "d.1.tif", "Pra\u0308parat.tif", "\u00e9.png")
    assert name_finder((*names, "notes.txt"))(name) == found


def test_two_forms_of_one_name_are_told_apart_where_both_exist():
    both = ("\u00e9.png", "e\u0301.png")
    find = name_finder(both)
    assert [find(name) for name in both] == list(both)
    assert find("\u00e9") is None


def test_names_that_no_disk_holds_are_refused_by_name(tmp_path):
    with pytest.raises(InputError, match="cannot exist") as caught:
        resolve_inside(tmp_path, "images/" + "x" * 300, None, tmp_path / "t.csv")
    assert len(str(caught.value)) < 600


def test_links_that_lead_in_a_circle_are_refused(tmp_path):
    (tmp_path / "a.png").symlink_to(tmp_path / "b.png")
    (tmp_path / "b.png").symlink_to(tmp_path / "a.png")
    with pytest.raises(InputError, match="cannot be found"):
        resolve_inside(tmp_path, "a.png", None, tmp_path / "t.csv")


def test_a_name_without_its_suffix_cannot_lead_out(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "a.png").touch()
    (tmp_path / "in" / "a.png").symlink_to(tmp_path / "a.png")
    with pytest.raises(InputError, match="outside"):
        find_inside(tmp_path / "in", "a", None, tmp_path / "t.csv")
    (tmp_path / "in" / "b.tif").touch()
    found = find_inside(tmp_path / "in", "b", None, tmp_path / "t.csv")
    assert found == ("b.tif", tmp_path / "in" / "b.tif")
