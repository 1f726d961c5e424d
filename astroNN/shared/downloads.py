"""The one downloader of all rooms.

A file takes its name only when it is whole and its checksum is right; until then it waits under another name, and
the next call goes on where the last one, however it ended, stopped. Two processes never fetch the same file.
"""

import functools
import logging
import os
import shutil
import threading
import warnings
from contextlib import contextmanager
from pathlib import Path

import filelock
import pooch

from astroNN.shared._ftp import FtpTransfer
from astroNN.shared._transfer import MAY_PASS, Transfer
from astroNN.shared.callers import users_level
from astroNN.shared.errors import ChecksumError, DownloadError
from astroNN.shared.files import filehash

__all__ = ["download", "download_or_false", "listed_hashes"]

_at_work = threading.local()


def download(url, path, known_hash=None, size=None, force=False, progress=True):
    """Fetch a file, unless it is there already.

    Parameters
    ----------
    url : str
        Where it comes from: ``https://``, ``http://`` or ``ftp://`` (without a password).
    path : str or Path
        Where it shall stand. Folders are made.
    known_hash : str, optional
        Checksum as ``"sha1:..."``, ``"md5:..."`` or ``"sha256:..."``: a file that has another is fetched anew.
    size : int, optional
        Size [bytes], checked where no checksum is known.
    force : bool, optional
        Fetch it even if it is there. Default False. The old file stays until the new one is whole.
    progress : bool, optional
        Show a progress bar. Default True.

    Returns
    -------
    Path
        Of the file, whole and checked.

    Raises
    ------
    NotOnServerError
        (a ConnectionError and a FileNotFoundError) If the server has no such file.
    ChecksumError
        (a ConnectionError and a ValueError) If the checksum was wrong twice.
    DownloadError
        (a ConnectionError) If the server refuses, sends something else, or can't be reached.
    OSError
        If the file can't be written.
    """
    path = Path(path).expanduser().absolute()
    if not force and _is_good(path, known_hash, size):
        return path
    _make_folder(path)
    with _only_process(path):
        # Another process may have fetched it while this one waited.
        if force or not _is_good(path, known_hash, size):
            _fetch(url, path, known_hash, size, progress)
    return path


def _make_folder(path):
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            error.errno,
            f"The folder {path.parent}, where {path.name} belongs, can't be made ({error.strerror}). Where downloads "
            "go is told by environment variables such as SDSS_LOCAL_SAS_MIRROR, else it is the home folder: name one "
            "that can be written.",
        ) from error


def download_or_false(url, path, **settings):
    """Fetch a file as `download` does; False, with a warning, if the server lacks or refuses it.

    Parameters
    ----------
    url : str
        Address of the file.
    path : str or Path
        Where it shall lie.
    **settings
        Further arguments of `download`.

    Returns
    -------
    str or False
        Path of the file.
    """
    try:
        return str(download(url, path, **settings))
    except DownloadError as error:
        # Without an answer of the server, or with one about itself, nothing is known about the file.
        if error.status in (None, 401, 407, *MAY_PASS) or error.status >= 500:
            raise
        warnings.warn(f"{error}", stacklevel=users_level())
        return False


def listed_hashes(path, algorithm):
    """Checksums by the list that an archive keeps of its files, in the format of ``md5sum`` and ``sha1sum``.

    Parameters
    ----------
    path : str or Path
        The list: a checksum and a file a line.
    algorithm : str
        What the checksums are, such as ``"sha1"``.

    Returns
    -------
    dict of str to str
        ``"sha1:..."`` by the name of the file, without its folder; of two lines for one name, the first.
    """
    hashes = {}
    for line in Path(path).read_text(encoding="ascii", errors="replace").splitlines():
        parts = line.split()
        if len(parts) >= 2:
            name = parts[-1].lstrip("*").rpartition("/")[2]  # the star says that the file was read as bytes
            hashes.setdefault(name, f"{algorithm}:{parts[0]}")
    return hashes


def _is_good(path, known_hash, size):
    if not path.is_file():
        return False
    if known_hash is None:
        return size is None or path.stat().st_size == size
    state = path.stat()
    return _has_hash(path, known_hash, state.st_mtime_ns, state.st_size)


@functools.lru_cache(maxsize=256)
def _has_hash(path, known_hash, modified, size):
    """Whether a file has a checksum; a catalogue of gigabytes is read once, as long as it stays as it is."""
    algorithm, _, digest = known_hash.rpartition(":")
    return filehash(path, algorithm=algorithm or "sha256") == digest.lower()


def _fetch(url, path, known_hash, size, progress):
    # pooch compares with digits in lower case.
    known_hash = known_hash and known_hash.lower()
    kind = FtpTransfer if url.startswith("ftp://") else Transfer
    transfer = kind(path, verified=known_hash is not None, size=size, progress=progress)
    with _workshop(transfer) as folder:
        for attempt in (1, 2):
            try:
                with _quiet_pooch():
                    whole = pooch.retrieve(url, known_hash, fname=path.name, path=folder, downloader=transfer)
                break
            except ValueError as error:
                if known_hash is None:  # nothing was compared
                    raise
                if attempt == 2:
                    raise ChecksumError(
                        f"{url}: what the server sent twice has another checksum than {known_hash}, so nothing was "
                        "kept. The file on the server was changed, or something on the way changes it."
                    ) from error
        os.replace(whole, path)


@contextmanager
def _workshop(transfer):
    """Folder in which a file is put together. It stays as long as there is a part that can be gone on with."""
    folder = transfer.part.parent
    folder.mkdir(exist_ok=True)
    for entry in folder.iterdir():
        if entry not in (transfer.part, transfer.version_file):  # left by a process that was killed
            entry.unlink()
    try:
        yield folder
    finally:
        if not transfer.part.exists():
            shutil.rmtree(folder)


@contextmanager
def _only_process(path):
    """Hold the lock of a file; it goes with the process, however that ends."""
    lock_path = path.with_name(f".{path.name}.lock")
    lock = filelock.FileLock(lock_path)
    with lock:
        try:
            yield
        finally:
            # Whoever waits for it finds out that it lost its name, and takes a new one. Windows keeps it; and on a
            # disk without locks, where filelock makes a soft one, the file is the lock and goes when it is released.
            if os.name != "nt" and not isinstance(lock, filelock.SoftFileLock):
                lock_path.unlink(missing_ok=True)


@contextmanager
def _quiet_pooch():
    """Without the advice to developers that pooch gives of every file; other users of pooch keep theirs."""
    pooch.get_logger().addFilter(_is_for_users)  # once and for all: adding it again does nothing
    _at_work.here = True
    try:
        yield
    finally:
        _at_work.here = False


def _is_for_users(record):
    # A filter runs in the thread that logs.
    return record.levelno >= logging.WARNING or not getattr(_at_work, "here", False)
