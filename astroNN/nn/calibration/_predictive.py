"""Predicted distributions of any kind beside the labels they are judged by, in numpy and float64.

Gaussians, mixtures of Gaussians and draws answer the same three questions about a label: the probability of a lower
value, the logarithm of the density, and the CRPS.
"""

import math
from dataclasses import dataclass

import numpy as np
from keras import ops
from scipy.special import logsumexp, ndtr

from astroNN.nn.calibration._arrays import as_columns, check_spreads, total_of
from astroNN.nn.distributions import GaussianMixture
from astroNN.shared.missing import missing_elements

__all__ = ["Judged", "judged"]

_PAIRS = 4_000_000  # pairs of components held at a time: 32 MB an array
_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)


@dataclass
class Judged:
    """Labels that count, in a row, and the distributions predicted for them."""

    counted: np.ndarray  # bool, (n_stars, n_labels)
    labels: np.ndarray  # (n_counted,)
    predicted: object  # Gaussians, Mixtures or Draws of n_counted elements
    centre: np.ndarray  # (n_stars, n_labels), mean of the prediction
    spread: np.ndarray  # (n_stars, n_labels), its standard deviation, label errors included
    label_table: np.ndarray  # (n_stars, n_labels), NaN where it does not count

    @property
    def n_stars(self):
        """Number of stars that count, by label."""
        return self.counted.sum(axis=0)

    def table(self, values):
        """Values of the labels that count in their places, NaN elsewhere."""
        full = np.full(self.counted.shape, np.nan)
        full[self.counted] = values
        return full

    def pit(self):
        """Probability that the prediction gave to values below the label, shape (n_stars, n_labels)."""
        return self.table(self.predicted.cdf(self.labels))


def judged(pred, pred_std, labels, labels_err=None):
    """Check predictions and labels, and add the label errors to the predictions.

    Parameters
    ----------
    pred : array, shape (n_stars, n_labels), GaussianMixture, or array, shape (n_draws, n_stars, n_labels)
        Means of Gaussians, mixtures, or draws.
    pred_std : array, shape (n_stars, n_labels), dict with the key ``"total"``, or None
        Standard deviations of the Gaussians; None for mixtures and draws.
    labels : array, shape (n_stars, n_labels)
        NaN or the magic number marks a missing one.
    labels_err : array, shape (n_stars, n_labels), optional
        A missing one counts as 0.

    Returns
    -------
    Judged

    Raises
    ------
    ValueError
        If shapes differ, a spread is negative or all of a prediction's spread is zero, or values are infinite.
    """
    labels = as_columns("labels", labels)
    errors = np.zeros_like(labels) if labels_err is None else as_columns("labels_err", labels_err)
    check_spreads("labels_err", errors, labels.shape, "`labels` has")
    errors = np.nan_to_num(errors, nan=0.0)
    if isinstance(pred, GaussianMixture):
        _refuse_spread(pred_std, "a GaussianMixture")
        parts = _mixture_parts(pred, labels.shape)
        kind = Mixtures
    elif pred_std is None and np.ndim(pred) == 3:
        parts = (_draws(pred, labels.shape),)
        kind = Draws
    else:
        parts = _gaussian_parts(pred, pred_std, labels.shape)
        kind = Gaussians
    known = np.all([np.isfinite(part).reshape(*labels.shape, -1).all(axis=-1) for part in parts], axis=0)
    counted = known & ~np.isnan(labels)
    whole = kind(*(part[known] for part in parts), errors[known])
    centre, spread = np.full(labels.shape, np.nan), np.full(labels.shape, np.nan)
    centre[known], spread[known] = whole.moments()
    if kind is not Draws and (spread[counted] == 0).any():
        raise ValueError(
            f"calibration: {(spread[counted] == 0).sum()} predicted spreads are 0 where the label has no error: "
            "such a prediction is certain, and infinitely wrong. Leave these stars out (NaN in `pred_std`)."
        )
    return Judged(
        counted,
        labels[counted],
        kind(*(part[counted] for part in parts), errors[counted]),
        centre,
        spread,
        np.where(counted, labels, np.nan),
    )


class Gaussians:
    """Means and standard deviations, shape (n,), with the errors of the labels added in quadrature."""

    def __init__(self, mean, std, err):
        self.mean, self.std = mean, np.hypot(std, err)

    def moments(self):
        return self.mean, self.std

    def cdf(self, y):
        return ndtr((y - self.mean) / self.std)

    def log_density(self, y):
        return -0.5 * ((y - self.mean) / self.std) ** 2 - np.log(self.std) - _LOG_SQRT_2PI

    def crps(self, y):
        z = (y - self.mean) / self.std
        return self.std * (z * (2 * ndtr(z) - 1) + 2 * np.exp(-0.5 * z**2 - _LOG_SQRT_2PI) - 1 / math.sqrt(math.pi))


