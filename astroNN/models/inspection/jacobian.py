"""Jacobians: how every label answers to every pixel."""

import keras
import numpy as np

from astroNN.models import _data
from astroNN.models.inspection._gradients import star_gradients
from astroNN.nn.layers._graph import without_dropout
from astroNN.shared import checks
from astroNN.shared.missing import missing_elements

__all__ = ["jacobian_blocks", "mean_network", "network_jacobian"]

_BLOCK_ELEMENTS = 32_000_000  # 128 MB of float32 in one block of Jacobians


def mean_network(net):
    """A network with dropout off: the first-order mean over all thinned networks."""
    model = getattr(net, "keras_model_predict", None) or net.keras_model
    inputs = {tensor.name: tensor for tensor in model.inputs}
    return without_dropout(keras.Model(inputs, model.output))


def jacobian_blocks(net, inputs, masks, model=None, input_name="input"):
    """Jacobians of blocks of stars, in normalised units.

    Yields
    ------
    rows : array of int
        Rows of the inputs.
    jacobian : array of float32, shape (n_rows, n_labels, ...)
        Zero where a pixel is missing: it does not reach the network.
    """
    gradients = star_gradients(model or mean_network(net), input_name)
    n_labels = int(np.prod(net._labels_shape["output"]))
    step = max(1, min(64, _BLOCK_ELEMENTS // (n_labels * int(np.prod(net._input_shape[input_name])))))
    n_stars = len(inputs["input"])
    for start in range(0, n_stars, step):
        rows = np.arange(start, min(start + step, n_stars))
        # The last block is filled up with its last star, so that nothing is compiled for another shape.
        filled = np.minimum(np.arange(start, start + step), n_stars - 1)
        jacobian = gradients(net._read_inputs(inputs, masks, filled))[: len(rows)]
        jacobian *= ~_missing(net, inputs, masks, rows, input_name)[:, None]
        yield rows, jacobian


def network_jacobian(net, x, mean_output=False, mc_num=None, denormalize=False, mask=None):
    """Jacobian of a network; see `NeuralNetMaster.jacobian`."""
    if x is None:
        raise ValueError(
            "jacobian: `x` is None; give spectra or images of the shape that the network was trained on."
        )
    if mc_num is not None:
        checks.check_at_least("mc_num", mc_num, 1)
    inputs, masks = _data.checked_inputs(net, x, mask)
    if mc_num is None:
        jacobian = _all_stars(net, inputs, masks, mean_network(net))
    else:
        random = getattr(net, "keras_model_predict", None) or net.keras_model
        random = keras.Model({tensor.name: tensor for tensor in random.inputs}, random.output)
        jacobian = sum(_all_stars(net, inputs, masks, random) for _ in range(mc_num)) / mc_num
    jacobian = jacobian.reshape(*jacobian.shape[:2], *_without_channel(net._input_shape["input"]))
    if denormalize:
        jacobian = jacobian * _unit_ratio(net, jacobian.shape[2:])
    return jacobian.mean(axis=0) if mean_output else jacobian


def _all_stars(net, inputs, masks, model):
    return np.concatenate([jacobian for _, jacobian in jacobian_blocks(net, inputs, masks, model)])


def _unit_ratio(net, pixel_shape):
    """Label unit over pixel unit, of shape (n_labels, ...)."""
    labels_std = np.atleast_1d(net.labels_normalizer.std_labels["output"]).ravel()
    input_std = np.asarray(net.input_normalizer.std_labels["input"], dtype="float32")
    n_labels = int(np.prod(net._labels_shape["output"]))
    labels_std = np.broadcast_to(labels_std, (n_labels,)).reshape(n_labels, *[1] * len(pixel_shape))
    return labels_std / (input_std.reshape(pixel_shape) if input_std.size > 1 else input_std.item())


def _missing(net, inputs, masks, rows, input_name):
    mask = masks[input_name][rows] if input_name in masks else None
    missing = missing_elements(inputs[input_name][rows], mask)
    return missing.reshape(len(rows), *net._input_shape[input_name])


def _without_channel(shape):
    return shape[:-1] if shape[-1] == 1 else shape
