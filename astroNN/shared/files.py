"""Writing files and folders so that a kill at any moment leaves the old one or the new one, whole."""

import hashlib
import os
import secrets
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "Draft",
    "atomic_file",
    "atomic_folder",
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
        Write here. The suffix is that of `path`, for writers that look at it.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.part{path.suffix}")
    try:
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@dataclass
class Draft:
    """A folder being written: fill `folder`; `path` is where it stands once the block has ended."""

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
        move the old folder aside, and delete it once the new one stands. A kill between the two renames leaves
        the old folder under the name that `previous_folder` gives, and `recover_folder` brings it back.

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
            f"{path} exists already and nothing was written. Give another name, or say if_exists='rename' or 'replace'."
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
    """Where `atomic_folder` keeps the old folder while it puts the new one in its place."""
    path = Path(path)
    return path.with_name(f".{path.name}.previous")


def recover_folder(path):
    """Bring back a folder that a killed process had moved aside but not yet replaced."""
    aside = previous_folder(path)
    if aside.exists() and not Path(path).exists():
        os.rename(aside, path)


def free_name(path):
    """`path` itself, or the first of ``<path>_2``, ``<path>_3``, ... that does not exist."""
    path = Path(path)
    candidate, number = path, 1
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.name}_{number}")
    return candidate


def filehash(path, block_size=1 << 20, algorithm="sha256"):
    """Checksum of a file in lower-case hexadecimal digits.

    Parameters
    ----------
    path : str or Path
        The file.
    block_size : int, optional
        Bytes read at a time.
    algorithm : str, optional
        ``"sha256"`` (default), ``"sha1"``, ``"md5"`` or another of `hashlib`.

    Raises
    ------
    ValueError
        If the algorithm is unknown.
    """
    if algorithm not in hashlib.algorithms_available:
        raise ValueError(f"filehash: unknown `algorithm` {algorithm!r}; use 'sha256', 'sha1' or 'md5'.")
    digest = hashlib.new(algorithm)
    with open(path, "rb") as stream:
        while block := stream.read(block_size):
            digest.update(block)
    return digest.hexdigest()


def sync_tree(folder):
    """Flush every file of a folder to the disk, so that a rename never overtakes the data."""
    for entry in Path(folder).rglob("*"):
        if entry.is_file():
            _sync(entry)
    _sync(folder)


def _put_in_place(folder, path, if_exists):
    if if_exists == "replace" and path.exists():
        aside = previous_folder(path)
        if aside.exists():
            shutil.rmtree(aside)
        os.rename(path, aside)
        os.rename(folder, path)
        shutil.rmtree(aside)
        return path
    while True:
        target = free_name(path) if if_exists == "rename" else path
        try:
            os.rename(folder, target)
            return target
        except OSError:
            # Another process took the name since we looked; with "rename" the next one will do.
            if not target.exists() or if_exists != "rename":
                raise


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
