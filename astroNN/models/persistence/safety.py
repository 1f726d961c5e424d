"""Bounds for folders from strangers: what a file may claim, and how large a network may be built from it.

A folder is data. The worst that a forged one may do is to be refused, so nothing is allocated on its word alone: the
arrays of a file may not be far larger than the file, and the network that its settings describe not far larger than
these arrays.
"""

import math
import threading
from contextlib import contextmanager

import h5py
import keras

from astroNN.shared.errors import FolderError

__all__ = ["check_fits", "check_plain", "refuse_bombs", "weights_limited"]

# A file may claim more numbers than it holds, compressed or never written. Trained weights hardly compress.
_CLAIM_PER_BYTE = 10
_CLAIM_ALWAYS = 1 << 26  # bytes
# A network may hold layers that are in its class but not in its graph; twice the stored arrays leaves room for them.
_WEIGHTS_FACTOR = 2
_WEIGHTS_ALWAYS = 1 << 20  # numbers
_ARRAYS_ALWAYS = 100

_LOCK = threading.RLock()


def check_plain(node, name, path):
    """Raise a `FolderError` unless an object of an HDF5 file is an array of numbers that lie in this file.

    Parameters
    ----------
    node : h5py.Dataset or other object
        Not read.
    name, path : str, Path
        Where it stands, for the message.
    """
    plain = isinstance(node, h5py.Dataset) and not node.is_virtual and not node.external and node.shape is not None
    if not plain or node.dtype.kind not in "fiub" or node.dtype.itemsize > 8:
        raise FolderError(f"The weights {path}: '{name}' is no plain array of numbers.")


def refuse_bombs(claimed, size, path):
    """Raise a `FolderError` if the content of a file claims far more memory than a file of its size can fill.

    Parameters
    ----------
    claimed : int or iterable of h5py.Dataset
        Bytes, or the arrays, which are not read.
    size : int
        Bytes of the file.
    path : Path
        For the message.
    """
    if not isinstance(claimed, int):
        claimed = sum(math.prod(dataset.shape) * dataset.dtype.itemsize for dataset in claimed)
    if claimed > max(_CLAIM_ALWAYS, _CLAIM_PER_BYTE * size):
        raise FolderError(
            f"The weights {path} claim {claimed} bytes of arrays in a file of {size}: it is forged or damaged."
        )


def check_fits(dataset, variable, name, path):
    """Raise a `FolderError` unless an array has the shape and the kind of numbers that a variable needs.

    Parameters
    ----------
    dataset : h5py.Dataset
        Not read.
    variable : keras.Variable
        What it shall be assigned to.
    name, path : str, Path
        Where it stands, for the message.
    """
    if tuple(dataset.shape) != tuple(variable.shape):
        raise FolderError(
            f"The weights {path}: {name} has the shape {dataset.shape}, but the network needs "
            f"{tuple(variable.shape)}."
        )
    if dataset.dtype.kind not in ("f" if "float" in str(variable.dtype) else "iub"):
        raise FolderError(
            f"The weights {path}: {name} holds {dataset.dtype}, but the network needs {variable.dtype}."
        )


@contextmanager
def weights_limited(shapes, path):
    """Inside, layers can't make many more weights than a file holds: a `FolderError` comes before the memory.

    Parameters
    ----------
    shapes : list of tuple of int
        Of the arrays in the file.
    path : Path
        The folder, for the message.

    Yields
    ------
    None
        Nothing; the layers are made in the ``with`` block.
    """
    numbers_left = _WEIGHTS_FACTOR * sum(map(math.prod, shapes)) + _WEIGHTS_ALWAYS
    arrays_left = _WEIGHTS_FACTOR * len(shapes) + _ARRAYS_ALWAYS
    thread = threading.get_ident()

    def counting(layer, shape=None, *args, **kwargs):
        nonlocal numbers_left, arrays_left
        if threading.get_ident() == thread:
            wanted = (shape,) if isinstance(shape, int) else tuple(shape or ())
            numbers_left -= math.prod(int(n) for n in wanted)
            arrays_left -= 1
            if numbers_left < 0 or arrays_left < 0:
                raise FolderError(
                    f"The settings in {path} ask for a far larger network than the weights there are for: layer "
                    f"'{layer.name}' with weights of shape {wanted}. The folder is forged or damaged."
                )
        return original(layer, shape, *args, **kwargs)

    # One at a time: two that end in another order than they began would leave the method of one behind.
    with _LOCK:
        original = keras.layers.Layer.add_weight
        keras.layers.Layer.add_weight = counting
        try:
            yield
        finally:
            keras.layers.Layer.add_weight = original
