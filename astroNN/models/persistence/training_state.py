"""The state of a training in a network's folder: its numbers in the JSON file, its arrays in a file of their own."""

import warnings
from itertools import combinations

from astroNN.models._weight_names import weights_by_key
from astroNN.models.persistence.hdf5 import read_arrays, write_arrays
from astroNN.models.persistence.schema import PARAMETER_FILE
from astroNN.models.training.state import GROUPS, TrainingState, copies, take_arrays
from astroNN.shared.errors import FolderError
from astroNN.shared.files import filehash

__all__ = ["STATE_FILE", "read_training_state", "write_training_state"]

STATE_FILE = "training_state.h5"
#: arrays of an optimiser for one weight, at most
_ARRAYS_PER_WEIGHT = 8


def write_training_state(net, folder, weights):
    """Write the arrays of a network's training state into a folder.

    Parameters
    ----------
    net : NeuralNetMaster
        With a ``_training_state``.
    folder : Path
        Where ``training_state.h5`` is to stand.
    weights : list of arrays
        What stands in the file of the weights; equal arrays are not written twice.

    Returns
    -------
    dict
        What the JSON file is to hold.
    """
    state = net._training_state
    arrays = {**take_arrays(net.keras_model), **state.arrays}
    names = list(weights_by_key(net.keras_model))
    stored = {}
    for kind, values in arrays.items():
        if kind not in ("weights", "best"):
            stored |= {f"{kind}/{number:05d}": value for number, value in enumerate(values)}
        elif any((value != weight).any() for value, weight in zip(values, weights, strict=True)):
            stored |= {f"{kind}:{name}": value for name, value in zip(names, values, strict=True)}
    write_arrays(folder / STATE_FILE, stored)
    return state.to_dict() | {"sha256": filehash(folder / STATE_FILE)}


def read_training_state(net, parameters, folder):
    """State of the training that a folder holds.

    Parameters
    ----------
    net : NeuralNetMaster
        Just loaded, with its weights.
    parameters : dict
        Content of the JSON file.
    folder : Path
        Holds the file with the arrays.

    Returns
    -------
    TrainingState or None
        None for a folder without one; with a warning, if its file was deleted.

    Raises
    ------
    FolderError
        If it is damaged.
    """
    stored = parameters.get("training_state")
    if stored is None:
        return None
    path = folder / STATE_FILE
    if not path.is_file():
        warnings.warn(f"{path} is missing: the network can be used, but its training can't be resumed.", stacklevel=3)
        return None
    try:
        state = TrainingState.from_dict(stored)
    except ValueError as error:
        raise FolderError(f"{folder / PARAMETER_FILE} is damaged: `training_state`: {error}.") from error
    if filehash(path) != stored.get("sha256"):
        raise FolderError(
            f"The training state {path} is truncated or was changed: its checksum is not the one in "
            f"{PARAMETER_FILE}. Copy the folder anew, or delete this one file if you don't want to resume the "
            "training."
        )
    state.arrays = _arrays(net.keras_model, path, "keep_best" in state.callbacks)
    return state


def _parts(shape):
    """A shape, and what is left of it without some axes: an optimiser may keep sums along the others (Adafactor)."""
    axes = range(len(shape))
    return {tuple(shape[axis] for axis in kept) for n in axes for kept in combinations(axes, n + 1)}


def _arrays(model, path, has_best):
    weights = weights_by_key(model)
    shapes = {name: tuple(weight.shape) for name, weight in weights.items()}
    of_optimizers = {(), (1,)} | {part for shape in shapes.values() for part in _parts(shape)}
    limit = _ARRAYS_PER_WEIGHT * (len(shapes) + 1)

    def is_expected(key, shape):
        kind, _, name = key.partition(":")
        if kind in ("weights", "best"):
            return shapes.get(name) == shape
        group, _, number = key.partition("/")
        in_range = number.isdecimal() and int(number) < limit
        return in_range and (group == "seeds" or (group == "optimizer" and shape in of_optimizers))

    stored = read_arrays(path, is_expected)
    arrays = {}
    for kind in GROUPS:
        if kind in ("weights", "best"):
            own = [stored[f"{kind}:{name}"] for name in shapes if f"{kind}:{name}" in stored]
            if kind == "best" and not has_best:
                continue
            if len(own) not in (0, len(shapes)):
                raise FolderError(f"{path} is damaged: it has {len(own)} of {len(shapes)} {kind}.")
            # Those that are not written are the weights of the network.
            arrays[kind] = own or copies(weights.values())
        else:
            arrays[kind] = [stored[key] for key in sorted(stored) if key.startswith(f"{kind}/")]
    return arrays
