"""Proper scores of predicted distributions, and their sharpness."""

import numpy as np
from keras import ops

from astroNN.nn.calibration._arrays import as_columns, total_of
from astroNN.nn.calibration._predictive import judged
from astroNN.nn.distributions import GaussianMixture

__all__ = ["crps", "mean_by_label", "negative_log_likelihood", "sharpness"]


def negative_log_likelihood(pred, pred_std, labels, labels_err=None, *, average=True):
    """Negative logarithm of the predicted probability density at the labels; smaller is better.

    Parameters
    ----------
    pred, pred_std, labels, labels_err : array, shape (n_stars, n_labels)
        As in `coverage_curve`, but for draws, which have no density.
    average : bool, optional
        Mean over the stars of each label (default), or one value for every star.

    Returns
    -------
    array, shape (n_labels,) or (n_stars, n_labels)
        Natural logarithm; it depends on the unit of the label. NaN where nothing counts.

    Raises
    ------
    ValueError
        As `coverage_curve`, and for draws.

    See Also
    --------
    crps : In the unit of the label, and less swayed by a few stars far out.

    References
    ----------
    Gneiting & Raftery 2007, JASA 102, 359, section 4.1 (the logarithmic score).

    Examples
    --------
    >>> negative_log_likelihood([[0.0]], [[1.0]], [[0.0]])  # ln sqrt(2 pi)
    array([0.91893853])
    """
    case = judged(pred, pred_std, labels, labels_err)
    values = case.table(-case.predicted.log_density(case.labels))
    return mean_by_label(values) if average else values


def crps(pred, pred_std, labels, labels_err=None, *, average=True):
    r"""Continuous ranked probability score, in the unit of the label; smaller is better.

    .. math:: \int_{-\infty}^{\infty} \left[ F(y) - \mathbf{1}(y \ge y_\mathrm{label}) \right]^2 dy
              = \operatorname{E} |Y - y_\mathrm{label}| - \tfrac12 \operatorname{E} |Y - Y'|

    with the predicted distribution function F and independent values Y, Y' of it. For a prediction without spread it
    is the absolute error.

    Parameters
    ----------
    pred, pred_std, labels, labels_err : array, shape (n_stars, n_labels)
        As in `coverage_curve`, which says what else `pred` may be.
    average : bool, optional
        Mean over the stars of each label (default), or one value for every star.

    Returns
    -------
    array, shape (n_labels,) or (n_stars, n_labels)
        NaN where nothing counts.

    Raises
    ------
    ValueError
        As `coverage_curve`.

    Notes
    -----
    Closed forms for Gaussians and for mixtures; of the latter all pairs of components are needed, so that the time
    grows with the square of their number. Draws count as the distribution that has just these values.

    References
    ----------
    Gneiting & Raftery 2007, JASA 102, 359, section 4.2. Grimit et al. 2006, QJRMS 132, 2925 (mixtures).

    Examples
    --------
    >>> crps([[0.0]], [[1.0]], [[0.0]])  # (sqrt(2) - 1) / sqrt(pi)
    array([0.23369498])
    """
    case = judged(pred, pred_std, labels, labels_err)
    values = case.table(case.predicted.crps(case.labels))
    return mean_by_label(values) if average else values


def sharpness(pred_std):
    """Root mean square of the predicted standard deviations of every label: how narrow the predictions are.

    Of two calibrated predictions the sharper one knows more; alone it says nothing.

    Parameters
    ----------
    pred_std : array, shape (n_stars, n_labels), dict with the key ``"total"``, or GaussianMixture
        NaN and the magic number are left out.

    Returns
    -------
    array, shape (n_labels,)
        In the unit of the label.

    Raises
    ------
    ValueError
        If a spread is negative or infinite.

    References
    ----------
    Gneiting, Balabdaoui & Raftery 2007, JRSS B 69, 243. Kuleshov et al. 2018, arXiv:1807.00263, section 3.

    Examples
    --------
    >>> sharpness([[3.0], [4.0], [-9999.0]])  # sqrt((9 + 16) / 2)
    array([3.53553391])
    """
    if isinstance(pred_std, GaussianMixture):
        pred_std = ops.convert_to_numpy(pred_std.stddev())
    spread = as_columns("pred_std", total_of(pred_std))
    if (spread < 0).any():
        raise ValueError("calibration: `pred_std` are standard deviations and can't be negative.")
    return np.sqrt(mean_by_label(spread**2))


def mean_by_label(values):
    """Mean over the stars that have a value; NaN where none has one."""
    counted = ~np.isnan(values)
    return np.where(counted, values, 0.0).sum(axis=0) / np.where(counted.any(axis=0), counted.sum(axis=0), np.nan)
