"""An archive of APOGEE on the loopback, for what is fetched from one."""

import hashlib

import pytest

from astroNN.apogee import archive as places
from tests.helpers.http_server import FileServer


@pytest.fixture
def archive(monkeypatch, tmp_path):
    """An empty archive, and an empty mirror of it."""
    with FileServer({}) as server:
        settings = tmp_path / "config.ini"
        settings.write_text(f"[Downloads]\nsdss = {server.url}sas\n")
        monkeypatch.setenv("ASTRONN_CONFIG", str(settings))
        monkeypatch.setenv("SDSS_LOCAL_SAS_MIRROR", str(tmp_path / "mirror"))
        server.mirror = tmp_path / "mirror"
        yield server


@pytest.fixture
def published(monkeypatch):
    """Checksums of the files that the tests make, in place of those of gigabytes."""

    def publish(table, dr, body):
        tables = dict(places._tables())
        path = tables[table, dr].path
        tables[table, dr] = places.ArchiveFile(path, "sha1:" + hashlib.sha1(body).hexdigest())
        monkeypatch.setattr(places, "_tables", lambda: tables)
        return path

    return publish
