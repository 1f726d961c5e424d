"""Downloads from a server that misbehaves: never a wrong file under the final name, and the next call mends it."""

import base64
import errno
import hashlib
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import filelock
import numpy as np
import pooch
import pytest

from astroNN.shared import _transfer
from astroNN.shared.downloads import download, download_or_false, listed_hashes
from astroNN.shared.errors import ChecksumError, DownloadError, NotOnServerError
from tests.helpers.http_server import FileServer

pytestmark = pytest.mark.one_backend

BODY = b"SIMPLE  =                    T" + np.random.default_rng(0).bytes(300_000)
SHA1 = "sha1:" + hashlib.sha1(BODY).hexdigest()
HASHES = [SHA1, "md5:" + hashlib.md5(BODY).hexdigest().upper(), hashlib.sha256(BODY).hexdigest(), None]


@pytest.fixture
def server():
    with FileServer({"star.fits": BODY}) as running:
        yield running


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(_transfer, "PAUSES", (0.01, 0.01))
    monkeypatch.setattr(_transfer, "TIMEOUT", (5.0, 0.5))


@pytest.fixture
def fetch(server, tmp_path):
    def fetch(**settings):
        return download(server.url + "star.fits", tmp_path / "deep" / "star.fits", progress=False, **settings)

    fetch.path = tmp_path / "deep" / "star.fits"
    return fetch


def others(path):
    """What lies in the folder beside the file."""
    return sorted(entry.name for entry in path.parent.iterdir() if entry != path) if path.parent.exists() else []


# All is well ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("known_hash", HASHES)
def test_a_file_is_fetched_once_and_nothing_else_stays(server, fetch, known_hash):
    assert fetch(known_hash=known_hash) == fetch.path
    assert fetch.path.read_bytes() == BODY and others(fetch.path) == []
    fetch(known_hash=known_hash)
    assert len(server.requests) == 1


def test_asked_for_again_by_force_it_is_fetched_again(server, fetch):
    fetch()
    server.files["star.fits"] = newer = BODY + b"more"
    fetch()
    assert fetch.path.read_bytes() == BODY
    fetch(force=True)
    assert fetch.path.read_bytes() == newer


@pytest.mark.parametrize("check", [{"known_hash": SHA1}, {"size": len(BODY)}])
def test_a_wrong_file_that_is_there_is_replaced(server, fetch, check):
    fetch.path.parent.mkdir()
    fetch.path.write_bytes(BODY[:-1])
    fetch(**check)
    assert fetch.path.read_bytes() == BODY


def test_the_old_file_stays_if_the_new_one_can_not_be_had(server, fetch):
    fetch()
    server.acts["star.fits"] = [404]
    with pytest.raises(NotOnServerError):
        fetch(force=True)
    assert fetch.path.read_bytes() == BODY


