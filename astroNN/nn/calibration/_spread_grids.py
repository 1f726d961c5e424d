"""Likelihoods of a spread's factor and slope on grids, and their pooling over labels: `fit_spread_calibration`."""

from dataclasses import dataclass
from functools import cache

import numpy as np

__all__ = ["ScaledStars", "at_the_end", "log_likelihood", "log_likelihood_2d", "pivot", "pool", "pool_2d"]

_KURTOSIS = 4.5  # of error / predicted spread in trained networks; 3 would be Gaussian. Measured 4.0 to 5.5
_OUTLIER = 5.0  # residuals count for at most this many standard deviations

# Priors: on the natural logarithm of a factor, and on its slope with the logarithm of the spread.
_CENTRE_SCALE = np.log(2.0)  # of the mean of all labels, about 0: the network's word to a factor of two
_SLOPE_CENTRE_SCALE = 0.2  # of the mean slope of all labels, about 0
_SCATTER_SCALE = 0.1  # half-Cauchy scale of the scatter from label to label, which share the cause
_LOG_FACTOR = np.linspace(np.log(0.05), np.log(20.0), 600)  # steps of 1%
_CENTRE = np.linspace(np.log(0.1), np.log(10.0), 93)  # steps of 5%, as fine as the smallest scatter
_SCATTER = np.geomspace(0.05, 1.0, 9)
# With slopes there are 81 times as many pairs: half as fine in the factor.
_LOG_FACTOR_2D = _LOG_FACTOR[::2]
_SLOPE = np.linspace(-1.0, 1.0, 81)  # beyond -1, a larger predicted spread would be turned into a smaller one
_SLOPE_CENTRE = np.linspace(-0.8, 0.8, 33)
_SLOPE_SCATTER = np.geomspace(0.05, 0.4, 5)


@dataclass
class ScaledStars:
    """Of one label and its usable stars: squares over the squared spread, and the logarithm of the spread."""

    residual2: np.ndarray
    error2: np.ndarray
    log_spread: np.ndarray

    @classmethod
    def of(cls, residuals, spreads, errors):
        return cls((residuals / spreads) ** 2, (errors / spreads) ** 2, np.log(spreads))


def at_the_end(log_factor):
    """Whether a factor is as small or as large as the grid goes."""
    return (log_factor < _LOG_FACTOR[0] + 0.1) | (log_factor > _LOG_FACTOR[-1] - 0.1)


def pivot(stars, f2):
    """Logarithm of the spread about which factor and slope say independent things; f2: the squared factor."""
    if not stars.log_spread.size:
        return 0.0
    return float(np.average(stars.log_spread, weights=_weights(f2, stars.error2)))


def log_likelihood(stars, f2):
    """Of one label on the grid of factors; f2: the squared factor as known so far.

    Works for a negative estimate of the square, too (label errors explain more than all residuals), which just
    says that the factor is small.
    """
    if not stars.residual2.size:
        return np.zeros_like(_LOG_FACTOR)
    c2 = stars.error2
    # A label that is wrong altogether says nothing of the spread, yet one of 30 sigma would outweigh 400 stars.
    z2 = np.minimum(stars.residual2, _OUTLIER**2 * (f2 + c2))
    weights = _weights(f2, c2)
    estimate = np.sum(weights * (z2 - c2))
    grid = np.exp(2 * _LOG_FACTOR)
    w2 = weights**2
    variance = (_KURTOSIS - 1) * grid**2 * w2.sum() + 4 * grid * np.sum(w2 * c2) + 2 * np.sum(w2 * c2**2)
    variance = variance + _grid_variance(grid, _LOG_FACTOR)
    return -0.5 * (estimate - grid) ** 2 / variance - 0.5 * np.log(variance)


def log_likelihood_2d(stars, distance, log_factor, slope):
    """Of one label on the grid of factors and slopes, shape (n_factor, n_slope).

    Two weighted means of (residual^2 - error^2) / spread^2, one of them weighted by the logarithmic distance of the
    spread from the pivot too, are compared with what every factor and slope predict for them.
    """
    shape = (len(_LOG_FACTOR_2D), len(_SLOPE))
    if not distance.size:
        return np.zeros(shape)
    c2, f2 = stars.error2, np.exp(2 * (log_factor + slope * distance))
    z2 = np.minimum(stars.residual2, _OUTLIER**2 * (f2 + c2))
    weights = _weights(f2, c2)
    moments = np.stack([np.ones_like(distance), distance])  # (2, n_stars)
    estimate = moments @ (weights * (z2 - c2))
    f2_grid = np.exp(2 * _LOG_FACTOR_2D)[:, None]
    powers = np.stack([np.ones_like(distance), distance, distance**2], axis=1)  # (n_stars, 3)
    first, var_first, var_second = _sums(
        distance, weights[:, None] * powers[:, :2], weights[:, None] ** 2 * powers, c2
    )
    off, off_x = (estimate[k] - f2_grid * first[:, k] for k in range(2))
    var, cov, var_x = (
        (_KURTOSIS - 1) * f2_grid**2 * var_second[:, k]
        + 4 * f2_grid * var_first[:, k]
        + 2 * np.sum(weights**2 * powers[:, k] * c2**2)
        for k in range(3)
    )
    # One spread for all stars says nothing of a slope: keep the covariance from being singular.
    var, var_x = var + _grid_variance(f2_grid, _LOG_FACTOR_2D), var_x + 1e-6 * var
    determinant = var * var_x - cov**2
    chi2 = (off**2 * var_x - 2 * off * off_x * cov + off_x**2 * var) / determinant
    return -0.5 * chi2 - 0.5 * np.log(determinant)


