"""Downloads by FTP: as those by HTTP, never a wrong file under the final name."""

import hashlib
import socket

import numpy as np
import pytest

from astroNN.shared import _transfer
from astroNN.shared.downloads import download
from astroNN.shared.errors import ChecksumError, DownloadError, NotOnServerError
from tests.helpers.ftp_server import FtpServer

pytestmark = pytest.mark.one_backend

BODY = b"\x89HDF\r\n\x1a\n" + np.random.default_rng(0).bytes(300_000)
SHA256 = "sha256:" + hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def server():
    with FtpServer({"pub/model one.hdf5": BODY}) as running:
        yield running


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(_transfer, "PAUSES", (0.01, 0.01))
    monkeypatch.setattr(_transfer, "TIMEOUT", (2.0, 2.0))


@pytest.fixture
def fetch(server, tmp_path):
    def fetch(**settings):
        return download(server.url + "pub/model%20one.hdf5", fetch.path, progress=False, **settings)

    fetch.path = tmp_path / "deep" / "model.hdf5"
    return fetch


def others(path):
    return sorted(entry.name for entry in path.parent.iterdir() if entry != path)


@pytest.mark.parametrize("tells_size", [True, False])
@pytest.mark.parametrize("known_hash", [SHA256, None])
def test_a_file_is_fetched_once_and_nothing_else_stays(server, fetch, known_hash, tells_size):
    server.tells_size = tells_size
    for _ in range(2):
        assert fetch(known_hash=known_hash) == fetch.path
    assert fetch.path.read_bytes() == BODY and others(fetch.path) == []
    assert server.transfers() == ["RETR /pub/model one.hdf5"]
    assert "USER anonymous" in server.commands and "TYPE I" in server.commands


@pytest.mark.parametrize("how", ["cut", "silent"])
def test_a_broken_transfer_goes_on_where_it_broke(server, fetch, how):
    server.acts = [(how, 100_000), (how, 50_000)]
    fetch()
    assert fetch.path.read_bytes() == BODY and others(fetch.path) == []
    places = [command for command in server.transfers() if command.startswith("REST")]
    assert places == ["REST 100000", "REST 150000"]


def test_a_part_of_an_older_version_is_not_gone_on_with(server, fetch):
    server.acts = [("cut", 100_000)] + [("cut", 0)] * 5
    with pytest.raises(DownloadError, match="the next call goes on"):
        fetch()
    server.acts, server.commands = [], []
    server.modified = "20230101000000"
    server.files["pub/model one.hdf5"] = newer = BODY[:9] + BODY[9:][::-1]
    fetch()
    assert fetch.path.read_bytes() == newer
    assert server.transfers() == ["RETR /pub/model one.hdf5"]


def test_what_has_no_version_is_gone_on_with_only_where_a_checksum_is_known(server, fetch):
    server.modified = None
    server.acts = [("cut", 100_000)]
    fetch(known_hash=SHA256)
    assert "REST 100000" in server.transfers()
    server.commands, server.acts = [], [("cut", 100_000)]
    fetch(force=True)
    assert fetch.path.read_bytes() == BODY
    assert server.transfers() == ["RETR /pub/model one.hdf5"] * 2


def test_a_file_that_is_not_there(server, tmp_path):
    with pytest.raises(NotOnServerError, match="no file ftp://.*nothing.hdf5.*550"):
        download(server.url + "nothing.hdf5", tmp_path / "nothing.hdf5")
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_lets_nobody_in(server, fetch):
    server.login = "530 members only"
    with pytest.raises(DownloadError, match="the server answers 530 members only"):
        fetch()


def test_a_busy_server_is_asked_again(server, fetch):
    server.acts = [("answer", "450 try later")]
    fetch()
    assert fetch.path.read_bytes() == BODY
    server.acts = [("answer", "421 too many users")] * 5
    with pytest.raises(DownloadError, match="can't be fetched.*3 attempts failed"):
        fetch(force=True)
    assert fetch.path.read_bytes() == BODY


def test_a_wrong_file_on_the_server_is_refused(server, fetch):
    with pytest.raises(DownloadError, match="300008 bytes on the server, but the file should have 7"):
        fetch(size=7)
    with pytest.raises(ChecksumError):
        fetch(known_hash="sha256:" + "0" * 64)
    server.files["pub/model one.hdf5"] = b"<html>this server has moved</html>"
    with pytest.raises(DownloadError, match="a page instead"):
        fetch()
    server.files["pub/model one.hdf5"] = b""
    with pytest.raises(DownloadError, match="is empty"):
        fetch()
    assert not fetch.path.exists()


def test_a_server_that_is_not_there(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(DownloadError, match="can't be fetched: ConnectionRefusedError"):
        download(f"ftp://127.0.0.1:{port}/model.hdf5", tmp_path / "model.hdf5")