def test_the_tilde_is_the_home(server, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert download(server.url + "star.fits", "~/star.fits", progress=False) == tmp_path / "star.fits"


def test_a_progress_bar_shows_when_asked_for(server, tmp_path, capsys):
    download(server.url + "star.fits", tmp_path / "star.fits")
    assert "star.fits: 100%" in capsys.readouterr().err


@pytest.mark.parametrize("known_hash", [SHA1, None])
def test_pooch_says_nothing_of_ours_and_all_it_has_to_say_to_others(server, fetch, caplog, known_hash):
    caplog.set_level(logging.INFO, logger="pooch")
    pooch.get_logger().addHandler(caplog.handler)
    server.acts["star.fits"] = [("call", lambda: pooch.get_logger().info("a file of another thread"))]
    try:
        fetch(known_hash=known_hash)
    finally:
        pooch.get_logger().removeHandler(caplog.handler)
    assert set(caplog.messages) == {"a file of another thread"}


# A bad line -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("known_hash", [SHA1, None])
@pytest.mark.parametrize("act", ["cut", "stall"])
def test_what_has_come_is_not_fetched_again(server, fetch, act, known_hash):
    server.acts["star.fits"] = [(act, 150_000), (act, 100_000)]
    fetch(known_hash=known_hash)
    assert fetch.path.read_bytes() == BODY and others(fetch.path) == []
    first, second, third = (int(asked[6:-1]) if asked else 0 for _, asked in server.requests)
    # A connection that was cut gave all it sent; one that stalls, whole pieces.
    assert first == 0 and second > 150_000 - _transfer.CHUNK and third > second + 100_000 - _transfer.CHUNK


def test_a_server_without_parts_sends_all_again(server, fetch):
    server.ranges = False
    server.acts["star.fits"] = [("cut", 100_000)]
    fetch()
    assert fetch.path.read_bytes() == BODY


def test_a_server_without_parts_that_breaks_off_now_sooner_now_later_is_given_up(server, fetch):
    server.ranges = False
    server.acts["star.fits"] = [("cut", 100_000), ("cut", 200_000)] * 20
    with pytest.raises(DownloadError, match="3 attempts failed"):
        fetch()
    assert len(server.requests) == 5  # the first two got further than any before


def test_a_line_that_always_breaks_is_no_hindrance_as_long_as_more_comes(server, fetch):
    server.acts["star.fits"] = [("cut", 40_000)] * 7
    fetch()
    assert fetch.path.read_bytes() == BODY and len(server.requests) == 8


def test_a_server_may_send_less_than_all_that_is_missing(server, fetch):
    server.acts["star.fits"] = [("cut", 100_000)]
    server.longest_part = 70_000
    fetch()
    assert fetch.path.read_bytes() == BODY
    assert [asked for _, asked in server.requests[1:]] == [f"bytes={k}-" for k in (100_000, 170_000, 240_000)]


def leave_a_part(server, fetch):
    server.acts["star.fits"] = [("cut", 100_000), *[500] * 9]
    with pytest.raises(DownloadError, match="HTTP status 500"):
        fetch()
    server.acts["star.fits"] = []


@pytest.mark.parametrize("heeds_if_range", [True, False])
@pytest.mark.parametrize("header", ["etag", "last_modified"])
def test_a_file_that_changed_in_between_is_not_patched_together(server, fetch, heeds_if_range, header):
    server.etag, server.heeds_if_range = None, heeds_if_range
    setattr(server, header, "Sat, 29 Oct 1994 19:43:31 GMT")
    leave_a_part(server, fetch)
    server.files["star.fits"] = changed = BODY[:50] + b"another version" + BODY[65:]
    setattr(server, header, "Sun, 30 Oct 1994 19:43:31 GMT")
    fetch()
    assert fetch.path.read_bytes() == changed


def test_a_version_of_the_same_size_is_not_taken_for_the_one_that_is_here(server, fetch, monkeypatch):
    leave_the_whole_without_its_name(fetch, monkeypatch)
    server.files["star.fits"] = changed = BODY[:50] + b"another version" + BODY[65:]
    server.etag, server.heeds_if_range = '"v2"', False
    fetch()
    assert fetch.path.read_bytes() == changed


@pytest.mark.parametrize("left", [b"", b'"v', b"\xff\xfe", b"17", None])
def test_a_version_that_can_not_be_read_is_none(server, fetch, left):
    leave_a_part(server, fetch)
    version_file = _transfer.partial_file(fetch.path).with_name("version.json")
    assert json.loads(version_file.read_text()) == '"v1"'
    version_file.unlink()
    if left is not None:
        version_file.write_bytes(left)
    fetch()
    assert fetch.path.read_bytes() == BODY and others(fetch.path) == []
    assert server.requests[-1] == ("star.fits", None)  # nothing says that what is here belongs to the file


@pytest.mark.parametrize("known_hash", [SHA1, None])
def test_a_size_that_is_no_number_is_no_wrong_checksum(server, fetch, known_hash):
    server.acts["star.fits"] = [("headers", {"Content-Length": "many"})] * 3
    with pytest.raises(DownloadError, match="says that the file has 'many' bytes. 3 attempts failed") as error:
        fetch(known_hash=known_hash)
    assert not isinstance(error.value, ChecksumError)
    fetch(known_hash=known_hash)
    assert fetch.path.read_bytes() == BODY


def test_without_hash_and_version_nothing_is_gone_on_with(server, fetch):
    server.etag = None
    server.acts["star.fits"] = [("cut", 100_000)]
    fetch()
    assert fetch.path.read_bytes() == BODY
    assert [asked for _, asked in server.requests] == [None, None]


def test_errors_of_the_server_that_pass(server, fetch):
    server.acts["star.fits"] = [500, 503, 429]
    with pytest.raises(DownloadError, match=r"HTTP status 429. 3 attempts failed"):
        fetch()
    server.acts["star.fits"] = [500, 503]
    fetch(known_hash=SHA1)
    assert fetch.path.read_bytes() == BODY


def test_after_too_many_failures_the_error_says_that_the_next_call_goes_on(server, fetch):
    server.acts["star.fits"] = [("cut", 100_000), 500, 500, 500]
    with pytest.raises(DownloadError, match="the next call goes on from there") as error:
        fetch()
    assert error.value.status == 500
    assert not fetch.path.exists()
    fetch()
    assert server.requests[-1] == ("star.fits", "bytes=100000-")
    assert fetch.path.read_bytes() == BODY


def test_a_server_that_is_not_there(fetch, tmp_path):
    with pytest.raises(DownloadError, match="can't be fetched.*attempts failed"):
        download("http://127.0.0.1:9/star.fits", tmp_path / "star.fits", progress=False)


@pytest.mark.parametrize("known_hash", [SHA1, None])
@pytest.mark.parametrize("url", ["star.fits", "nothing://here/star.fits", "http://[::1/star.fits"])
def test_what_is_no_address(url, known_hash, tmp_path):
    with pytest.raises(DownloadError, match="star.fits is no address") as error:
        download(url, tmp_path / "star.fits", known_hash=known_hash, progress=False)
    assert not isinstance(error.value, ChecksumError) and list(tmp_path.iterdir()) == []


# Wrong files ----------------------------------------------------------------------------------------------------


def test_a_corrupted_body_is_fetched_once_more(server, fetch):
    server.acts["star.fits"] = [("other", BODY[:-1] + b"x")]
    fetch(known_hash=SHA1)
    assert fetch.path.read_bytes() == BODY and len(server.requests) == 2


def test_a_body_that_stays_wrong_is_refused(server, fetch):
    server.files["star.fits"] = BODY[:-1] + b"x"
    with pytest.raises(ChecksumError, match="twice has another checksum than sha1:") as error:
        fetch(known_hash=SHA1)
    assert isinstance(error.value, ValueError) and isinstance(error.value, ConnectionError)
    assert not fetch.path.exists() and others(fetch.path) == [] and len(server.requests) == 2


def test_a_corrupted_part_is_found_out(server, fetch):
    _transfer.partial_file(fetch.path).parent.mkdir(parents=True)
    _transfer.partial_file(fetch.path).write_bytes(b"x" * 1000)
    fetch(known_hash=SHA1)
    assert fetch.path.read_bytes() == BODY


def test_a_part_longer_than_the_file(server, fetch):
    _transfer.partial_file(fetch.path).parent.mkdir(parents=True)
    _transfer.partial_file(fetch.path).write_bytes(b"x" * 400_000)
    fetch(known_hash=SHA1)
    assert fetch.path.read_bytes() == BODY
    assert [asked for _, asked in server.requests] == ["bytes=400000-", None]


def leave_the_whole_without_its_name(fetch, monkeypatch):
    """As a process does that is killed after the last byte."""
    replace = os.replace

    def killed(source, target):
        if source == _transfer.partial_file(fetch.path):
            raise KeyboardInterrupt
        replace(source, target)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(os, "replace", killed)
        fetch()
    assert _transfer.partial_file(fetch.path).read_bytes() == BODY and not fetch.path.exists()


@pytest.mark.parametrize("known_hash", [SHA1, None])
def test_a_file_that_only_lacks_its_name_is_not_fetched_again(server, fetch, monkeypatch, known_hash):
    leave_the_whole_without_its_name(fetch, monkeypatch)
    fetch(known_hash=known_hash)
    assert fetch.path.read_bytes() == BODY and others(fetch.path) == []
    assert server.requests == [("star.fits", None), ("star.fits", f"bytes={len(BODY)}-")]


def test_a_file_of_the_wrong_size_that_only_lacks_its_name(server, fetch, monkeypatch):
    leave_the_whole_without_its_name(fetch, monkeypatch)
    with pytest.raises(DownloadError, match="but the file should have 17"):
        fetch(size=17)
    assert not fetch.path.exists()


@pytest.mark.parametrize(
    "page", [b"<!DOCTYPE html><title>Log in</title>", b"\n  <HTML><body>", b"Please accept the terms", b""]
)
def test_a_login_page_is_not_fits(server, fetch, page):
    server.files["star.fits"] = page
    with pytest.raises(DownloadError, match="not a file of the kind .fits|is empty"):
        fetch()
    assert not fetch.path.exists() and others(fetch.path) == []


def test_other_kinds_of_file_have_other_beginnings(server, tmp_path):
    server.files |= {"a.h5": b"\x89HDF\r\n\x1a\nrest", "list.sha1sum": b"abc  star.fits\n", "b.h5": BODY}
    for name in ("a.h5", "list.sha1sum"):
        assert download(server.url + name, tmp_path / name, progress=False).read_bytes() == server.files[name]
    with pytest.raises(DownloadError, match="kind .h5"):
        download(server.url + "b.h5", tmp_path / "b.h5", progress=False)


def test_another_size_than_the_known_one(server, fetch):
    with pytest.raises(DownloadError, match=f"has {len(BODY)} bytes on the server, but the file should have 17"):
        fetch(size=17)
    assert not fetch.path.exists()


def test_a_compressed_file_is_kept_as_it_is(server, tmp_path):
    import gzip

    packed = server.files["star.fits.gz"] = gzip.compress(BODY)
    server.acts["star.fits.gz"] = [("headers", {"Content-Encoding": "gzip"})]
    assert download(server.url + "star.fits.gz", tmp_path / "star.fits.gz", progress=False).read_bytes() == packed


# What the server says no to -------------------------------------------------------------------------------------


def test_a_file_that_is_not_there_is_asked_for_once(server, tmp_path):
    with pytest.raises(NotOnServerError, match=r"has no file http.*none.fits \(HTTP status 404\)") as error:
        download(server.url + "none.fits", tmp_path / "none.fits", progress=False)
    assert isinstance(error.value, FileNotFoundError) and isinstance(error.value, ConnectionError)
    assert len(server.requests) == 1 and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [404, 403])