class Mixtures:
    """Means, scales and weights of the components, shape (n, n_components); label errors widen every component."""

    def __init__(self, means, scales, weights, err):
        self.means, self.scales, self.weights = means, np.hypot(scales, err[:, None]), weights

    def moments(self):
        mean = np.sum(self.weights * self.means, axis=-1)
        variance = np.sum(self.weights * (self.scales**2 + (self.means - mean[:, None]) ** 2), axis=-1)
        return mean, np.sqrt(variance)

    def cdf(self, y):
        return np.sum(self.weights * ndtr((y[:, None] - self.means) / self.scales), axis=-1)

    def log_density(self, y):
        z = (y[:, None] - self.means) / self.scales
        return logsumexp(-0.5 * z**2 - np.log(self.scales) - _LOG_SQRT_2PI, b=self.weights, axis=-1)

    def crps(self, y):
        near = np.sum(self.weights * _mean_distance(y[:, None] - self.means, self.scales), axis=-1)
        return near - 0.5 * self._mean_distance_of_two()

    def _mean_distance_of_two(self):
        """Expected distance of two independent values, from all pairs of components, a block of stars at a time."""
        n, n_components = self.means.shape
        block = max(1, _PAIRS // n_components**2)
        found = np.empty(n)
        for start in range(0, n, block):
            rows = slice(start, start + block)
            means, scales, weights = self.means[rows], self.scales[rows], self.weights[rows]
            distance = _mean_distance(
                means[:, :, None] - means[:, None, :], np.hypot(scales[:, :, None], scales[:, None, :])
            )
            found[rows] = np.einsum("nk,nl,nkl->n", weights, weights, distance)
        return found


class Draws:
    """Draws, shape (n, n_draws); where the label has an error, each draw becomes a Gaussian of that width."""

    def __init__(self, values, err):
        self.values, self.err = np.sort(values, axis=-1), err
        self.blurred = err > 0

    def moments(self):
        return self.values.mean(axis=-1), np.hypot(self.values.std(axis=-1), self.err)

    def cdf(self, y):
        # The rank of a label among n draws of its own distribution is one of n + 1, all equally probable.
        n_draws = self.values.shape[-1]
        below = (self.values < y[:, None]).sum(axis=-1) + 0.5 * (self.values == y[:, None]).sum(axis=-1)
        found = (below + 0.5) / (n_draws + 1)
        found[self.blurred] = self._mixture().cdf(y[self.blurred])
        return found

    def log_density(self, y):
        raise ValueError(
            "calibration: draws have no density, so no likelihood. Give their mean and standard deviation, the "
            "mixture of `net.predict_distribution`, or use `crps`."
        )

    def crps(self, y):
        n_draws = self.values.shape[-1]
        ranks = 2 * np.arange(1, n_draws + 1) - n_draws - 1  # sum of |x_i - x_j|, from the order alone
        found = np.abs(self.values - y[:, None]).mean(axis=-1) - self.values @ ranks / n_draws**2
        found[self.blurred] = self._mixture().crps(y[self.blurred])
        return found

    def _mixture(self):
        values = self.values[self.blurred]
        return Mixtures(
            values, np.zeros_like(values), np.full_like(values, 1 / values.shape[-1]), self.err[self.blurred]
        )


def _mean_distance(difference, scale):
    """Expected absolute value of a Gaussian variable of mean `difference` and standard deviation `scale`."""
    z = difference / scale
    return 2 * scale * np.exp(-0.5 * z**2 - _LOG_SQRT_2PI) + difference * (2 * ndtr(z) - 1)


def _gaussian_parts(pred, pred_std, shape):
    if pred_std is None:
        raise ValueError(
            f"calibration: without `pred_std`, `pred` must be a GaussianMixture or draws of shape (n_draws, n_stars, "
            f"n_labels); got an array of shape {np.shape(pred)}."
        )
    mean, std = as_columns("pred", pred), as_columns("pred_std", total_of(pred_std))
    if mean.shape != shape:
        raise ValueError(f"calibration: `pred` has shape {mean.shape}, but `labels` has {shape}.")
    check_spreads("pred_std", std, shape, "`labels` has")
    return mean, std


def _mixture_parts(mixture, shape):
    parts = [
        np.asarray(ops.convert_to_numpy(values), dtype=float)
        for values in (mixture.means, mixture.scales, mixture.weights)
    ]
    if len(mixture.batch_shape) == 1:
        parts = [part[:, None] for part in parts]
    if parts[0].shape[:-1] != shape:
        raise ValueError(f"calibration: the mixtures have shape {mixture.batch_shape}, but `labels` has {shape}.")
    return parts


def _draws(pred, shape):
    draws = np.asarray(pred)
    if draws.dtype.kind not in "buif" or draws.shape[1:] != shape or len(draws) < 2:
        raise ValueError(
            f"calibration: draws must be numbers of shape (n_draws, n_stars, n_labels), at least two for the labels "
            f"of shape {shape}; got {draws.dtype} of shape {draws.shape}."
        )
    draws = np.where(missing_elements(draws), np.nan, draws.astype(float))
    if np.isinf(draws).any():
        raise ValueError("calibration: the draws hold infinite values; mark stars without a prediction by NaN.")
    return np.moveaxis(draws, 0, -1)


def _refuse_spread(pred_std, what):
    if pred_std is not None:
        raise ValueError(f"calibration: {what} has its own spreads: give `pred_std=None` with it.")