def _sums(distance, weighted, weighted2, c2):
    """What every slope and a factor of 1 at the pivot predict, each (n_slope, 2 or 3), one slope at a time."""
    columns = np.hstack([weighted, weighted2 * c2[:, None]])
    first, second = [], []
    for slope in _SLOPE:
        square = np.exp(2 * slope * distance)
        first.append(square @ columns)
        second.append(square**2 @ weighted2)
    first = np.array(first)
    return first[:, :2], first[:, 2:], np.array(second)


def _weights(f2, c2):
    weights = (f2 + c2) ** -0.5
    return weights / weights.sum()


def _grid_variance(squares, log_factor):
    """Millions of stars would give a peak between two points of the grid: (2 f^2 times its step)^2."""
    return (2 * squares * (log_factor[1] - log_factor[0])) ** 2


@cache
def _population():
    """Distributions of log factors, (n_scatter * n_centre, n_factor), and the log prior of centre and scatter."""
    return _normal_population(_LOG_FACTOR, _CENTRE, _SCATTER, _CENTRE_SCALE)


@cache
def _populations_2d():
    """The same for factors and for slopes on the grid of pairs."""
    return (
        _normal_population(_LOG_FACTOR_2D, _CENTRE, _SCATTER[::2], _CENTRE_SCALE),
        _normal_population(_SLOPE, _SLOPE_CENTRE, _SLOPE_SCATTER, _SLOPE_CENTRE_SCALE),
    )


def _normal_population(values, centre, scatter, centre_scale):
    distributions = np.exp(-0.5 * ((values - centre[:, None]) / scatter[:, None, None]) ** 2)
    distributions /= distributions.sum(axis=-1, keepdims=True)
    # The scatters are spaced evenly in the logarithm: the factor `scatter` makes the measure uniform.
    scatter_prior = np.log(scatter) - np.log1p((scatter / _SCATTER_SCALE) ** 2)
    prior = scatter_prior[:, None] - 0.5 * (centre / centre_scale) ** 2
    return distributions.reshape(-1, len(values)), prior.reshape(-1)


def pool(log_likelihood):
    """Posterior mean and standard deviation of every label's log factor, over centre and scatter of all labels."""
    distributions, log_prior = _population()
    likelihood = np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
    evidence, first, second = (
        distributions @ (likelihood * _LOG_FACTOR**power).T for power in range(3)
    )  # each (n_population, n_labels)
    evidence = np.maximum(evidence, np.finfo(float).tiny)
    posterior = _normalised(log_prior + np.log(evidence).sum(axis=-1))
    mean, square = posterior @ (first / evidence), posterior @ (second / evidence)
    return mean, np.sqrt(np.maximum(square - mean**2, 0.0))


def pool_2d(log_likelihood):
    """Mean and standard deviation of every label's log factor, then of its slope; (n_labels, n_factor, n_slope)."""
    (factors, factor_prior), (slopes, slope_prior) = _populations_2d()
    likelihood = np.exp(log_likelihood - log_likelihood.max(axis=(1, 2), keepdims=True))
    log_posterior = factor_prior[:, None] + slope_prior
    # One label at a time, of which each takes its megabytes.
    for label in likelihood:
        log_posterior = log_posterior + np.log(_evidence(factors, label, slopes))
    posterior = _normalised(log_posterior)
    moments = np.array([_moments(factors, label, slopes, posterior) for label in likelihood]).T
    log_factor, log_factor2, slope, slope2 = moments
    return (
        log_factor,
        np.sqrt(np.maximum(log_factor2 - log_factor**2, 0.0)),
        slope,
        np.sqrt(np.maximum(slope2 - slope**2, 0.0)),
    )


def _evidence(factors, likelihood, slopes):
    """Probability of one label's data in every pair of populations."""
    return np.maximum(factors @ likelihood @ slopes.T, np.finfo(float).tiny)


def _moments(factors, likelihood, slopes, posterior):
    """First and second moment of one label's log factor, and of its slope."""
    weights = posterior / _evidence(factors, likelihood, slopes)
    density = likelihood * (factors.T @ weights @ slopes)
    of_factor, of_slope = density.sum(axis=1), density.sum(axis=0)
    return (
        of_factor @ _LOG_FACTOR_2D,
        of_factor @ _LOG_FACTOR_2D**2,
        of_slope @ _SLOPE,
        of_slope @ _SLOPE**2,
    )


def _normalised(log_posterior):
    posterior = np.exp(log_posterior - log_posterior.max())
    return posterior / posterior.sum()