def test_where_false_is_documented_it_comes_with_a_warning(server, tmp_path, status):
    server.acts["star.fits"] = [status]
    with pytest.warns(UserWarning, match=f"HTTP status {status}"):
        assert download_or_false(server.url + "star.fits", tmp_path / "star.fits", progress=False) is False
    assert download_or_false(server.url + "star.fits", tmp_path / "star.fits", progress=False) == str(
        tmp_path / "star.fits"
    )


@pytest.mark.parametrize("status", [408, 425, 429, 407, 500, 503])
def test_a_server_that_speaks_of_itself_is_no_reason_for_false(server, tmp_path, status):
    server.acts["star.fits"] = [status] * 9
    with pytest.raises(ConnectionError, match=f"HTTP status {status}") as error:
        download_or_false(server.url + "star.fits", tmp_path / "star.fits", progress=False)
    assert error.value.status == status


def test_the_warning_points_to_the_line_that_asked_for_the_file(server, tmp_path):
    with pytest.warns(UserWarning, match="has no file") as told:
        download_or_false(server.url + "none.fits", tmp_path / "none.fits", progress=False)
    assert told[0].filename == __file__


def test_no_answer_at_all_is_no_reason_for_false(tmp_path):
    with pytest.raises(ConnectionError):
        download_or_false("http://127.0.0.1:9/star.fits", tmp_path / "star.fits", progress=False)


