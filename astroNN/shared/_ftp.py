"""Moving one file over FTP, for archives that offer nothing else."""

import ftplib
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

from astroNN.shared import _transfer
from astroNN.shared._transfer import CHUNK, Interrupted, Transfer
from astroNN.shared.errors import DownloadError, NotOnServerError

__all__ = ["FtpTransfer"]

_NO_FILE = "550"


class FtpTransfer(Transfer):
    """`Transfer` from a server of FTP, as an anonymous user. Parameters are those of `Transfer`."""

    def _fetch_rest(self, session, url):
        place = unquote(urlsplit(url).path)
        with _connected(url) as server:
            with _as_interruptions(url):
                server.voidcmd("TYPE I")  # bytes as they are
                total, version = _size(server, place), _modified(server, place)
            self._check_size(url, total)
            start = self._start(version)
            if start and start == total:  # all of it has come; only the name is missing
                return
            self._check_disk(total, start)
            if start == 0:
                self._remember(version)
            with _as_interruptions(url):
                connection = server.transfercmd(f"RETR {place}", start or None)
            with connection:
                self._write(_pieces(connection, url), url, start, total)
            with _as_interruptions(url):
                server.voidresp()
        self._check_whole(url, total)

    def _start(self, version):
        """First byte to ask for: what is here is gone on with if it is of the version that the server has now."""
        known = self._version_of_part()
        if self._have() and known == version and (version or self.verified):
            return self._have()
        self._forget()
        return 0


@contextmanager
def _connected(url):
    address = urlsplit(url)
    to_connect, without_a_byte = _transfer.TIMEOUT
    server = ftplib.FTP(timeout=to_connect)
    try:
        with _as_interruptions(url):
            server.connect(address.hostname, address.port or ftplib.FTP_PORT)
            server.sock.settimeout(without_a_byte)
            server.timeout = without_a_byte
            server.login()
        yield server
    finally:
        server.close()


def _pieces(connection, url):
    while True:
        with _as_interruptions(url):
            piece = connection.recv(CHUNK)
        if not piece:
            return
        yield piece


def _size(server, place):
    """Bytes of a file; None if the server does not tell, or has none of that name, which it will say when asked."""
    try:
        return server.size(place)
    except ftplib.error_perm:
        return None


def _modified(server, place):
    """When a file was changed last, as the server words it; None if it does not tell."""
    try:
        answer = server.sendcmd(f"MDTM {place}")
    except ftplib.error_perm:
        return None
    return answer.partition(" ")[2].strip() or None


@contextmanager
def _as_interruptions(url):
    """Turn what happens on a bad line, or passes, into `Interrupted`, and what the server refuses into errors."""
    try:
        yield
    except ftplib.error_perm as error:
        if str(error).startswith(_NO_FILE):
            raise NotOnServerError(f"The server has no file {url}, or keeps it to itself ({error}).") from error
        raise DownloadError(f"{url} can't be fetched: the server answers {error}.") from error
    except (ftplib.Error, OSError, EOFError) as error:
        raise Interrupted(f"{type(error).__name__}: {error}") from error
