"""Files and folders written whole or not at all, whatever happens to the process that writes them."""

import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from astroNN.shared import files
from astroNN.shared.files import (
    atomic_file,
    atomic_folder,
    discard,
    filehash,
    free_name,
    previous_folder,
    recover_folder,
)

# Starts a process that writes "new" into a folder by `atomic_folder`, with os.rename replaced as the test needs.
WRITER = """
import os, signal, sys
from astroNN.shared import files
path, if_exists, die_at = sys.argv[1], sys.argv[2], int(sys.argv[3])
rename, calls = os.rename, []
def counted(*names):
    calls.append(names)
    if len(calls) == die_at:
        os.kill(os.getpid(), signal.SIGKILL) if hasattr(signal, "SIGKILL") else os._exit(9)
    rename(*names)
os.rename = counted
with files.atomic_folder(path, if_exists) as draft:
    (draft.folder / "content").write_text("new")
print(draft.path)
"""


def writer(path, if_exists, die_at=0):
    return subprocess.Popen(
        [sys.executable, "-P", "-c", WRITER, path, if_exists, str(die_at)], stdout=subprocess.PIPE, text=True
    )


def write_folder(path, content, if_exists="error"):
    with atomic_folder(path, if_exists) as draft:
        (draft.folder / "content").write_text(content)
    return draft.path


