"""The probability integral transform: where in its predicted distribution a label lies."""

from typing import NamedTuple

import numpy as np
from scipy.stats import chi2

from astroNN.nn.calibration._predictive import judged
from astroNN.shared.setting_checks import check_at_least

__all__ = ["PitHistogram", "histogram_of", "pit", "pit_histogram"]


class PitHistogram(NamedTuple):
    """Histogram of PIT values, flat if the predictions are calibrated.

    Attributes
    ----------
    edges : array, shape (n_bins + 1,)
        From 0 to 1.
    counts : array of int, shape (n_bins, n_labels)
        Stars in every bin.
    expected : array, shape (n_labels,)
        Stars that a bin has on average if the prediction is calibrated, n / n_bins.
    err : array, shape (n_labels,)
        Their standard deviation from bin to bin then, sqrt(n p (1 - p)) with p = 1 / n_bins.
    p_value : array, shape (n_labels,)
        Probability of a larger chi-square against flatness, if the prediction is calibrated. NaN without stars.
    """

    edges: np.ndarray
    counts: np.ndarray
    expected: np.ndarray
    err: np.ndarray
    p_value: np.ndarray


def pit(pred, pred_std, labels, labels_err=None):
    """Probability integral transform: the predicted probability of a value below the label.

    Uniform between 0 and 1 if the predictions are calibrated; too many values near 0 and 1 mean spreads that are too
    small, too many in the middle spreads that are too large, a slope means a bias.

    Parameters
    ----------
    pred, pred_std, labels, labels_err : array, shape (n_stars, n_labels)
        As in `coverage_curve`, which says what else `pred` may be.

    Returns
    -------
    array, shape (n_stars, n_labels)
        NaN where the label or the prediction is missing. Of n draws, (rank + 1/2) / (n + 1).

    Raises
    ------
    ValueError
        As `coverage_curve`.

    References
    ----------
    Dawid 1984, JRSS A 147, 278. Gneiting, Balabdaoui & Raftery 2007, JRSS B 69, 243.

    Examples
    --------
    >>> pit([[0.0], [0.0]], [[1.0], [1.0]], [[0.0], [-9999.0]])
    array([[0.5],
           [nan]])
    """
    return judged(pred, pred_std, labels, labels_err).pit()


def pit_histogram(pred, pred_std, labels, labels_err=None, *, n_bins=10):
    """Histogram of `pit`, with the scatter to be expected in a bin.

    Parameters
    ----------
    pred, pred_std, labels, labels_err : array, shape (n_stars, n_labels)
        As in `coverage_curve`, which says what else `pred` may be.
    n_bins : int, optional
        Bins of equal width, at least 2. Default 10.

    Returns
    -------
    PitHistogram
        ``edges``, ``counts``, ``expected``, ``err`` and ``p_value``.

    Raises
    ------
    ValueError
        As `coverage_curve`, or if `n_bins` is no integer of at least 2.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> labels = rng.normal(size=(1000, 1))
    >>> too_small = pit_histogram(np.zeros((1000, 1)), np.full((1000, 1), 0.5), labels)
    >>> bool(too_small.counts[0, 0] > too_small.expected[0] + 5 * too_small.err[0])
    True
    """
    check_at_least("n_bins", n_bins, 2)
    case = judged(pred, pred_std, labels, labels_err)
    return histogram_of(case.pit(), case.n_stars, n_bins)


def histogram_of(values, n_stars, n_bins):
    """The histogram of PIT values (NaN where a label does not count)."""
    edges = np.linspace(0, 1, n_bins + 1)
    counts = np.stack([np.histogram(column[~np.isnan(column)], edges)[0] for column in values.T], axis=1)
    expected = n_stars / n_bins
    with np.errstate(invalid="ignore", divide="ignore"):
        p_value = chi2.sf(((counts - expected) ** 2 / expected).sum(axis=0), n_bins - 1)
    return PitHistogram(edges, counts, expected, np.sqrt(expected * (1 - 1 / n_bins)), p_value)