def test_a_password_is_asked_for_where_one_can_type(server, fetch, monkeypatch):
    server.users["star.fits"] = "Basic " + base64.b64encode(b"jo:secret").decode()
    with pytest.raises(ConnectionError, match="needs a user name and a password. Put them into ~/.netrc"):
        fetch()
    monkeypatch.setattr(sys, "stdin", type("Terminal", (), {"isatty": lambda self: True})())
    monkeypatch.setattr("builtins.input", lambda prompt: "jo")
    monkeypatch.setattr("getpass.getpass", lambda prompt: "wrong")
    with pytest.raises(ConnectionError, match="refuses this user name and password"):
        fetch()
    monkeypatch.setattr("getpass.getpass", lambda prompt: "secret")
    fetch()
    assert fetch.path.read_bytes() == BODY


# The disk ---------------------------------------------------------------------------------------------------------


def test_a_disk_too_small_is_known_beforehand(server, fetch, monkeypatch):
    monkeypatch.setattr(_transfer.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1000})())
    with pytest.raises(OSError, match=r"star.fits needs 300030 bytes more, but its disk has 1000 left"):
        fetch()
    assert not fetch.path.exists()


FETCH = """
import sys
from astroNN.shared import _transfer
from astroNN.shared.downloads import download
{before}
download(sys.argv[1], sys.argv[2], known_hash=sys.argv[3], progress=False)
"""


