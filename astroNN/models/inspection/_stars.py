"""What all derivatives share: stars in blocks, their missing pixels, units, and the bound of memory."""

from contextlib import contextmanager

import keras
import numpy as np

from astroNN.models import _data
from astroNN.nn.layers._graph import without_dropout
from astroNN.shared import setting_checks
from astroNN.shared.errors import ConfigurationError
from astroNN.shared.missing import missing_elements
from astroNN.shared.sources import Rows

__all__ = [
    "MAX_MEMORY",
    "check_memory",
    "checked_stars",
    "closing_files",
    "label_unit",
    "mean_network",
    "missing_pixels",
    "n_outputs",
    "normalised_blocks",
    "pixel_shape",
    "pixel_unit",
    "thinned_network",
]

MAX_MEMORY = 2_000_000_000  # bytes of a result that is made without being asked for more


def thinned_network(net):
    """The network that predicts, random layers on, with inputs by name."""
    model = getattr(net, "keras_model_predict", None) or net.keras_model
    return keras.Model({tensor.name: tensor for tensor in model.inputs}, model.output)


def mean_network(net):
    """A network with dropout off: the first-order mean over all thinned networks.

    Parameters
    ----------
    net : NeuralNetMaster
        Built.

    Returns
    -------
    keras.Model
        With the weights of the network.
    """
    return without_dropout(thinned_network(net))


def checked_stars(net, method, x, mask, input_name="input", mc_num=None):
    """Inputs and masks by name.

    Raises
    ------
    AttributeError
        If the network was not trained.
    ValueError, TypeError
        For data that can't be used.
    """
    net.has_model_check()
    if x is None:
        raise ValueError(
            f"{method}: `x` is None; give spectra or images of the shape that the network was trained on."
        )
    if mc_num is not None:
        setting_checks.check_at_least("mc_num", mc_num, 1)
    setting_checks.check_one_of("input_name", input_name, tuple(net._input_shape.keys()))
    return _data.checked_inputs(net, x, mask)


@contextmanager
def closing_files(inputs, masks):
    """Context at whose end the files are closed that were opened to read inputs and masks."""
    try:
        yield
    finally:
        for array in (*inputs.values(), *masks.values()):
            if isinstance(array, Rows):
                array.close()


def normalised_blocks(net, inputs, masks, step):
    """Blocks of normalised inputs of `step` stars, with the rows that they hold.

    The last block is filled up with its last star, so that nothing is compiled for another shape.
    """
    n_stars = len(inputs["input"])
    for start in range(0, n_stars, step):
        rows = np.arange(start, min(start + step, n_stars))
        read = net._read_inputs(inputs, masks, rows)
        if len(rows) < step:
            read = {
                name: np.concatenate([array, np.repeat(array[-1:], step - len(rows), axis=0)])
                for name, array in read.items()
            }
        yield rows, read


def missing_pixels(net, inputs, masks, rows, input_name):
    """Which pixels of some stars do not reach the network, in the shape of its input."""
    mask = masks[input_name][rows] if input_name in masks else None
    missing = missing_elements(inputs[input_name][rows], mask)
    return missing.reshape(len(rows), *net._input_shape[input_name])


def n_outputs(net, output_name="output"):
    """Number of labels, or of pixels of a reconstruction."""
    model = getattr(net, "keras_model_predict", None) or net.keras_model
    outputs = model.output
    symbol = outputs[output_name] if isinstance(outputs, dict) else keras.tree.flatten(outputs)[0]
    return int(np.prod(symbol.shape[1:]))


def pixel_shape(net, input_name="input"):
    """Shape of one star's pixels, without a channel axis of one."""
    shape = tuple(net._input_shape[input_name])
    return shape[:-1] if shape[-1] == 1 else shape


def label_unit(net):
    """Physical over normalised labels, of shape (n_labels,)."""
    std = np.atleast_1d(np.asarray(net.labels_normalizer.std_labels["output"], dtype="float32")).ravel()
    return np.broadcast_to(std, (n_outputs(net),))


def pixel_unit(net, input_name="input"):
    """Physical over normalised pixels, in the shape of `pixel_shape`."""
    _refuse_sigmoid(net, input_name)
    std = np.asarray(net.input_normalizer.std_labels[input_name], dtype="float32")
    shape = pixel_shape(net, input_name)
    return std.reshape(shape) if std.size > 1 else np.broadcast_to(std.reshape(()), shape)


def _refuse_sigmoid(net, input_name):
    """Raise for inputs normalised by a sigmoid, whose derivative is no single number."""
    if net.input_normalizer.modes_as_text([input_name])[input_name] == "3s":
        raise ValueError(
            f"Derivatives in physical units are not offered for the input '{input_name}' in norm mode '3s' (a "
            "sigmoid); use mode 3, or normalised derivatives."
        )


def check_memory(method, shape, max_memory, ways):
    """Raise MemoryError if a float32 result would be larger than allowed.

    Parameters
    ----------
    method : str
        Named in the error.
    shape : tuple of int
        Of the result.
    max_memory : float
        Bytes.
    ways : str
        What may be done instead, to end the error with.
    """
    is_number = isinstance(max_memory, int | float | np.number) and not isinstance(max_memory, bool)
    if not is_number or not max_memory > 0:
        raise ConfigurationError(f"`max_memory` must be a positive number of bytes, got {max_memory!r}.")
    needed = 4 * int(np.prod([int(n) for n in shape], dtype=object))
    if needed > max_memory:
        raise MemoryError(
            f"{method}: a result of shape {tuple(int(n) for n in shape)} needs {_readable(needed)}, and `max_memory` "
            f"allows {_readable(max_memory)}. {ways}"
        )


def _readable(n_bytes):
    for power, unit in ((4, "TB"), (3, "GB"), (2, "MB"), (1, "kB")):
        if n_bytes >= 1000**power:
            return f"{n_bytes / 1000**power:.3g} {unit}"
    return f"{int(n_bytes)} bytes"
