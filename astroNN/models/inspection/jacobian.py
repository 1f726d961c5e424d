"""Jacobians: how every label answers to every pixel."""

import keras
import numpy as np

from astroNN.models import _data
from astroNN.models.inspection._gradients import star_gradients
from astroNN.nn.layers._graph import without_dropout
from astroNN.shared import checks
from astroNN.shared.missing import missing_elements

__all__ = ["jacobian_blocks", "latent_jacobian", "mean_network", "network_jacobian", "refuse_sigmoid"]

_BLOCK_ELEMENTS = 32_000_000  # 128 MB of float32 in one block of Jacobians


def mean_network(net):
    """A network with dropout off: the first-order mean over all thinned networks."""
    return without_dropout(_with_named_inputs(net))


def refuse_sigmoid(net, input_name):
    """Raise for inputs normalised by a sigmoid, whose derivative is no single number."""
    if net.input_normalizer.modes_as_text([input_name])[input_name] == "3s":
        raise ValueError(
            f"Derivatives in physical units are not offered for the input '{input_name}' in norm mode '3s' (a "
            "sigmoid); use mode 3, or normalised derivatives."
        )


def jacobian_blocks(net, inputs, masks, thinned=False, input_name="input", output_name="output"):
    """Jacobians of blocks of stars, in normalised units, of the mean network or of `thinned` ones (dropout on).

    Yields
    ------
    rows : array of int
        Rows of the inputs.
    jacobian : array of float32, shape (n_rows, n_labels, ...)
        Zero where a pixel is missing: it does not reach the network.
    """
    gradients = _gradients(net, thinned, input_name, output_name)
    n_labels = _n_outputs(net, output_name)
    step = max(1, min(64, _BLOCK_ELEMENTS // (n_labels * int(np.prod(net._input_shape[input_name])))))
    n_stars = len(inputs["input"])
    for start in range(0, n_stars, step):
        rows = np.arange(start, min(start + step, n_stars))
        block = {
            # The last block is filled up with its last star, so that nothing is compiled for another shape.
            name: np.concatenate([array, np.repeat(array[-1:], step - len(rows), axis=0)])
            for name, array in net._read_inputs(inputs, masks, rows).items()
        }
        jacobian = gradients(block)[: len(rows)]
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
        jacobian = _all_stars(net, inputs, masks)
    else:
        jacobian = sum(_all_stars(net, inputs, masks, thinned=True) for _ in range(mc_num)) / mc_num
    jacobian = jacobian.reshape(*jacobian.shape[:2], *_without_channel(net._input_shape["input"]))
    if denormalize:
        jacobian = jacobian * _unit_ratio(net, jacobian.shape[2:])
    return jacobian.mean(axis=0) if mean_output else jacobian


def latent_jacobian(net, x, mean_output=False, denormalize=False, mask=None):
    """Jacobian of an autoencoder's latent means; see `ConvVAEBase.jacobian_latent`."""
    if x is None:
        raise ValueError("jacobian_latent: `x` is None; give spectra or images as in `fit`.")
    inputs, masks = _data.checked_inputs(net, x, mask)
    jacobian = _all_stars(net, inputs, masks, output_name="z_mean")
    jacobian = jacobian.reshape(*jacobian.shape[:2], *_without_channel(net._input_shape["input"]))
    if denormalize:
        refuse_sigmoid(net, "input")
        input_std = np.asarray(net.input_normalizer.std_labels["input"], dtype="float32")
        jacobian = jacobian / (input_std.reshape(jacobian.shape[2:]) if input_std.size > 1 else input_std.item())
    return jacobian.mean(axis=0) if mean_output else jacobian


def _all_stars(net, inputs, masks, thinned=False, output_name="output"):
    blocks = jacobian_blocks(net, inputs, masks, thinned, output_name=output_name)
    return np.concatenate([jacobian for _, jacobian in blocks])


def _gradients(net, thinned, input_name, output_name):
    """Compiled derivatives, kept with the network until it is built anew."""
    key = (thinned, input_name, output_name)
    if key not in net._derivatives:
        model = _with_named_inputs(net) if thinned else mean_network(net)
        net._derivatives[key] = star_gradients(model, input_name, output_name)
    return net._derivatives[key]


def _n_outputs(net, output_name):
    model = getattr(net, "keras_model_predict", None) or net.keras_model
    outputs = model.output
    symbol = outputs[output_name] if isinstance(outputs, dict) else keras.tree.flatten(outputs)[0]
    return int(np.prod(symbol.shape[1:]))


def _with_named_inputs(net):
    model = getattr(net, "keras_model_predict", None) or net.keras_model
    return keras.Model({tensor.name: tensor for tensor in model.inputs}, model.output)


def _unit_ratio(net, pixel_shape):
    """Label unit over pixel unit, of shape (n_labels, ...)."""
    refuse_sigmoid(net, "input")
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
