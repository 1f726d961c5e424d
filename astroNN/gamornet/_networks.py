"""Networks of the drop-in modules: Keras models that take plain arrays, their weights and their predictions."""

import mmap
from pathlib import Path

import keras
import numpy as np

from astroNN.gamornet._drop_in_checks import check_finite_images, check_flag, checked_images
from astroNN.gamornet._weights import load_weights
from astroNN.models.misc_models.gamornet import GaMorNet, checked_input_shape
from astroNN.shared.checks import check_at_least

__all__ = ["checked_source", "load_into", "new_model", "predict_classes", "probabilities_of"]

_BLOCK_BYTES = 1 << 27  # of images that are read from a file, or turned into float32, at a time
_TODAY = ".weights.h5"


def new_model(flavour, shape):
    """A network with fresh weights, not compiled.

    Parameters
    ----------
    flavour : {"keras", "tflearn"}
    shape : tuple of 3 int
        Height, width and bands.

    Returns
    -------
    keras.Model
        From images, shape (n, height, width, bands), to probabilities, shape (n, 3).
    """
    net = GaMorNet(flavour=flavour)
    net.verbose = 0
    graph = net.build(shape).keras_model
    return keras.Model(graph.inputs[0], graph.outputs[0], name="GaMorNet")


def load_into(model, model_load_path, flavour, load_layers=None):
    """Put weights into a model, as `astroNN.gamornet.load_weights` does; returns the model.

    Of the flavour ``"tflearn"`` the path may be the prefix of a checkpoint, of TFLearn or as it is written today.

    Raises
    ------
    TypeError
        If the path is none.
    ValueError
        If the file says that its weights belong to the other flavour.
    """
    model_load_path = checked_source(model_load_path)
    if load_layers is not None and not any(load_layers):
        return model
    source = _written_today(model_load_path) if flavour == "tflearn" else model_load_path
    load_weights(model, source, load_layers)
    return model


def checked_source(model_load_path):
    """The path or name as it is; a TypeError if it is neither."""
    if not isinstance(model_load_path, str | Path):
        raise TypeError(
            "`model_load_path` must be the path of saved weights, or a name such as 'SDSS_tl'; got "
            f"{type(model_load_path).__name__}."
        )
    return model_load_path


def predict_classes(flavour, img_array, model_load_path, input_shape, batch_size, individual_arrays, verbose=0):
    """Probabilities by a saved network; parameters are those of `gamornet_predict_keras`."""
    shape = checked_input_shape(input_shape)
    images = checked_images("img_array", img_array, shape)
    check_at_least("batch_size", batch_size, 1)
    check_flag("individual_arrays", individual_arrays)
    model = load_into(new_model(flavour, shape), model_load_path, flavour)
    probabilities = probabilities_of(model, images, batch_size, verbose)
    return tuple(column.copy() for column in probabilities.T) if individual_arrays else probabilities


def probabilities_of(model, images, batch_size, verbose=0):
    """What a model gives for images, in their order.

    Arrays of float32 in memory go to Keras as they are; everything else by blocks, as Keras copies what it gets.

    Parameters
    ----------
    model : keras.Model
    images : array, shape (n, height, width, bands)
        Or a memory map, or an HDF5 data set.
    batch_size : int
    verbose : int, optional
        As in `keras.Model.predict`. Default 0.

    Returns
    -------
    array of float32, shape (n, 3)
    """
    n_images = len(images)
    size = n_images
    if not _is_in_memory(images) or images.dtype != np.float32:
        n_batches = _BLOCK_BYTES // (4 * int(np.prod(images.shape[1:])) * batch_size)
        size = max(1, n_batches) * batch_size
    blocks = []
    for start in range(0, n_images, size):
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is found
            block = np.asarray(images[start : start + size]).astype(np.float32, copy=False)
        check_finite_images("img_array", block, start)
        blocks.append(model.predict(block, batch_size=batch_size, verbose=verbose))
    return np.concatenate(blocks)


def _written_today(path):
    """The snapshot of today's format, where a prefix is that of one."""
    path = Path(path).expanduser()
    taken = [path, path.with_name(f"{path.name}.index")]
    snapshot = path.with_name(f"{path.name}{_TODAY}")
    return str(snapshot) if snapshot.is_file() and not any(file.is_file() for file in taken) else str(path)


def _is_in_memory(images):
    """Whether it is an array, and no view of a file."""
    if not isinstance(images, np.ndarray):
        return False
    while images is not None:
        if isinstance(images, np.memmap | mmap.mmap):
            return False
        images = getattr(images, "base", None)
    return True
