"""One number for how far predicted probabilities are from observed frequencies."""

import numpy as np

from astroNN.nn.calibration._coverage import as_levels, curve_of
from astroNN.nn.calibration._predictive import judged
from astroNN.shared.missing import missing_elements
from astroNN.shared.setting_checks import check_at_least, check_one_of

__all__ = ["error_of_curve", "expected_calibration_error", "noise_of_calibration_error"]

_ROUNDING = 1e-3  # by which the probabilities of a star may miss the sum of 1: those of half precision do


def expected_calibration_error(pred, pred_std, labels, labels_err=None, *, task="regression", levels=None, n_bins=15):
    r"""Mean distance of observed frequencies from predicted probabilities.

    For a regression, of every label the mean of :math:`|\mathrm{observed} - \mathrm{nominal}|` over the levels of
    `coverage_curve`. For a classification, with stars sorted by the probability of the class that they were put in,
    :math:`\sum_b (n_b / n) \, |\mathrm{accuracy}_b - \mathrm{confidence}_b|` over the bins b of that probability.

    Parameters
    ----------
    pred, pred_std, labels, labels_err : array, shape (n_stars, n_labels)
        For a regression as in `coverage_curve`. For a classification `pred` are probabilities of shape (n_stars,
        n_classes), `pred_std` and `labels_err` None, and `labels` numbers of classes, shape (n_stars,), or
        one-hot of shape (n_stars, n_classes); for two classes `pred` may be the probabilities of the second one,
        shape (n_stars,) or (n_stars, 1).
    task : {"regression", "classification"}, optional
        Default: ``"regression"``.
    levels : array, shape (n_levels,), optional
        Of a regression, as in `coverage_curve`.
    n_bins : int, optional
        Bins of equal width in probability, for a classification. Default 15.

    Returns
    -------
    array, shape (n_labels,), or float
        One value per label of a regression, one in all for a classification; between 0 and 1, NaN if nothing counts.

    Raises
    ------
    ValueError
        If shapes differ, or values are no probabilities or classes.

    Notes
    -----
    It is never 0, even for a perfect prediction: of n stars, with the levels of the default, about
    :math:`\sqrt{\pi / 32 n}`, which `calibration_report` gives beside it.

    References
    ----------
    Kuleshov et al. 2018, arXiv:1807.00263 (regression). Naeini et al. 2015, AAAI 29, 2901, and Guo et al. 2017,
    arXiv:1706.04599 (classification).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> labels = rng.normal(size=(2000, 1))
    >>> expected_calibration_error(np.zeros((2000, 1)), np.full((2000, 1), 2.0), labels).round(2)
    array([0.21])
    >>> probability = [[0.9, 0.1], [0.9, 0.1], [0.4, 0.6]]
    >>> round(expected_calibration_error(probability, None, [0, 1, 1], task="classification"), 3)
    0.4
    """
    check_one_of("task", task, ("regression", "classification"))
    if task == "classification":
        if pred_std is not None or labels_err is not None:
            raise ValueError("calibration: a classification has no `pred_std` and no `labels_err`: give None.")
        return _of_classification(pred, labels, n_bins)
    levels = as_levels(levels)
    case = judged(pred, pred_std, labels, labels_err)
    return error_of_curve(curve_of(case.pit(), case.n_stars, levels))


def error_of_curve(curve):
    """Mean distance of a coverage curve from the diagonal, by label."""
    return np.abs(curve.observed - curve.levels[:, None]).mean(axis=0)


def noise_of_calibration_error(curve):
    """What that distance is on average for a calibrated prediction of as many stars, by label."""
    return np.sqrt(2 / np.pi) * curve.err.mean(axis=0)


def _of_classification(probabilities, labels, n_bins):
    check_at_least("n_bins", n_bins, 1)
    probabilities = _as_probabilities(probabilities)
    classes, counted = _as_classes(labels, probabilities.shape)
    counted &= ~np.isnan(probabilities).any(axis=1)
    if not counted.any():
        return float("nan")
    probabilities, classes = probabilities[counted], classes[counted]
    confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == classes
    # Upper edges belong to their bin, as in Guo et al.
    bins = np.clip(np.ceil(confidence * n_bins).astype(int) - 1, 0, n_bins - 1)
    excess = np.bincount(bins, weights=correct - confidence, minlength=n_bins)
    return float(np.abs(excess).sum() / len(classes))


def _as_probabilities(values):
    values = np.asarray(values)
    values = np.where(missing_elements(values), np.nan, values.astype(float))
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim == 2 and values.shape[1] == 1:
        values = np.concatenate([1 - values, values], axis=1)
    if values.ndim != 2 or not values.size:
        raise ValueError(f"calibration: `pred` must have shape (n_stars, n_classes), got {values.shape}.")
    known = values[~np.isnan(values).any(axis=1)]
    if ((known < 0) | (known > 1)).any() or (np.abs(known.sum(axis=1) - 1) > _ROUNDING).any():
        raise ValueError(
            "calibration: `pred` must be probabilities between 0 and 1 with a sum of 1 for every star. Turn logits "
            "into them by a softmax."
        )
    return values


def _as_classes(labels, shape):
    """Number of the class of every star, and which stars have one."""
    labels = np.asarray(labels)
    missing = missing_elements(labels)
    if labels.shape == shape and labels.ndim == 2:
        counted = ~missing.any(axis=1)
        if not (np.isin(labels[counted], (0, 1)).all() and (labels[counted].sum(axis=1) == 1).all()):
            raise ValueError("calibration: one-hot `labels` must be 0, and 1 for exactly one class of every star.")
        return labels.argmax(axis=1), counted
    if labels.shape not in ((shape[0],), (shape[0], 1)):
        raise ValueError(f"calibration: `labels` has shape {labels.shape}, but `pred` has {shape}.")
    labels, counted = labels.reshape(-1), ~missing.reshape(-1)
    known = labels[counted]
    if ((known < 0) | (known >= shape[1]) | (known != np.round(known))).any():
        raise ValueError(f"calibration: `labels` must be numbers of classes from 0 to {shape[1] - 1}.")
    return np.where(counted, labels, 0).astype(int), counted
