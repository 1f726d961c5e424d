"""Calibration of predicted spreads: one factor per label, from stars held back from the training.

Variational dropout counts its own noise twice, in the spread of the passes and in the variance that the network
learned while dropout was on, so that the documented sum of both is too large. The page :doc:`/calibration` derives
the estimator and shows how it was chosen.
"""

import warnings
from dataclasses import dataclass
from functools import cache

import numpy as np

from astroNN.shared.missing import missing_elements

__all__ = ["MINIMUM_STARS", "SpreadCalibration", "coverage", "fit_spread_calibration"]

MINIMUM_STARS = 50  # fewer say too little about a spread: its relative error is 1/sqrt(2n), 10%, at best
_KURTOSIS = 4.5  # of error / predicted spread in trained networks; 3 would be Gaussian. Measured 4.0 to 5.5
_OUTLIER = 5.0  # residuals count for at most this many standard deviations
_ITERATIONS = 3  # the weights of the stars depend weakly on the factors: the third changes them by under 1%

# Priors, all on the natural logarithm of a factor.
_CENTRE_SCALE = np.log(2.0)  # of the mean of all labels, about 0: the network's word to a factor of two
_SCATTER_SCALE = 0.1  # half-Cauchy scale of the scatter from label to label, which share the cause
_LOG_FACTOR = np.linspace(np.log(0.05), np.log(20.0), 600)  # steps of 1%
_CENTRE = np.linspace(np.log(0.1), np.log(10.0), 93)  # steps of 5%, as fine as the smallest scatter
_SCATTER = np.geomspace(0.05, 1.0, 9)


@dataclass(frozen=True, eq=False)
class SpreadCalibration:
    """Factors by which a network's predicted spreads are to be multiplied.

    Parameters
    ----------
    factor : array, shape (n_labels,)
        Positive, no unit.
    factor_err : array, shape (n_labels,)
        Standard deviations of the factors.
    n_stars : array of int, shape (n_labels,)
        Number of stars that had the label.

    Examples
    --------
    >>> calibration = SpreadCalibration(factor=[0.5], factor_err=[0.05], n_stars=[400])
    >>> float(calibration.apply({"total": np.array([[30.0]])})["total"][0, 0])
    15.0
    >>> SpreadCalibration.from_dict(calibration.to_dict()).factor
    array([0.5])
    """

    factor: np.ndarray
    factor_err: np.ndarray
    n_stars: np.ndarray

    def __post_init__(self):
        for name, dtype in (("factor", float), ("factor_err", float), ("n_stars", int)):
            values = _as_numbers(name, getattr(self, name))
            if values.shape != np.shape(self.factor):
                raise ValueError(
                    f"calibration: `{name}` has {values.size} values, but `factor` has {np.size(self.factor)}."
                )
            object.__setattr__(self, name, values.astype(dtype))
        if (self.factor <= 0).any():
            raise ValueError(f"calibration: `factor` must be positive, got {self.factor.tolist()}.")

    def __str__(self):
        """Few labels in full, many as a range."""
        if self.factor.size <= 6:
            return ", ".join(f"{f:.2f} +- {e:.2f}" for f, e in zip(self.factor, self.factor_err, strict=True))
        return (
            f"{self.factor.size} factors from {self.factor.min():.2f} to {self.factor.max():.2f}, "
            f"uncertain by {np.median(self.factor_err):.2f}"
        )

    def apply(self, pred_std):
        """Multiply spreads by the factors, all components alike: ``total`` stays the root of the sum of squares.

        Parameters
        ----------
        pred_std : dict of arrays, shape (n_stars, n_labels)
            Such as ``predict(..., calibrated=False)`` gives it. Not changed.

        Returns
        -------
        dict of arrays, in the dtype of the given ones

        Raises
        ------
        ValueError
            If an array has another number of labels.
        """
        calibrated = {}
        for name, spread in pred_std.items():
            spread = np.asarray(spread)
            if spread.ndim == 0 or spread.shape[-1] != self.factor.size:
                raise ValueError(
                    f"calibration: `pred_std['{name}']` has shape {spread.shape}, but there are factors for "
                    f"{self.factor.size} labels, which must be its last axis."
                )
            calibrated[name] = spread * self.factor.astype(spread.dtype)
        return calibrated

    def to_dict(self):
        """Lists of plain numbers, for JSON."""
        return {name: getattr(self, name).tolist() for name in _FIELDS}

    @classmethod
    def from_dict(cls, stored):
        """Read what `to_dict` gave.

        Parameters
        ----------
        stored : dict
            May come from a stranger: nothing in it is trusted.

        Returns
        -------
        SpreadCalibration

        Raises
        ------
        ValueError
            If keys, lengths or values are not those of a calibration.
        """
        if not isinstance(stored, dict) or set(stored) != set(_FIELDS):
            found = sorted(map(str, stored)) if isinstance(stored, dict) else type(stored).__name__
            raise ValueError(f"calibration: needs a dictionary with the keys {sorted(_FIELDS)}, got {found}.")
        return cls(**stored)


