"""Moving one file over HTTP, in as many pieces as a bad line makes of it."""

import getpass
import json
import os
import shutil
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from tqdm.auto import tqdm

from astroNN.shared.errors import DownloadError, NotOnServerError
from astroNN.shared.files import atomic_file

__all__ = ["MAY_PASS", "Interrupted", "Transfer", "partial_file"]

TIMEOUT = (15.0, 60.0)  # seconds: to connect, and without a byte
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)  # seconds before the next attempt, if the last one brought nothing
LONGEST_PAUSE = 60.0  # that a server may ask for
CHUNK = 1 << 16  # bytes; what a line that stalls may cost

GONE = (404, 410)
MAY_PASS = (408, 425, 429, 500, 502, 503, 504)  # of the server or the line, not of the file

# What the files begin with. A page that asks for a password comes as "200 OK", too.
BEGINNINGS = {
    ".fits": (b"SIMPLE  =",),
    ".h5": (b"\x89HDF\r\n\x1a\n",),
    ".hdf5": (b"\x89HDF\r\n\x1a\n",),
    ".gz": (b"\x1f\x8b",),
}
PAGE = (b"<!doctype html", b"<html")


def partial_file(path):
    """Where the first part of a file waits for the rest: in a folder of its own beside it."""
    return path.with_name(f".{path.name}.part") / "part"


class Transfer:
    """Downloader for `pooch`: keeps what has come, asks for the rest, and does not give up at once.

    Parameters
    ----------
    path : Path
        Where the file shall stand in the end; what has come of it waits at `partial_file`.
    verified : bool
        Whether the caller checks the file by a hash: then a part may be completed even if the server does not say
        that the file is still the same.
    size : int, optional
        Size of the file [bytes], if it is known.
    progress : bool, optional
        Show a progress bar. Default True.
    """

    def __init__(self, path, verified, size=None, progress=True):
        self.path, self.verified, self.size, self.progress = Path(path), verified, size, progress
        self.part = partial_file(self.path)
        self.version_file = self.part.with_name("version.json")
        self.credentials = None

    def __call__(self, url, output_file, pooch=None, check_only=False):
        """Fetch `url` into `output_file`, as pooch asks for it."""
        import requests  # only when something is fetched

        failures = most = 0
        with requests.Session() as session:
            while True:
                had = self._have()
                try:
                    self._fetch_rest(session, url)
                    break
                except Interrupted as error:
                    # A server that can't send parts begins anew each time: only what no attempt had yet is progress.
                    failures = 0 if self._have() > max(had, most) else failures + 1
                    most = max(most, self._have())
                    if failures > len(PAUSES):
                        raise DownloadError(
                            f"{url} can't be fetched: {error}. {failures} attempts failed; what has come so far is "
                            f"kept in {self.part}, and the next call goes on from there.",
                            error.status,
                        ) from error
                    time.sleep(max(error.pause, PAUSES[max(failures - 1, 0)]))
        os.replace(self.part, output_file)
        self._forget()

    def _have(self):
        return self.part.stat().st_size if self.part.exists() else 0

    def _fetch_rest(self, session, url):
        headers = {"Accept-Encoding": "identity"} | self._range()
        with _as_interruptions(url):
            response = session.get(url, headers=headers, stream=True, timeout=TIMEOUT, auth=self.credentials)
        with response:
            start, total = self._start_of(response, url), _total(response)
            self._check_size(url, total)
            if response.status_code == 416:  # all of it has come; only the name is missing
                return
            self._check_disk(total, start)
            if start == 0:
                self._remember(_version(response))
            self._write(_pieces(response, url), url, start, total)
        self._check_whole(url, total)

    def _range(self):
        """Header that asks for the bytes that are not here yet, if what is here can be gone on with."""
        have, version = self._have(), self._version_of_part()
        if not have or not (version or self.verified):
            self._forget()
            return {}
        return {"Range": f"bytes={have}-"} | ({"If-Range": version} if version else {})

    def _start_of(self, response, url):
        """First byte that comes; where nothing is left to come, the size of the file."""
        status, have = response.status_code, self._have()
        if status == 200:
            self._forget()
            return 0
        if status == 206 or (status == 416 and have):
            span, _, total = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
            begins = total if status == 416 else span.partition("-")[0]
            if begins == str(have) and (total.isdecimal() or total == "*") and not self._has_changed(response):
                return have
            self._forget()
            raise Interrupted(f"what is here can't be gone on with (HTTP status {status})")
        self._refuse(response, url)

    def _has_changed(self, response):
        """Whether the server names another version than that of the part; not all of them heed If-Range."""
        ours, theirs = self._version_of_part(), _version(response)
        return None not in (ours, theirs) and ours != theirs

    def _refuse(self, response, url):
        status = response.status_code
        if status in GONE:
            raise NotOnServerError(f"The server has no file {url} (HTTP status {status}).", status)
        if status in MAY_PASS:
            raise Interrupted(f"the server answers with HTTP status {status}", _asked_pause(response), status)
        if status == 401 and self.credentials is None:
            self.credentials = _ask_credentials(url)
            raise Interrupted("the server wants a password", status=status)
        if status == 401:
            raise DownloadError(f"{url}: the server refuses this user name and password (HTTP status 401).", status)
        raise DownloadError(f"{url} can't be fetched: the server answers with HTTP status {status}.", status)

    def _check_size(self, url, total):
        if self.size is not None and total is not None and total != self.size:
            raise DownloadError(
                f"{url} has {total} bytes on the server, but the file should have {self.size}: it is another file."
            )

    def _check_disk(self, total, start):
        free = shutil.disk_usage(self.part.parent).free
        if total is not None and total - start > free:
            raise OSError(
                f"{self.path} needs {total - start} bytes more, but its disk has {free} left. Make room and call "
                f"again."
            )

    def _check_whole(self, url, total):
        if total == 0:
            self._forget()
            raise DownloadError(f"{url} is empty.")
        if total is not None and self._have() != total:
            raise Interrupted(f"the connection ended after {self._have()} of {total} bytes")

    def _remember(self, version):
        if version and not version.startswith("W/"):  # a weak one is no promise that the bytes are the same
            with _writing(self.path), atomic_file(self.version_file) as temporary:
                temporary.write_text(json.dumps(version))

    def _version_of_part(self):
        """What the server called the version that the part is of, or None if that is not known."""
        try:
            version = json.loads(self.version_file.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return version if isinstance(version, str) else None

    def _forget(self):
        for path in (self.part, self.version_file):
            path.unlink(missing_ok=True)

    def _write(self, pieces, url, start, total):
        units = {"unit": "B", "unit_scale": True}
        bar = tqdm(total=total, initial=start, desc=self.path.name, disable=not self.progress, **units)
        with bar, open(self.part, "ab", buffering=0) as stream:
            for piece in pieces:
                if not stream.tell():
                    self._look_at(piece, url)
                with _writing(self.path):
                    _write_all(stream, piece)
                bar.update(len(piece))
            os.fsync(stream.fileno())

    def _look_at(self, piece, url):
        """Raise if a file does not begin as one of its kind does."""
        wanted = BEGINNINGS.get(self.path.suffix.lower())
        if piece.lstrip()[:20].lower().startswith(PAGE) or (wanted and not piece.startswith(wanted)):
            self._forget()
            raise DownloadError(
                f"{url} is not a file of the kind {self.path.suffix or self.path.name}: it begins with "
                f"{piece[:30]!r}. The server may have sent a page instead, such as one that asks for a password."
            )


class Interrupted(Exception):
    """What may go well the next time."""

    def __init__(self, message, pause=0.0, status=None):
        super().__init__(message)
        self.pause, self.status = pause, status


@contextmanager
def _as_interruptions(url):
    """Turn what happens on a bad line into `Interrupted`."""
    import requests
    import urllib3

    try:
        yield
    except (
        requests.exceptions.InvalidURL,
        requests.exceptions.InvalidSchema,
        requests.exceptions.MissingSchema,
    ) as error:
        raise DownloadError(f"{url} is no address that a file can be fetched from: {error}") from error
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, TimeoutError) as error:
        raise Interrupted(f"{type(error).__name__}: {error}") from error


