"""Uncertainty of labels that comes from the errors of the pixels."""

import numpy as np

from astroNN.models.inspection.jacobian import jacobian_blocks, refuse_sigmoid

__all__ = ["propagated_spread"]


def propagated_spread(net, inputs, masks, inputs_err):
    r"""Errors of the pixels carried through the mean network to first order.

    .. math:: \sigma_d^2 = \sum_p (\partial y_d / \partial x_p)^2 \, \sigma_p^2

    with independent pixel errors. Missing pixels, and errors that are missing, count as 0: the training mean that
    takes a missing pixel's place has no error.

    Parameters
    ----------
    net : BayesianCNNBase
        Trained.
    inputs, masks, inputs_err : dicts of arrays
        In physical units, checked.

    Returns
    -------
    array of float32, shape (n_stars, n_labels)
        Standard deviations in the labels' units.
    """
    scale = np.atleast_1d(net.labels_normalizer.std_labels["output"])
    n_labels = int(np.prod(net._labels_shape["output"]))
    variance = np.zeros((len(inputs["input"]), n_labels), dtype="float32")
    for name, errors in inputs_err.items():
        refuse_sigmoid(net, name)
        input_std = np.asarray(net.input_normalizer.std_labels[name], dtype="float32")
        for rows, jacobian in jacobian_blocks(net, inputs, masks, input_name=name):
            normalised = np.nan_to_num(errors[rows], nan=0.0) / input_std
            normalised = normalised.reshape(len(rows), 1, *net._input_shape[name])
            squares = np.square(jacobian * normalised)
            variance[rows] += squares.reshape(len(rows), n_labels, -1).sum(axis=-1)
    return (np.sqrt(variance) * scale).astype("float32")