_FIELDS = tuple(SpreadCalibration.__dataclass_fields__)


def fit_spread_calibration(residuals, pred_std, labels_err=None):
    r"""Factors for predicted spreads, from stars that the network was not trained on.

    A residual is taken to have the variance :math:`f^2 \sigma^2 + e^2`, with the predicted spread :math:`\sigma`, the
    label's error :math:`e` and one factor :math:`f` per label. Factors of different labels have the same cause
    and inform each other: a label with few stars, or whose errors explain all residuals, goes to the common mean.

    Parameters
    ----------
    residuals : array, shape (n_stars, n_labels)
        Label minus prediction. NaN or the magic number where the label is missing.
    pred_std : array, shape (n_stars, n_labels), or dict of such
        Predicted standard deviations in the units of `residuals`; of a dictionary, ``"total"``. Stars where it is
        0 or NaN are left out.
    labels_err : array, shape (n_stars, n_labels), optional
        Standard errors of the labels; missing ones count as 0. Default: exact labels.

    Returns
    -------
    SpreadCalibration or None
        None, with a warning, if no label has 50 usable stars.

    Raises
    ------
    ValueError
        If shapes differ, or a spread or an error is negative or infinite.

    Warns
    -----
    UserWarning
        Names the labels with fewer than 50 usable stars, and those whose factor is at the end of the range.

    See Also
    --------
    coverage : fractions of errors within one and two sigma.

    Notes
    -----
    The Gaussian likelihood weighs a star by :math:`(f^2 + e^2/\sigma^2)^{-2}` and so rests on those with the largest
    predicted spread; errors don't quite scale with the spread, and the factor comes out too small. Here
    :math:`f^2` is estimated by the mean of :math:`(r^2 - e^2) / \sigma^2` with the flatter weights
    :math:`(f^2 + e^2/\sigma^2)^{-1/2}`; residuals beyond 5 standard deviations (wrong labels) count as 5. The mean is
    compared with every :math:`f` by its own variance (kurtosis 4.5 of the errors), and the labels are pooled:
    :math:`\ln f_j \sim N(\mu, \tau^2)`, where :math:`\mu \sim N(0, (\ln 2)^2)` and :math:`\tau` is half-Cauchy of
    scale 0.1.

    References
    ----------
    Gelman et al. 2013, Bayesian Data Analysis, 3rd edition, chapter 5 (hierarchical models). Gal & Ghahramani
    2016, arXiv:1506.02142 (dropout); Kendall & Gal 2017, arXiv:1703.04977 (the two variances).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sigma, labels_err = np.full((5000, 1), 2.0), np.full((5000, 1), 0.5)
    >>> residuals = rng.normal(size=(5000, 1)) * np.hypot(0.6 * sigma, labels_err)
    >>> bool(abs(fit_spread_calibration(residuals, sigma, labels_err).factor[0] - 0.6) < 0.03)
    True
    """
    residuals, spreads, errors = _checked(residuals, pred_std, labels_err)
    usable = ~np.isnan(residuals) & (spreads > 0)
    n_stars = usable.sum(axis=0)
    if (n_stars < MINIMUM_STARS).all():
        _warn(f"no label has {MINIMUM_STARS} usable stars (at most {n_stars.max()}): there is none.")
        return None
    if (n_stars < MINIMUM_STARS).any():
        few = np.flatnonzero(n_stars < MINIMUM_STARS).tolist()
        _warn(f"label(s) {few} have fewer than {MINIMUM_STARS} usable stars: mostly the common factor is used.")
    scaled = [
        ((residuals[k, j] / spreads[k, j]) ** 2, (errors[k, j] / spreads[k, j]) ** 2) for j, k in enumerate(usable.T)
    ]
    log_factor, log_factor_err = np.zeros(len(scaled)), np.zeros(len(scaled))
    for _ in range(_ITERATIONS):
        log_likelihood = np.array(
            [_log_likelihood(z2, c2, f2) for (z2, c2), f2 in zip(scaled, np.exp(2 * log_factor), strict=True)]
        )
        log_factor, log_factor_err = _pool(log_likelihood)
    at_end = np.flatnonzero((log_factor < _LOG_FACTOR[0] + 0.1) | (log_factor > _LOG_FACTOR[-1] - 0.1)).tolist()
    if at_end:
        _warn(f"predicted spreads of label(s) {at_end} are off by a factor of about 20: is the network trained?")
    factor = np.exp(log_factor)
    return SpreadCalibration(factor, factor * log_factor_err, n_stars)


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

    Examples
    --------
    >>> coverage([[0.5], [1.5], [3.0], [-0.2]], [[1.0], [1.0], [1.0], [1.0]])
    array([[0.5 ],
           [0.75]])
    """
    errors, sigma, _ = _checked(errors, sigma, None)
    counted = ~np.isnan(errors) & ~np.isnan(sigma)
    n_stars = counted.sum(axis=0)
    within = [(counted & (np.abs(errors) <= n * sigma)).sum(axis=0) for n in (1, 2)]
    return np.where(n_stars > 0, within / np.maximum(n_stars, 1), np.nan)


def _log_likelihood(z2, c2, f2):
    """Of one label on the grid of factors: squared residuals and label errors, both over the squared spread.

    Works for a negative estimate of the square, too (label errors explain more than all residuals), which just
    says that the factor is small.
    """
    if not z2.size:
        return np.zeros_like(_LOG_FACTOR)
    # A label that is wrong altogether says nothing of the spread, yet one of 30 sigma would outweigh 400 stars.
    z2 = np.minimum(z2, _OUTLIER**2 * (f2 + c2))
    weights = (f2 + c2) ** -0.5
    weights /= weights.sum()
    estimate = np.sum(weights * (z2 - c2))
    grid = np.exp(2 * _LOG_FACTOR)
    w2 = weights**2
    variance = (_KURTOSIS - 1) * grid**2 * w2.sum() + 4 * grid * np.sum(w2 * c2) + 2 * np.sum(w2 * c2**2)
    # Millions of stars would give a peak between two points of the grid.
    variance = variance + (2 * grid * (_LOG_FACTOR[1] - _LOG_FACTOR[0])) ** 2
    return -0.5 * (estimate - grid) ** 2 / variance - 0.5 * np.log(variance)


@cache
def _population():
    """Distributions of log factors, (n_scatter, n_centre, n_factor), and the log prior of centre and scatter."""
    distributions = np.exp(-0.5 * ((_LOG_FACTOR - _CENTRE[:, None]) / _SCATTER[:, None, None]) ** 2)
    distributions /= distributions.sum(axis=-1, keepdims=True)
    # The points of _SCATTER are spaced evenly in the logarithm: the factor `scatter` makes the measure uniform.
    scatter_prior = np.log(_SCATTER) - np.log1p((_SCATTER / _SCATTER_SCALE) ** 2)
    return distributions, scatter_prior[:, None] - 0.5 * (_CENTRE / _CENTRE_SCALE) ** 2


def _pool(log_likelihood):
    """Posterior mean and standard deviation of every label's log factor, over centre and scatter of all labels."""
    distributions, log_posterior = _population()
    likelihood = np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
    evidence, first, second = (
        distributions @ (likelihood * _LOG_FACTOR**power).T for power in range(3)
    )  # each (n_scatter, n_centre, n_labels)
    evidence = np.maximum(evidence, np.finfo(float).tiny)
    log_posterior = log_posterior + np.log(evidence).sum(axis=-1)
    posterior = np.exp(log_posterior - log_posterior.max())
    posterior /= posterior.sum()
    mean = np.einsum("sc,scj->j", posterior, first / evidence)
    square = np.einsum("sc,scj->j", posterior, second / evidence)
    return mean, np.sqrt(np.maximum(square - mean**2, 0.0))


