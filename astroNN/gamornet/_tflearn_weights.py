"""Weights of GaMorNet in checkpoints of TFLearn, ``<prefix>.index`` and ``<prefix>.data-00000-of-00001``.

TFLearn itself is not needed, and the ``.meta`` file, which holds the graph, is not read.
"""

import re
import warnings

import numpy as np

from astroNN.shared.callers import users_level
from astroNN.shared.errors import FolderError

__all__ = ["read_tflearn_weights"]

#: kinds of layers in the order of the network, and how many there are of each
_KINDS = {"Conv2D": 5, "FullyConnected": 3}


def read_tflearn_weights(prefix, shapes):
    """Kernels and biases of chosen layers; all other variables of the checkpoint are passed over.

    Parameters
    ----------
    prefix : Path
        Path of the checkpoint without the endings of its files.
    shapes : list of 8 (tuple of two shapes, or None)
        Of kernel and bias in the network; None for a layer that is not wanted.

    Returns
    -------
    list of 8 (tuple of two arrays, or None)

    Raises
    ------
    ImportError
        If TensorFlow is not installed.
    FolderError
        (a ValueError and an OSError) If the checkpoint is damaged, lacks a variable, or has one of another shape.
    """
    tensorflow = _tensorflow(prefix)
    try:
        reader = tensorflow.train.load_checkpoint(str(prefix))
        stored = reader.get_variable_to_shape_map()
        scopes = _scopes(stored, prefix)
        wanted = _wanted(scopes, shapes)
        _check(stored, wanted, prefix)
        arrays = {name: np.asarray(reader.get_tensor(name)) for name in wanted}
    except FolderError:
        raise
    except (tensorflow.errors.OpError, ValueError, RuntimeError, OSError, LookupError) as error:
        raise FolderError(
            f"The checkpoint {prefix} can't be read: {error}. It needs the files {prefix.name}.index and "
            f"{prefix.name}.data-00000-of-00001, both whole; copy or fetch them anew."
        ) from error
    for name, array in arrays.items():
        if array.dtype.kind != "f":
            raise FolderError(f"The checkpoint {prefix}: '{name}' holds {array.dtype}, but weights are fractions.")
    return [
        None if pair is None else tuple(arrays[f"{scope}/{end}"].astype("float32") for end in "Wb")
        for scope, pair in zip(scopes, shapes, strict=True)
    ]


def _scopes(stored, prefix):
    """Scopes of the layers in the order of the network; each has the variables ``W`` and ``b``.

    TFLearn counts the layers of a session: a network built behind another one begins at ``Conv2D_5``.
    """
    numbers = {kind: _numbers(stored, kind) for kind in _KINDS}
    is_only_one = all(
        len(found) == n and found[-1] - found[0] == n - 1
        for found, n in zip(numbers.values(), _KINDS.values(), strict=True)
    )
    first = {kind: found[0] if is_only_one else 0 for kind, found in numbers.items()}
    if all(len(numbers[kind]) > n for kind, n in _KINDS.items()):
        warnings.warn(
            f"The checkpoint {prefix} holds the layers of several networks: {len(numbers['Conv2D'])} convolutions, "
            "and a GaMorNet has 5. The first network is read, as the earlier package did; if it is another one "
            "that was trained, train it again in a session of its own (`clear_session=True`).",
            stacklevel=users_level(),
        )
    return [
        f"{kind}_{number}" if number else kind
        for kind, n in _KINDS.items()
        for number in range(first[kind], first[kind] + n)
    ]


def _numbers(stored, kind):
    """How TFLearn counts the layers of a kind: nothing for the first one, then 1 and so on."""
    found = (re.fullmatch(rf"{kind}(?:_(\d+))?/W", name) for name in stored)
    return sorted(int(match[1] or 0) for match in found if match)


def _tensorflow(prefix):
    try:
        import tensorflow
    except ImportError as error:
        raise ImportError(
            f"{prefix} is a checkpoint of TFLearn, which TensorFlow alone can read, whatever the backend of Keras: "
            "install TensorFlow (pip install tensorflow). Once loaded, the network can be saved (`save`), and loaded "
            "without it."
        ) from error
    return tensorflow


def _wanted(scopes, shapes):
    """Variables by name, with the shapes that they must have."""
    return {
        f"{scope}/{end}": tuple(shape)
        for scope, pair in zip(scopes, shapes, strict=True)
        if pair is not None
        for end, shape in zip("Wb", pair, strict=True)
    }


def _check(stored, wanted, prefix):
    lacking = sorted(set(wanted) - set(stored))
    if lacking:
        raise FolderError(
            f"The checkpoint {prefix} lacks {', '.join(lacking)}; it has {', '.join(sorted(stored)[:30])}. "
            "It is no GaMorNet by TFLearn, or its session had built other networks, too."
        )
    for name, shape in wanted.items():
        if tuple(stored[name]) != shape:
            raise FolderError(
                f"The checkpoint {prefix}: '{name}' has the shape {tuple(stored[name])}, but the network needs "
                f"{shape}. The input shape of the network decides that of FullyConnected/W: (167, 167, 1) for SDSS, "
                "(83, 83, 1) for CANDELS. With `load_layers` layers can be left out."
            )
