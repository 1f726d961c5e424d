"""Writing files and folders so that a kill at any moment leaves the old one or the new one, whole."""

import hashlib
import os
import secrets
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

__all__ = [
    "Draft",
    "atomic_file",
    "atomic_folder",
    "discard",
    "filehash",
    "free_name",
    "previous_folder",
    "recover_folder",
    "sync_tree",
]


@contextmanager
def atomic_file(path):
    """Yield a temporary path beside `path`; rename it to `path` when the block ends without error.

    Parameters
    ----------
    path : str or Path
        Where the finished file shall stand. An existing file is replaced.

    Yields
    ------
    Path
        Write here. The name ends like that of `path`, for writers that look at it.
    """
    path = Path(path)
    temporary = path.with_name(f".{secrets.token_hex(4)}.part.{path.name}")
    try:
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
        _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@dataclass
class Draft:
    """A folder being written.

    Attributes
    ----------
    folder : Path
        To be filled.
    path : Path
        Where it stands once the block has ended.
    """

    folder: Path
    path: Path


@contextmanager
def atomic_folder(path, if_exists="error"):
    """Yield a `Draft` whose temporary folder takes its name when the block ends without error.

    Parameters
    ----------
    path : str or Path
        Where the finished folder shall stand.
    if_exists : {"error", "rename", "replace"}, optional
        What to do when something of that name stands there: raise; take ``<name>_2``, ``<name>_3``, ...; or
        move the old one aside, and delete it once the new one stands. A kill between the two renames leaves
        the old folder under the name that `previous_folder` gives, and `recover_folder` brings it back. (A kill
        while the block runs leaves the half-written folder too, as ``.<name>.<random>.part``.)

    Yields
    ------
    Draft
        `folder` is empty and to be filled; `path` is final after the block.

    Raises
    ------
    FileExistsError
        If `path` exists and `if_exists` is ``"error"``; before anything is written.
    OSError
        If the parent folder can't be written.
    """
    path = Path(path)
    recover_folder(path)
    if if_exists == "error" and path.exists():
        raise FileExistsError(
            f"{path} exists already; nothing was written. Give another name, or say if_exists='rename' or 'replace'."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = Draft(path.with_name(f".{path.name}.{secrets.token_hex(4)}.part"), path)
    draft.folder.mkdir()
    try:
        yield draft
        sync_tree(draft.folder)
        draft.path = _put_in_place(draft.folder, path, if_exists)
        _sync(path.parent)
    finally:
        if draft.folder.exists():
            shutil.rmtree(draft.folder)


def previous_folder(path):
    """Where `atomic_folder` keeps the old folder while it puts the new one in its place.

    Parameters
    ----------
    path : str or Path
        Where the folder stands.

    Returns
    -------
    Path
        Beside it; it need not exist.
    """
    path = Path(path)
    return path.with_name(f".{path.name}.previous")


def recover_folder(path):
    """Bring back a folder that a killed process had moved aside but not yet replaced.

    Parameters
    ----------
    path : str or Path
        Where the folder should stand.
    """
    path = Path(path)
    if previous_folder(path).exists() and not path.exists():
        with _locked(path.parent):
            _recover(path)


def free_name(path):
    """First of ``<path>``, ``<path>_2``, ``<path>_3``, ... that does not exist.

    Parameters
    ----------
    path : str or Path
        The name that is wanted.

    Returns
    -------
    Path
        In the same folder.
    """
    path = Path(path)
    candidate, number = path, 1
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.name}_{number}")
    return candidate


def discard(path):
    """Delete a file or folder, which loses its name first: nobody must take a half-deleted one for a whole one.

    Parameters
    ----------
    path : str or Path
        What is to go. Nothing happens if it is not there; of a link, only the link goes.

    Raises
    ------
    OSError
        If it can't be deleted. What is left of it then stands as ``<name>.<random>.part``.
    """
    path = Path(path)
    if not os.path.lexists(path):
        return
    trash = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    os.rename(path, trash)
    if trash.is_dir() and not trash.is_symlink():
        shutil.rmtree(trash)
    else:
        trash.unlink()


def filehash(filename, block_size=65536, algorithm="sha256"):
    """Checksum of a file in lower-case hexadecimal digits.

    Parameters
    ----------
    filename : str or Path
        The file.
    block_size : int, optional
        Bytes read at a time.
    algorithm : str, optional
        ``"sha256"`` (default), ``"sha1"``, ``"md5"`` or another of `hashlib`.

    Returns
    -------
    str
        Hexadecimal digits: 64 of SHA-256, 40 of SHA-1, 32 of MD5.

    Raises
    ------
    ValueError
        If the algorithm is unknown.
    """
    if algorithm not in hashlib.algorithms_available:
        raise ValueError(f"filehash: unknown `algorithm` {algorithm!r}; use 'sha256', 'sha1' or 'md5'.")
    digest = hashlib.new(algorithm)
    with open(filename, "rb") as stream:
        while block := stream.read(block_size):
            digest.update(block)
    return digest.hexdigest()


def sync_tree(folder):
    """Flush a folder and everything in it to the disk, so that a rename never overtakes the data.

    Parameters
    ----------
    folder : str or Path
        The folder.
    """
    for entry in [*Path(folder).rglob("*"), Path(folder)]:
        if entry.is_file() or entry.is_dir():
            _sync(entry)


def _put_in_place(folder, path, if_exists):
    with _locked(path.parent):
        if if_exists == "replace" and path.exists():
            _replace(folder, path)
            return path
        while True:
            target = free_name(path) if if_exists == "rename" else path
            if if_exists != "rename" and target.exists():
                raise FileExistsError(f"{target} was made by another process in the meantime; nothing was written.")
            try:
                os.rename(folder, target)
                return target
            except OSError:
                # Where folders can't be locked, another process may have taken the name since we looked.
                if not target.exists():
                    raise


def _replace(folder, path):
    aside = previous_folder(path)
    discard(aside)
    try:
        os.rename(path, aside)
        os.rename(folder, path)
    finally:
        # After Ctrl-C between the two renames, or an error in the second, the old folder comes back at once.
        _recover(path)
    discard(aside)


def _recover(path):
    aside = previous_folder(path)
    if aside.exists() and not path.exists():
        os.rename(aside, path)


@contextmanager
def _locked(folder):
    """Keep other processes out while names in a folder change hands, as far as the system can lock folders.

    The lock goes with the process, however that ends. Windows and some network disks have none; there two
    processes that replace one folder at the same moment may end with an error, yet with a whole folder.
    """
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sync(path):
    # Windows can't open folders; there the rename itself is journalled.
    if os.name == "nt" and Path(path).is_dir():
        return
    flags = os.O_RDWR if os.name == "nt" else os.O_RDONLY
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
