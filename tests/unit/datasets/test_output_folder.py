import pytest

from adaptoscope.datasets.output_folder import begin_folder, image_file_name
from adaptoscope.errors import OutputError


def test_equal_settings_go_on_whatever_their_order(tmp_path):
    begin_folder(tmp_path / "out", {"a": 1, "b": (2, 3)}, overwrite=False)
    (tmp_path / "out" / "images").mkdir()
    begin_folder(tmp_path / "out", {"b": [2, 3], "a": 1}, overwrite=False)
    assert (tmp_path / "out" / "images").is_dir()


def test_other_settings_are_refused_by_name(tmp_path):
    begin_folder(tmp_path / "out", {"seed": 1, "size": 5}, overwrite=False)
    with pytest.raises(OutputError, match="seed: 1 before, 2 now") as caught:
        begin_folder(tmp_path / "out", {"seed": 2, "size": 5}, overwrite=False)
    assert "--overwrite" in str(caught.value)
    assert "size" not in str(caught.value)


def test_overwriting_removes_what_we_write_and_nothing_else(tmp_path):
    begin_folder(tmp_path / "out", {"seed": 1}, overwrite=False)
    (tmp_path / "out" / "images").mkdir()
    (tmp_path / "out" / "metadata.csv").touch()
    (tmp_path / "out" / "notes.txt").touch()
    begin_folder(tmp_path / "out", {"seed": 2}, overwrite=True)
    names = sorted(entry.name for entry in (tmp_path / "out").iterdir())
    assert names == ["notes.txt", "settings.json"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_folders_of_somebody_else_are_never_touched(tmp_path, overwrite):
    (tmp_path / "out" / "images").mkdir(parents=True)
    with pytest.raises(OutputError, match="something else"):
        begin_folder(tmp_path / "out", {}, overwrite=overwrite)
    assert (tmp_path / "out" / "images").is_dir()


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(OutputError, match="a file"):
        begin_folder(tmp_path / "out", {}, overwrite=False)


def test_damaged_settings_are_refused(tmp_path):
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(OutputError, match="cannot be read"):
        begin_folder(tmp_path, {}, overwrite=False)


@pytest.mark.parametrize(
    "name", ["", ".hidden", "../up", "a/b", "a\\b", "C:x", "a\0", "a\nb", "x" * 300, ".png"]
)
def test_names_that_would_leave_the_folder_are_refused(name):
    with pytest.raises(OutputError, match="cannot be written under"):
        image_file_name(name)


@pytest.mark.parametrize(
    ("name", "file_name"),
    [
        ("a", "a.png"),
        ("a.tif", "a.tif"),
        ("field 1.2 (b)", "field 1.2 (b).png"),
        ("Zür", "Zür.png"),
    ],
)
def test_names_are_completed(name, file_name):
    assert image_file_name(name) == file_name