def _pieces(response, url):
    """What comes, piece by piece."""
    pieces = response.raw.stream(CHUNK, decode_content=False)
    while True:
        with _as_interruptions(url):
            piece = next(pieces, None)
        if piece is None:
            return
        yield piece


@contextmanager
def _writing(path):
    """Say of an error which file can't be written."""
    try:
        yield
    except OSError as error:
        raise OSError(
            error.errno, f"{path} can't be written ({error.strerror}). Make room and call again."
        ) from error


def _write_all(stream, piece):
    # Without a buffer, a disk that fills up may take a part of the piece before it says so.
    rest = memoryview(piece)
    while rest:
        rest = rest[stream.write(rest) :]


def _version(response):
    return response.headers.get("ETag") or response.headers.get("Last-Modified")


def _total(response):
    """Size of the whole file [bytes], or None if the server does not tell."""
    if response.status_code != 200:  # what comes may be less than all that is missing
        size = response.headers.get("Content-Range", "").rpartition("/")[2]
    else:
        size = response.headers.get("Content-Length")
    if size in (None, "*"):
        return None
    if not size.isdecimal():
        raise Interrupted(f"the server says that the file has {size!r} bytes")
    return int(size)


def _asked_pause(response):
    wait = response.headers.get("Retry-After", "")
    return min(float(wait), LONGEST_PAUSE) if wait.isdecimal() else 0.0


def _ask_credentials(url):
    if not sys.stdin or not sys.stdin.isatty():
        raise DownloadError(
            f"{url} needs a user name and a password. Put them into ~/.netrc, or call again where you can type.",
            status=401,
        )
    return input(f"{url} needs a password. User name: "), getpass.getpass("Password: ")