def content(path):
    return (Path(path) / "content").read_text()


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_a_file_appears_under_its_name_only_when_it_is_whole(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with atomic_file(path) as temporary:
        temporary.write_text("new")
        assert temporary.parent == path.parent and temporary.suffix == ".csv"
        assert path.read_text() == "old"
    assert path.read_text() == "new" and names(tmp_path) == ["table.csv"]


def test_an_error_while_a_file_is_written_leaves_the_old_one_and_nothing_else(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic_file(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old" and names(tmp_path) == ["table.csv"]


def test_a_folder_appears_under_its_name_only_when_it_is_whole(tmp_path):
    path = tmp_path / "below" / "net.v1"
    with atomic_folder(path) as draft:
        (draft.folder / "sub").mkdir()
        (draft.folder / "sub" / "content").write_text("new")
        assert not path.exists()
    assert draft.path == path and content(path / "sub") == "new" and names(tmp_path / "below") == ["net.v1"]


@pytest.mark.parametrize("if_exists", ["rename", "replace"])
def test_an_error_while_a_folder_is_written_leaves_the_old_one_and_nothing_else(tmp_path, if_exists):
    path = write_folder(tmp_path / "net", "old")
    with pytest.raises(KeyboardInterrupt), atomic_folder(path, if_exists) as draft:
        (draft.folder / "content").write_text("half")
        raise KeyboardInterrupt
    assert content(path) == "old" and names(tmp_path) == ["net"]


def test_an_existing_folder_is_an_error_before_anything_is_written(tmp_path):
    path = write_folder(tmp_path / "net", "old")
    with pytest.raises(FileExistsError, match="if_exists='rename' or 'replace'"), atomic_folder(path):
        pytest.fail("the block was entered")
    assert content(path) == "old" and names(tmp_path) == ["net"]


def test_a_folder_that_another_process_makes_meanwhile_is_an_error_too(tmp_path):
    path = tmp_path / "net"
    with pytest.raises(FileExistsError, match="another process"), atomic_folder(path):
        write_folder(path, "other")
    assert content(path) == "other" and names(tmp_path) == ["net"]


def test_rename_takes_the_next_free_number_also_for_names_with_a_dot(tmp_path):
    path = tmp_path / "net.v1"
    assert [write_folder(path, str(k), "rename").name for k in range(3)] == ["net.v1", "net.v1_2", "net.v1_3"]
    assert [content(tmp_path / name) for name in names(tmp_path)] == ["0", "1", "2"]
    assert free_name(path).name == "net.v1_4"


def test_replace_leaves_the_new_folder_alone(tmp_path):
    path = write_folder(tmp_path / "net", "old")
    (path / "extra").write_text("old")
    assert write_folder(path, "new", "replace") == path
    assert names(path) == ["content"] and content(path) == "new" and names(tmp_path) == ["net"]


def test_replace_takes_a_link_away_but_not_what_it_points_to(tmp_path):
    target = write_folder(tmp_path / "run", "old")
    link = tmp_path / "best"
    link.symlink_to(target, target_is_directory=True)
    write_folder(link, "new", "replace")
    assert content(link) == "new" and not link.is_symlink() and content(target) == "old"


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_an_interruption_between_the_two_renames_brings_the_old_folder_back(tmp_path, monkeypatch, error):
    path = write_folder(tmp_path / "net", "old")
    rename = os.rename

    def interrupted(source, target):
        if str(source).endswith(".part"):
            raise error
        rename(source, target)

    monkeypatch.setattr(files.os, "rename", interrupted)
    with pytest.raises(error):
        write_folder(path, "new", "replace")
    assert content(path) == "old" and names(tmp_path) == ["net"]


# The renames of a replacing write are: old aside, new in place, old to the trash.
@pytest.mark.parametrize(("die_at", "survivor"), [(1, "old"), (2, "old"), (3, "new")])
def test_a_kill_at_any_rename_leaves_one_whole_folder(tmp_path, die_at, survivor):
    path = write_folder(tmp_path / "net", "old")
    process = writer(str(path), "replace", die_at)
    process.communicate()
    assert process.returncode != 0
    if die_at == 2:
        assert not path.exists() and content(previous_folder(path)) == "old"
    recover_folder(path)
    assert content(path) == survivor
    # The next write works whatever the killed one left.
    assert content(write_folder(path, "next", "replace")) == "next"
    assert not previous_folder(path).exists()


def test_writing_after_a_kill_sees_the_old_folder_again(tmp_path):
    path = write_folder(tmp_path / "net", "old")
    os.rename(path, previous_folder(path))
    assert write_folder(path, "new", "rename") == tmp_path / "net_2"
    assert content(path) == "old"


def test_nothing_is_recovered_over_a_folder_that_stands(tmp_path):
    path = write_folder(tmp_path / "net", "new")
    write_folder(previous_folder(path), "old")
    recover_folder(path)
    assert content(path) == "new" and content(previous_folder(path)) == "old"


def test_processes_that_save_one_name_at_once_get_folders_of_their_own(tmp_path):
    processes = [writer(str(tmp_path / "net"), "rename") for _ in range(3)]
    taken = [process.communicate()[0].strip() for process in processes]
    assert sorted(taken) == [str(tmp_path / name) for name in ("net", "net_2", "net_3")] and len(names(tmp_path)) == 3


def test_where_folders_cannot_be_locked_a_name_just_taken_is_left_to_its_owner(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "fcntl", None)
    path = tmp_path / "net"
    rename = os.rename

    def late(source, target):
        if not path.exists():
            write_now(path)
        rename(source, target)

    def write_now(folder):
        folder.mkdir()
        (folder / "content").write_text("other")

    monkeypatch.setattr(files.os, "rename", late)
    assert write_folder(path, "mine", "rename") == tmp_path / "net_2"
    assert content(tmp_path / "net_2") == "mine" and content(path) == "other"


@pytest.mark.skipif(files.fcntl is None, reason="this system can't lock folders")
def test_threads_that_replace_one_folder_at_once_leave_one_of_theirs(tmp_path):
    path = write_folder(tmp_path / "net", "old")
    failures = []

    def replace(number):
        try:
            for _ in range(10):
                write_folder(path, str(number), "replace")
        except OSError as error:
            failures.append(error)

    threads = [threading.Thread(target=replace, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert content(path) in ("0", "1") and names(tmp_path) == ["net"]


def test_what_is_discarded_is_gone_and_nothing_else(tmp_path):
    folder, file, link = tmp_path / "net", tmp_path / "table.csv", tmp_path / "best"
    write_folder(folder, "old")
    file.write_text("old")
    link.symlink_to(folder, target_is_directory=True)
    discard(link)
    assert content(folder) == "old" and names(tmp_path) == ["net", "table.csv"]
    discard(str(file))
    discard(file)
    assert names(tmp_path) == ["net"]
    discard(folder)
    assert names(tmp_path) == []


def test_what_can_not_be_discarded_whole_has_lost_its_name(tmp_path, monkeypatch):
    path = write_folder(tmp_path / "net", "old")

    def interrupted(folder):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.shutil, "rmtree", interrupted)
    with pytest.raises(KeyboardInterrupt):
        discard(path)
    (left,) = names(tmp_path)
    assert left.startswith("net.") and left.endswith(".part")


def test_checksums_are_those_of_hashlib_whatever_the_block_size(tmp_path):
    data = bytes(range(256)) * 41
    path = tmp_path / "data"
    path.write_bytes(data)
    assert filehash(path) == filehash(path, block_size=7) == hashlib.sha256(data).hexdigest()
    assert filehash(path, algorithm="md5") == hashlib.md5(data).hexdigest()
    with pytest.raises(ValueError, match="'crc'.*use 'sha256'"):
        filehash(path, algorithm="crc")
