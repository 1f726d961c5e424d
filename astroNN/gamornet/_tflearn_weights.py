"""Weights of GaMorNet in checkpoints of TFLearn, ``<prefix>.index`` and ``<prefix>.data-00000-of-00001``.

TFLearn itself is not needed, and the ``.meta`` file, which holds the graph, is not read.
"""

import numpy as np

from astroNN.shared.errors import FolderError

__all__ = ["VARIABLES", "read_tflearn_weights"]

#: scopes of the layers in the order of the network; each has the variables ``W`` and ``b``
VARIABLES = (
    "Conv2D", "Conv2D_1", "Conv2D_2", "Conv2D_3", "Conv2D_4",
    "FullyConnected", "FullyConnected_1", "FullyConnected_2",
)  # fmt: skip


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
        wanted = _wanted(shapes)
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
        for scope, pair in zip(VARIABLES, shapes, strict=True)
    ]


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


def _wanted(shapes):
    """Variables by name, with the shapes that they must have."""
    return {
        f"{scope}/{end}": tuple(shape)
        for scope, pair in zip(VARIABLES, shapes, strict=True)
        if pair is not None
        for end, shape in zip("Wb", pair, strict=True)
    }


def _check(stored, wanted, prefix):
    lacking = sorted(set(wanted) - set(stored))
    if lacking:
        raise FolderError(
            f"The checkpoint {prefix} lacks {', '.join(lacking)}; it has {', '.join(sorted(stored)[:30])}. "
            "It is no GaMorNet by TFLearn, or was written in a session that had built another network before it."
        )
    for name, shape in wanted.items():
        if tuple(stored[name]) != shape:
            raise FolderError(
                f"The checkpoint {prefix}: '{name}' has the shape {tuple(stored[name])}, but the network needs "
                f"{shape}. The input shape of the network decides that of FullyConnected/W: (167, 167, 1) for SDSS, "
                "(83, 83, 1) for CANDELS. With `load_layers` layers can be left out."
            )
