"""Uncertainty of labels that comes from the errors of the pixels."""

import numpy as np

from astroNN.models.inspection._stars import label_unit, pixel_unit
from astroNN.models.inspection.jacobian import jacobian_blocks
from astroNN.shared.sources import Rows

__all__ = ["propagated_spread"]


def propagated_spread(nets, inputs, masks, inputs_err):
    r"""Errors of the pixels carried through a network, or the mean of several, to first order.

    .. math:: \sigma_d^2 = \sum_p \Big( \frac1k \sum_k \partial y_{k,d} / \partial x_p \Big)^2 \sigma_p^2

    with independent pixel errors. Missing pixels, and errors that are missing, count as 0: the training mean that
    takes a missing pixel's place has no error. The members of an ensemble all see the same noise. Where they answer
    differently to it their labels scatter, which is in ``"model"`` already; the mean of their propagated variances
    would count it twice.

    Parameters
    ----------
    nets : list of NeuralNetMaster
        Trained, on the same kinds of inputs and labels; their mean networks (dropout off) are taken.
    inputs, masks, inputs_err : dicts of arrays
        In physical units, checked.

    Returns
    -------
    array of float32, shape (n_stars, n_labels)
        Standard deviations in the labels' units.
    """
    try:
        return _spread(nets, inputs, masks, inputs_err)
    finally:
        for array in (*inputs.values(), *masks.values(), *inputs_err.values()):
            if isinstance(array, Rows):
                array.close()


def _spread(nets, inputs, masks, inputs_err):
    n_labels = int(np.prod(nets[0]._labels_shape["output"]))
    variance = np.zeros((len(inputs["input"]), n_labels), dtype="float32")
    for name, errors in inputs_err.items():
        blocks = [_slopes(net, inputs, masks, name) for net in nets]
        for of_nets in zip(*blocks, strict=True):
            rows = of_nets[0][0]
            slopes = sum(slopes for _, slopes in of_nets) / len(nets)
            pixel_errors = np.nan_to_num(errors[rows], nan=0.0).reshape(len(rows), 1, -1)
            variance[rows] += np.square(slopes * pixel_errors).sum(axis=-1)
    return np.sqrt(variance)


def _slopes(net, inputs, masks, name):
    """Rows and derivatives of their labels in physical units, (n_rows, n_labels, n_pixels), a block at a time."""
    scale = label_unit(net)[:, None] / pixel_unit(net, name).ravel()
    for rows, jacobian in jacobian_blocks(net, inputs, masks, input_name=name):
        yield rows, jacobian.reshape(len(rows), len(scale), -1) * scale