def process(server, path, before="", **settings):
    return subprocess.Popen(
        [sys.executable, "-c", FETCH.format(before=before), server.url + "star.fits", str(path), SHA1],
        stderr=subprocess.PIPE, text=True, **settings,
    )  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on the size of files")
def test_a_full_disk_leaves_a_part_and_the_next_call_goes_on(server, fetch):
    limit = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"
    child = process(server, fetch.path, limit)
    assert "star.fits can't be written" in child.communicate(timeout=60)[1] and child.returncode == 1
    assert not fetch.path.exists()
    fetch(known_hash=SHA1)
    assert fetch.path.read_bytes() == BODY and others(fetch.path) == []
    assert server.requests[-1][1].startswith("bytes=")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on the size of files")
def test_a_disk_that_is_full_when_a_part_is_gone_on_with_spoils_nothing(server, fetch):
    leave_a_part(server, fetch)
    limit = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))"
    child = process(server, fetch.path, limit)
    assert "star.fits can't be written" in child.communicate(timeout=60)[1] and child.returncode == 1
    fetch()
    assert fetch.path.read_bytes() == BODY and others(fetch.path) == []
    assert server.requests[-1] == ("star.fits", "bytes=100000-")


def test_no_space_left_is_told_as_such(server, fetch, monkeypatch):
    class Full:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.file.close()

        def tell(self):
            return self.file.tell()

        def fileno(self):
            return self.file.fileno()

        def write(self, data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(
        _transfer, "open", lambda *arguments, **settings: Full(open(*arguments, **settings)), raising=False
    )
    with pytest.raises(OSError, match="star.fits can't be written.*Make room") as error:
        fetch()
    assert error.value.errno == errno.ENOSPC and not fetch.path.exists()
    monkeypatch.undo()
    fetch(known_hash=SHA1)
    assert fetch.path.read_bytes() == BODY


def test_a_folder_that_can_not_be_made(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"The folder .*file, where star.fits belongs, can't be made .*SDSS_LOCAL_SAS"):
        download(server.url + "star.fits", tmp_path / "file" / "star.fits", progress=False)


# Processes --------------------------------------------------------------------------------------------------------


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.01)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_after_a_kill_in_the_middle_the_next_call_goes_on(server, fetch):
    server.acts["star.fits"] = [("slow", 0.2)]
    child = process(server, fetch.path)
    part = _transfer.partial_file(fetch.path)
    wait_for(lambda: part.exists() and part.stat().st_size > 20_000)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    (part.parent / "tmp_left_by_it").write_text("")
    assert not fetch.path.exists() and 20_000 < part.stat().st_size < len(BODY)
    kept = part.stat().st_size
    fetch(known_hash=SHA1)
    assert fetch.path.read_bytes() == BODY and others(fetch.path) == []
    assert server.requests[-1] == ("star.fits", f"bytes={kept}-")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_after_a_kill_while_the_version_is_noted_the_next_call_starts_anew(server, fetch):
    # Killed by whatever first makes the version durable: it must not have its name by then.
    kill = "os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)"
    child = process(server, fetch.path, f"import os, signal\n{kill}")
    child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL
    left = [entry.name for entry in _transfer.partial_file(fetch.path).parent.iterdir()]
    assert left and "version.json" not in left
    fetch()
    assert fetch.path.read_bytes() == BODY and others(fetch.path) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows locks files in another way")
