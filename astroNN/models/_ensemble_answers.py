"""From the answers of an ensemble's members to the one of the ensemble."""

import numpy as np

__all__ = ["combined", "combined_uncertain"]


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


def _root_mean_square(arrays):
    return np.sqrt(np.mean(np.square(np.stack(arrays), dtype="float64"), axis=0)).astype("float32")
