"""Networks of the drop-in modules: Keras models that take plain arrays, their weights and their predictions."""

import mmap
import warnings
from pathlib import Path

import keras
import numpy as np
from tqdm import tqdm

from astroNN.gamornet._drop_in_checks import (
    check_finite_images,
    check_flag,
    checked_images,
    checked_shape,
    in_float32,
)
from astroNN.gamornet._released import RELEASED
from astroNN.gamornet._weights import existing_weights, load_weights
from astroNN.models.misc_models.gamornet import GaMorNet
from astroNN.shared.blocks import row_blocks
from astroNN.shared.setting_checks import check_at_least

__all__ = ["found_weights", "new_model", "predict_classes", "probabilities_of"]

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


def found_weights(flavour, model_load_path):
    """Where weights are, for `astroNN.gamornet.load_weights`: the name of released ones, or a path that is there.

    Of the flavour ``"tflearn"`` the path may be the prefix of a checkpoint, as it is written today or by TFLearn. If
    there are both, as when an old script has run again, that of today is taken, with a warning.

    Raises
    ------
    FileNotFoundError
        If there is nothing.
    TypeError
        If it is no path.
    """
    if not isinstance(model_load_path, str | Path):
        raise TypeError(
            "`model_load_path` must be the path of saved weights, or a name such as 'SDSS_tl'; got "
            f"{type(model_load_path).__name__}."
        )
    if isinstance(model_load_path, str) and model_load_path in RELEASED[flavour]:
        return model_load_path
    if flavour == "tflearn":
        path = Path(model_load_path).expanduser().absolute()
        snapshot = Path(f"{path}{_TODAY}")
        if snapshot.is_file() and not path.is_file():
            if Path(f"{path}.index").is_file():
                warnings.warn(
                    f"`model_load_path`: there are {snapshot.name}, which is taken, and the checkpoint of TFLearn "
                    f"{path.name}.index, which is not. Give the name with its ending to choose.",
                    stacklevel=4,
                )
            return snapshot
    return existing_weights(model_load_path)


def predict_classes(flavour, img_array, model_load_path, input_shape, batch_size, individual_arrays, verbose=0):
    """Probabilities by a saved network; parameters are those of `gamornet_predict_keras`."""
    shape = checked_shape(input_shape)
    images = checked_images("img_array", img_array, shape)
    check_at_least("batch_size", batch_size, 1)
    check_flag("individual_arrays", individual_arrays)
    weights = found_weights(flavour, model_load_path)
    model = new_model(flavour, shape)
    load_weights(model, weights)
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
        1: show a progress bar. Default 0.

    Returns
    -------
    array of float32, shape (n, 3)
    """
    n_images = len(images)
    if _is_in_memory(images) and images.dtype == np.float32:
        blocks = [slice(0, n_images)]
    else:
        blocks = row_blocks(n_images, images.shape[1:], batch_size)
    probabilities = []
    with tqdm(total=n_images, desc="Predicting", unit="image", disable=not verbose) as bar:
        for rows in blocks:
            block = in_float32(images[rows])
            check_finite_images("img_array", block, rows.start)
            progress = [_Progress(bar, batch_size, rows.stop)] if verbose else []
            probabilities.append(model.predict(block, batch_size=batch_size, verbose=0, callbacks=progress))
    return np.concatenate(probabilities)


class _Progress(keras.callbacks.Callback):
    """Moves a bar by a batch, up to the last image of a block: one bar for all blocks."""

    def __init__(self, bar, batch_size, last):
        super().__init__()
        self._bar, self._batch_size, self._last = bar, batch_size, last

    def on_predict_batch_end(self, batch, logs=None):
        self._bar.update(min(self._batch_size, self._last - self._bar.n))


def _is_in_memory(images):
    """Whether it is an array, and no view of a file."""
    if not isinstance(images, np.ndarray):
        return False
    while images is not None:
        if isinstance(images, np.memmap | mmap.mmap):
            return False
        images = getattr(images, "base", None)
    return True