def test_on_a_disk_without_locks_the_file_that_stands_for_one_stays_until_the_end(server, fetch, monkeypatch):
    import fcntl

    def no_locks(*arguments):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    stood, release = [], filelock.SoftFileLock.release

    def watched(lock, force=False):
        if lock.is_locked:
            stood.append(os.path.exists(lock.lock_file))
        release(lock, force)

    monkeypatch.setattr(fcntl, "flock", no_locks)
    monkeypatch.setattr(filelock.SoftFileLock, "release", watched)
    with pytest.warns(UserWarning, match="flock not supported"):
        fetch()
    assert stood == [True] and others(fetch.path) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows can't delete a file that is open")
def test_a_file_that_is_being_fetched_stays_ours_until_the_end(server, fetch, monkeypatch):
    # Once our lock has lost its name, another process may take a new one: whoever deletes that lets a third one in.
    other = filelock.FileLock(fetch.path.with_name(".star.fits.lock"), timeout=60)
    unlink = type(fetch.path).unlink

    def overtaken(path, missing_ok=False):
        unlink(path, missing_ok=missing_ok)
        if path.suffix == ".lock" and not other.is_locked:
            other.acquire()

    with monkeypatch.context() as patched:
        patched.setattr(type(fetch.path), "unlink", overtaken)
        fetch()
    assert other.is_locked and os.path.exists(other.lock_file)
    other.release()


def test_two_processes_at_once_fetch_one_file_once(server, fetch):
    server.acts["star.fits"] = [("slow", 0.05)]
    children = [process(server, fetch.path) for _ in range(2)]
    for child in children:
        assert child.communicate(timeout=120)[1] == "" and child.returncode == 0
    assert fetch.path.read_bytes() == BODY and others(fetch.path) == []
    assert len(server.requests) == 1


def test_threads_that_want_the_same_file_get_it_whole(server, fetch):
    server.acts["star.fits"] = [("slow", 0.01)]
    with ThreadPoolExecutor(8) as pool:
        paths = [job.result() for job in [pool.submit(fetch, known_hash=SHA1) for _ in range(8)]]
    assert set(paths) == {fetch.path} and fetch.path.read_bytes() == BODY
    assert len(server.requests) == 1 and others(fetch.path) == []


# Lists of checksums -----------------------------------------------------------------------------------------------


def test_a_list_of_checksums_names_files_with_or_without_their_folders(tmp_path):
    lines = [
        "aa11  plain.fits",
        "bb22 *read/as/bytes.fits",
        "",
        "cc33\t./here.fits",
        "no-name",
        "dd44  twice/plain.fits",
    ]
    (tmp_path / "list").write_bytes("\r\n".join(lines).encode() + b"\nee55  caf\xe9.fits\n")
    hashes = listed_hashes(tmp_path / "list", "sha1")
    assert [hashes.pop(name) for name in ("plain.fits", "bytes.fits", "here.fits")] == [
        "sha1:aa11", "sha1:bb22", "sha1:cc33",
    ]  # fmt: skip
    assert list(hashes.values()) == ["sha1:ee55"]


@pytest.mark.skipif(shutil.which("md5sum") is None, reason="there is no md5sum")
def test_a_list_by_md5sum_is_understood(tmp_path):
    (tmp_path / "star.fits").write_bytes(BODY)
    listed = subprocess.run(["md5sum", str(tmp_path / "star.fits")], stdout=subprocess.PIPE, check=True).stdout
    (tmp_path / "list").write_bytes(listed)
    assert listed_hashes(tmp_path / "list", "md5") == {"star.fits": "md5:" + hashlib.md5(BODY).hexdigest()}
