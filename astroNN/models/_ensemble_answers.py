"""From the answers of an ensemble's members to the one of the ensemble."""

import numpy as np

__all__ = ["combined", "combined_uncertain", "mean_propagated_spread"]


def combined(predictions):
    """Mean of answers without uncertainties, and their scatter.

    Parameters
    ----------
    predictions : list of arrays of equal shape
        One array a member, at least two.

    Returns
    -------
    pred : array of float32
    pred_std : dict of arrays of float32
        ``"model"``: standard deviation of the members, with k - 1 in the denominator; ``"total"``: the same.

    Examples
    --------
    >>> pred, pred_std = combined([np.array([[1.0]]), np.array([[3.0]])])
    >>> pred.item(), round(pred_std["model"].item(), 4)
    (2.0, 1.4142)
    """
    stacked = np.stack(predictions).astype("float64")
    scatter = stacked.std(axis=0, ddof=1).astype("float32")
    return stacked.mean(axis=0).astype("float32"), {"total": scatter, "model": scatter.copy()}


def combined_uncertain(answers):
    r"""Mean and spreads of the mixture of the distributions that Bayesian members predict.

    The law of total variance, with the members' spreads :math:`\sigma_m` within and the scatter of their means
    :math:`\mu_k` about :math:`\bar\mu` between them:

    .. math:: \sigma_\mathrm{predictive}^2 = \frac1k \sum_k \sigma_{\mathrm{predictive},k}^2 , \qquad
              \sigma_\mathrm{model}^2 = \frac1k \sum_k \sigma_{\mathrm{model},k}^2
              + \frac1{k-1} \sum_k (\mu_k - \bar\mu)^2 .

    Parameters
    ----------
    answers : list of (array, dict of arrays)
        Of every member: the labels, shape (n_stars, n_labels), and the spreads ``"model"`` and ``"predictive"``.

    Returns
    -------
    pred : array of float32, shape (n_stars, n_labels)
    pred_std : dict of such arrays
        ``"total"``, ``"model"`` and ``"predictive"``.
    """
    pred, between = combined([labels for labels, _ in answers])
    within = {name: _root_mean_square([spreads[name] for _, spreads in answers]) for name in ("model", "predictive")}
    pred_std = {"model": np.hypot(within["model"], between["model"]), "predictive": within["predictive"]}
    return pred, {"total": np.hypot(pred_std["model"], pred_std["predictive"]), **pred_std}


def mean_propagated_spread(nets, inputs, masks, inputs_err):
    r"""Errors of the pixels carried through the mean of several networks to first order.

    .. math:: \sigma_d^2 = \sum_p \Big( \frac1k \sum_k \partial y_{k,d} / \partial x_p \Big)^2 \sigma_p^2

    All members see the same noise. Where they answer differently to it their labels scatter, which is in
    ``"model"`` already; the mean of their propagated variances would count it twice.

    Parameters
    ----------
    nets : list of NeuralNetMaster
        Trained, on the same kinds of inputs and labels.
    inputs, masks, inputs_err : dicts of arrays
        In physical units, checked.

    Returns
    -------
    array of float32, shape (n_stars, n_labels)
        Standard deviations in the labels' units.
    """
    # Loaded where it is needed, as in the networks.
    from astroNN.models.inspection.jacobian import jacobian_blocks, refuse_sigmoid

    n_labels = int(np.prod(nets[0]._labels_shape["output"]))
    variance = np.zeros((len(inputs["input"]), n_labels), dtype="float32")
    for name, errors in inputs_err.items():
        for net in nets:
            refuse_sigmoid(net, name)
        blocks = (jacobian_blocks(net, inputs, masks, input_name=name) for net in nets)
        for of_members in zip(*blocks, strict=True):
            rows = of_members[0][0]
            slopes = sum(
                _physical(net, name, jacobian) for net, (_, jacobian) in zip(nets, of_members, strict=True)
            ) / len(nets)
            pixel_errors = np.nan_to_num(errors[rows], nan=0.0).reshape(len(rows), 1, *slopes.shape[2:])
            variance[rows] += np.square(slopes * pixel_errors).reshape(len(rows), n_labels, -1).sum(axis=-1)
    return np.sqrt(variance)


def _physical(net, name, jacobian):
    """Labels' units per unit of the input; shape (n_rows, n_labels, ...) of the network's input."""
    labels_std = np.asarray(net.labels_normalizer.std_labels["output"], dtype="float32").reshape(1, -1)
    input_std = np.asarray(net.input_normalizer.std_labels[name], dtype="float32")
    shape = net._input_shape[name]
    jacobian = jacobian.reshape(*jacobian.shape[:2], *shape)
    input_std = input_std.reshape(shape) if input_std.size > 1 else input_std.item()
    return jacobian * labels_std.reshape(1, -1, *[1] * len(shape)) / input_std


def _root_mean_square(arrays):
    return np.sqrt(np.mean(np.square(np.stack(arrays), dtype="float64"), axis=0)).astype("float32")
