"""The one downloader of all rooms.

A file takes its name only when it is whole and its checksum is right; until then it waits under another name, and
the next call goes on where the last one, however it ended, stopped. Two processes never fetch the same file.
"""

import functools
import logging
import os
import shutil
import warnings
from contextlib import contextmanager
from pathlib import Path

import filelock
import pooch

from astroNN.shared._transfer import Transfer
from astroNN.shared.errors import ChecksumError, DownloadError
from astroNN.shared.files import filehash

__all__ = ["download", "download_or_false"]


def download(url, path, known_hash=None, size=None, force=False, progress=True):
    """Fetch a file, unless it is there already.

    Parameters
    ----------
    url : str
        Where it comes from.
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
    path.parent.mkdir(parents=True, exist_ok=True)
    with _only_process(path):
        # Another process may have fetched it while this one waited.
        if force or not _is_good(path, known_hash, size):
            _fetch(url, path, known_hash, size, progress)
    return path


def download_or_false(url, path, **settings):
    """Fetch a file as `download` does; False, with a warning, if the server lacks or refuses it.

    Returns
    -------
    str or False
        Path of the file.
    """
    try:
        return str(download(url, path, **settings))
    except DownloadError as error:
        # Without an answer of the server nothing is known about the file.
        if error.status in (None, 401) or error.status >= 500:
            raise
        warnings.warn(f"{error}", stacklevel=3)
        return False


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
    transfer = Transfer(path, verified=known_hash is not None, size=size, progress=progress)
    with _workshop(transfer) as folder:
        for attempt in (1, 2):
            try:
                with _quiet_pooch():
                    whole = pooch.retrieve(url, known_hash, fname=path.name, path=folder, downloader=transfer)
                break
            except ValueError as error:
                if isinstance(error, OSError):
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
        if entry not in (transfer.part, transfer.validator_file):  # left by a process that was killed
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
    with filelock.FileLock(lock_path):
        try:
            yield
        finally:
            # Whoever waits for it finds out that it lost its name, and takes a new one. Windows keeps it.
            if os.name != "nt":
                lock_path.unlink(missing_ok=True)


@contextmanager
def _quiet_pooch():
    """Without the advice to developers that pooch gives of every file."""
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
