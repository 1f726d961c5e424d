"""The list of checksums of TGAS; what is fetched and read with it is tested with the catalogues."""

import pytest

from astroNN import gaia
from astroNN.gaia import downloads
from tests.helpers.fits_tables import fits_bytes
from tests.helpers.http_server import FileServer

pytestmark = pytest.mark.one_backend


def test_files_that_the_list_lacks_come_with_one_warning(monkeypatch, tmp_path):
    table = fits_bytes(ra=[1.0])
    monkeypatch.setattr(downloads, "TGAS_FILES", ("a.fits", "b.fits", "c.fits"))
    files = {f"gdr1/tgas_source/fits/{name}": table for name in downloads.TGAS_FILES}
    with FileServer(files | {"gdr1/tgas_source/fits/MD5SUM.txt": f"{'0' * 32}  b.fits\n".encode()}) as server:
        (tmp_path / "config.ini").write_text(f"[Downloads]\ngaia = {server.url}\n")
        monkeypatch.setenv("ASTRONN_CONFIG", str(tmp_path / "config.ini"))
        monkeypatch.setenv("GAIA_TOOLS_DATA", str(tmp_path / "data"))
        with (
            pytest.warns(UserWarning, match="MD5SUM.txt lists no checksum of a.fits, c.fits") as told,
            pytest.raises(ConnectionError, match="b.fits: .*another checksum than md5:000"),
        ):
            gaia.tgas()
    assert [warning.filename for warning in told] == [__file__]
