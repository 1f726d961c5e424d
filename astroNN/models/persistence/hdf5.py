"""Weights in HDF5, one group per layer, found again by name and exact shape.

Nothing in the file is executed, and no link is followed: arrays are looked up under the names that the network's
own layers have. An array that finds no place, and a layer that finds no array, is an error.
"""

from contextlib import contextmanager

import h5py
import numpy as np

from astroNN.models._weight_names import weights_by_key
from astroNN.models.persistence.safety import check_fits, check_plain, refuse_bombs
from astroNN.shared.errors import FolderError

__all__ = [
    "read_arrays",
    "read_weights",
    "stored_shapes",
    "write_arrays",
    "write_weights",
]


def write_weights(model, path):
    """Write all weights of a Keras model.

    Parameters
    ----------
    model : keras.Model
        Functional model.
    path : str or Path
        New HDF5 file.
    """
    write_arrays(path, {key: _to_numpy(variable) for key, variable in weights_by_key(model).items()})


def write_arrays(path, arrays):
    """Write arrays into a new HDF5 file.

    Parameters
    ----------
    path : str or Path
        The file.
    arrays : dict of arrays
        By key, ``<group>/<name>``.
    """
    with h5py.File(path, "w") as file:
        for key, array in arrays.items():
            file.create_dataset(key, data=array)


def read_weights(model, path):
    """Set all weights of a Keras model from a file; the model is left as it was if anything is wrong.

    Parameters
    ----------
    model : keras.Model
        Functional model with the layers of the one that was saved.
    path : str or Path
        File of `write_weights`.

    Raises
    ------
    FolderError
        If the file is truncated, or its arrays are not exactly those of the model.
    """
    expected = weights_by_key(model)
    with _opened(path) as file:
        arrays = _read_arrays(file, expected, path)
    for key, variable in expected.items():
        variable.assign(arrays[key])


def read_arrays(path, is_expected):
    """Arrays of a file by key.

    Parameters
    ----------
    path : str or Path
        File of `write_arrays`.
    is_expected : callable
        Key and shape to whether such an array may stand in the file; asked before it is read.

    Returns
    -------
    dict of arrays
        By key.

    Raises
    ------
    FolderError
        If the file can't be read, or holds what is not expected.
    """
    with _opened(path) as file:
        stored = _stored_datasets(file, path)
        for key, dataset in stored.items():
            if not is_expected(key, tuple(dataset.shape)):
                raise FolderError(
                    f"{path}: '{key}' of shape {dataset.shape} does not belong to this network. Copy the folder anew "
                    "from where it was saved."
                )
        return {key: np.asarray(dataset[()]) for key, dataset in stored.items()}


def stored_shapes(path):
    """Shapes of all arrays in a file of weights; no array is read.

    Parameters
    ----------
    path : Path
        File of `write_weights`.

    Returns
    -------
    list of tuple of int
        In the order of the file.

    Raises
    ------
    FolderError
        If the file can't be read, or holds anything but plain arrays.
    """
    with _opened(path) as file:
        return [dataset.shape for dataset in _stored_datasets(file, path).values()]


@contextmanager
def _opened(path):
    try:
        with h5py.File(path, "r") as file:
            yield file
    except FolderError:
        raise
    # HDF5 raises all of these, ValueError for types of numbers that numpy lacks.
    except (OSError, RuntimeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise FolderError(
            f"The weights {path} can't be read: {error}. The file is truncated or no HDF5 file; copy the folder anew "
            "from where it was saved."
        ) from error


def _read_arrays(file, expected, path):
    stored = _stored_datasets(file, path)
    unused, lacking = sorted(set(stored) - set(expected)), sorted(set(expected) - set(stored))
    if unused or lacking:
        raise FolderError(
            f"The weights {path} don't belong to this network: it lacks {lacking or 'nothing'} and has "
            f"{unused or 'nothing'} besides. The class of the network, or its settings, changed since it was saved."
        )
    for key, dataset in stored.items():
        check_fits(dataset, expected[key], f"'{key}'", path)
    return {key: np.asarray(dataset[()]) for key, dataset in stored.items()}


def _stored_datasets(file, path):
    """Datasets by path inside the file; links to elsewhere and virtual datasets are refused unread."""
    datasets = {}

    def walk(group, prefix):
        for name in group:
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise FolderError(f"The weights {path}: '{prefix}{name}' is a link, which is never followed.")
            node = group[name]
            if isinstance(node, h5py.Group) and not prefix:
                walk(node, f"{name}/")
                continue
            # Groups stand one deep: a group inside another could even be that other one again.
            check_plain(node, prefix + name, path)
            datasets[prefix + name] = node

    walk(file, "")
    refuse_bombs(datasets.values(), file.id.get_filesize(), path)
    return datasets


def _to_numpy(variable):
    array = variable.numpy() if hasattr(variable, "numpy") else variable
    return np.asarray(array)
