"""How many numbers the weights of a folder are, without the network: shapes are looked at, arrays are not read."""

import io
import math
import zipfile
import zlib

import h5py

from astroNN.shared.errors import FolderError

__all__ = ["count_weights"]

_HDF5_MAGIC = b"\x89HDF"
# In a Keras archive, as in version 1.2.dev.
_INNER_FILE = "model.weights.h5"
_INNER_LIMIT = 1 << 32  # bytes
_NOT_WEIGHTS = {"optimizer", "optimizer_weights", "metrics"}
_MOST_ARRAYS = 100_000
# What HDF5 and zip files raise.
_UNREADABLE = (OSError, RuntimeError, KeyError, ValueError, TypeError, EOFError, zlib.error, zipfile.BadZipFile)
_DEPTH_LIMIT = 12  # groups inside groups


def count_weights(path):
    """Number of weights in a file of this version or of version 1.

    Parameters
    ----------
    path : Path
        HDF5, or a Keras archive that holds it.

    Returns
    -------
    int

    Raises
    ------
    FolderError
        If it can't be read, or holds what such files do not.
    """
    try:
        with open(path, "rb") as stream:
            is_hdf5 = stream.read(len(_HDF5_MAGIC)) == _HDF5_MAGIC
        with h5py.File(path if is_hdf5 else _inner(path), "r") as file:
            return sum(_sizes(file, depth=0))
    except FolderError:
        raise
    except _UNREADABLE as error:
        raise FolderError(f"{path.name} can't be read ({error})") from error


def _inner(path):
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo(_INNER_FILE).file_size > _INNER_LIMIT:
            raise FolderError(f"{path.name} claims to be larger than 4 GiB")
        return io.BytesIO(archive.read(_INNER_FILE))


def _sizes(group, depth):
    """Sizes of the arrays of numbers in a group; states of random generators are whole numbers, and no weights."""
    if depth > _DEPTH_LIMIT or len(group) > _MOST_ARRAYS:
        raise FolderError(f"{group.file.filename} is nested too deep to hold weights")
    for name in group:
        if depth == 0 and name in _NOT_WEIGHTS:
            continue
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise FolderError(f"{name!r} in the weights is a link, which is never followed")
        node = group[name]
        # A group with several names may hold itself, and would be walked through again and again.
        if h5py.h5o.get_info(node.id).rc != 1 or not isinstance(node, h5py.Group | h5py.Dataset):
            raise FolderError(f"{name!r} in the weights has another name, too, or is no array")
        if isinstance(node, h5py.Group):
            yield from _sizes(node, depth + 1)
        elif node.dtype.kind == "f":
            yield math.prod(node.shape)
