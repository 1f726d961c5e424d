"""How often labels lie within predicted intervals."""

from typing import NamedTuple

import numpy as np

from astroNN.nn.calibration._arrays import checked
from astroNN.nn.calibration._predictive import judged

__all__ = ["CoverageCurve", "as_levels", "coverage", "coverage_curve", "curve_of"]

_LEVELS = np.arange(1, 100) / 100


class CoverageCurve(NamedTuple):
    """Observed against nominal coverage of central intervals.

    Attributes
    ----------
    levels : array, shape (n_levels,)
        Nominal probabilities of the intervals.
    observed : array, shape (n_levels, n_labels)
        Fractions of the labels inside; NaN for a label that no star has.
    err : array, shape (n_levels, n_labels)
        Binomial standard deviation of `observed` if the prediction is calibrated, sqrt(p (1 - p) / n).
    n_stars : array of int, shape (n_labels,)
        Stars that count.
    """

    levels: np.ndarray
    observed: np.ndarray
    err: np.ndarray
    n_stars: np.ndarray


def coverage(errors, sigma):
    """Fractions of errors within one and two standard deviations; 0.683 and 0.954 for Gaussian ones.

    Parameters
    ----------
    errors : array, shape (n_stars, n_labels)
        Prediction minus truth; NaN and the magic number are left out.
    sigma : array, shape (n_stars, n_labels)
        Predicted standard deviations, in the same units.

    Returns
    -------
    array, shape (2, n_labels)
        NaN for a label without any star.

    See Also
    --------
    coverage_curve : For every interval, not these two only.

    Examples
    --------
    >>> coverage([[0.5], [1.5], [3.0], [-0.2]], [[1.0], [1.0], [1.0], [1.0]])
    array([[0.5 ],
           [0.75]])
    """
    errors, sigma, _ = checked(errors, sigma, None)
    counted = ~np.isnan(errors) & ~np.isnan(sigma)
    n_stars = counted.sum(axis=0)
    within = [(counted & (np.abs(errors) <= n * sigma)).sum(axis=0) for n in (1, 2)]
    return np.where(n_stars > 0, within / np.maximum(n_stars, 1), np.nan)


def coverage_curve(pred, pred_std, labels, labels_err=None, *, levels=None):
    """Fraction of labels inside the predicted central intervals of every probability.

    The central interval of probability p lies between the quantiles (1 - p) / 2 and (1 + p) / 2 of the predicted
    distribution. If predictions are calibrated, it holds the fraction p of the labels, within the binomial scatter.

    Parameters
    ----------
    pred : array, shape (n_stars, n_labels), GaussianMixture, or array, shape (n_draws, n_stars, n_labels)
        Predicted means; or mixtures, as ``net.predict_distribution`` gives them, or draws, both with
        ``pred_std=None``.
    pred_std : array, shape (n_stars, n_labels), dict of such, or None
        Predicted standard deviations in the units of `pred`; of a dictionary, ``"total"``.
    labels : array, shape (n_stars, n_labels)
        NaN or the magic number marks a missing label, which is left out, as is a star without a prediction (NaN).
    labels_err : array, shape (n_stars, n_labels), optional
        Standard errors of the labels, by which the predicted distribution is widened (added in quadrature). A missing
        one counts as 0. Default: exact labels.
    levels : array, shape (n_levels,), optional
        Probabilities between 0 and 1, ascending. Default: 0.01, 0.02, ..., 0.99.

    Returns
    -------
    CoverageCurve
        ``levels``, ``observed``, ``err`` and ``n_stars``.

    Raises
    ------
    ValueError
        If shapes differ, values are infinite, or a spread is negative or zero.

    See Also
    --------
    expected_calibration_error : The curve's mean distance from the diagonal.
    pit_histogram : Tells a bias from a wrong width.

    References
    ----------
    Kuleshov et al. 2018, arXiv:1807.00263. Gneiting, Balabdaoui & Raftery 2007, JRSS B 69, 243.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> pred, labels = np.zeros((4000, 1)), rng.normal(size=(4000, 1))
    >>> curve = coverage_curve(pred, np.ones((4000, 1)), labels, levels=[0.5, 0.9])
    >>> bool((np.abs(curve.observed[:, 0] - curve.levels) < 3 * curve.err[:, 0]).all())
    True
    """
    levels = as_levels(levels)
    case = judged(pred, pred_std, labels, labels_err)
    return curve_of(case.pit(), case.n_stars, levels)


def as_levels(levels):
    """Probabilities of intervals, checked."""
    if levels is None:
        return _LEVELS.copy()
    levels = np.atleast_1d(np.asarray(levels, dtype=float))
    if levels.ndim != 1 or not levels.size or not ((levels > 0) & (levels < 1)).all() or (np.diff(levels) <= 0).any():
        raise ValueError(f"calibration: `levels` must be ascending probabilities between 0 and 1, got {levels!r}.")
    return levels


def curve_of(pit, n_stars, levels):
    """The curve of PIT values (NaN where a label does not count)."""
    # A value lies in the central interval of probability p if its PIT is less than p / 2 away from 1 / 2.
    inside = np.abs(2 * pit - 1)[None] <= levels[:, None, None]  # False for NaN
    n = np.where(n_stars > 0, n_stars, np.nan)
    return CoverageCurve(
        levels, inside.sum(axis=1) / n, np.sqrt(levels * (1 - levels))[:, None] / np.sqrt(n), n_stars
    )