def _checked(residuals, pred_std, labels_err):
    """All three as float64 of one shape (n_stars, n_labels); NaN where a residual or a spread is missing."""
    if isinstance(pred_std, dict):
        if "total" not in pred_std:
            raise ValueError(f"calibration: `pred_std` has no key 'total', only {sorted(pred_std)}.")
        pred_std = pred_std["total"]
    residuals = _as_columns("residuals", residuals)
    spreads = _as_columns("pred_std", pred_std)
    errors = np.zeros_like(residuals) if labels_err is None else _as_columns("labels_err", labels_err)
    for name, values in (("pred_std", spreads), ("labels_err", errors)):
        if values.shape != residuals.shape:
            raise ValueError(
                f"calibration: `{name}` has shape {values.shape}, but the residuals have {residuals.shape}."
            )
        if (values < 0).any():
            raise ValueError(f"calibration: `{name}` are standard deviations and can't be negative.")
    return residuals, spreads, np.nan_to_num(errors, nan=0.0)


def _as_columns(name, values):
    values = np.asarray(values)
    values = np.where(missing_elements(values), np.nan, values.astype(float))
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2 or not values.size:
        raise ValueError(f"calibration: `{name}` must have shape (n_stars, n_labels), got {values.shape}.")
    if np.isinf(values).any():
        raise ValueError(f"calibration: `{name}` holds infinite values; mark missing ones by NaN.")
    return values


def _as_numbers(name, values):
    try:
        numbers = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"calibration: `{name}` must be a list of numbers.") from error
    if numbers.ndim != 1 or not numbers.size or not np.isfinite(numbers).all() or (numbers < 0).any():
        raise ValueError(
            f"calibration: `{name}` must be a list of finite numbers, one per label, none negative; got {values!r}."
        )
    return numbers


def _warn(message):
    warnings.warn(f"Calibration of the predicted spreads: {message}", stacklevel=3)
