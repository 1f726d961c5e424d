import os

import pytest

from astroNN.demo.folder import DemoFolder, FolderRefused


def test_a_new_or_empty_folder_is_taken(tmp_path):
    for root in (tmp_path, tmp_path / "deep" / "new"):
        DemoFolder(root).prepare()
        assert DemoFolder(root).figures.is_dir()
    DemoFolder(tmp_path).prepare()  # what an interrupted demo leaves: folders without a file


def test_a_folder_with_a_file_is_refused_unless_told_and_the_file_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("two years of work")
    with pytest.raises(FolderRefused, match="--force"):
        DemoFolder(tmp_path).prepare()
    assert os.listdir(tmp_path) == ["thesis.txt"]
    DemoFolder(tmp_path).prepare(force=True)
    DemoFolder(tmp_path).clear_results(["a.png"])
    assert (tmp_path / "thesis.txt").read_text() == "two years of work"


def test_a_folder_named_network_that_is_none_is_refused_even_with_force(tmp_path):
    (tmp_path / "network").mkdir()
    (tmp_path / "network" / "topology.txt").write_text("mine")
    with pytest.raises(FolderRefused, match="not a saved network"):
        DemoFolder(tmp_path).prepare(force=True)


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for root in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(FolderRefused, match="can't .* --out"):
            DemoFolder(root).prepare(force=True)


@pytest.mark.skipif(
    os.name == "nt" or (hasattr(os, "geteuid") and os.geteuid() == 0), reason="permissions don't bind this user"
)
def test_a_folder_without_write_permission_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(FolderRefused, match="can't write"):
            DemoFolder(tmp_path / "out").prepare()
    finally:
        tmp_path.chmod(0o700)


def test_results_of_an_earlier_demo_are_removed_before_new_ones_come(tmp_path):
    folder = DemoFolder(tmp_path)
    folder.prepare()
    folder.results.write_text("old")
    (folder.figures / "a.png").write_text("old")
    (folder.figures / "mine.png").write_text("not the demo's")
    folder.clear_results(["a.png", "never_drawn.png"])
    assert not folder.results.exists()
    assert os.listdir(folder.figures) == ["mine.png"]
