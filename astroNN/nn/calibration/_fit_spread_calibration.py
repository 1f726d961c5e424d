"""Factors for predicted spreads, from stars held back from the training."""

import numpy as np

from astroNN.nn.calibration import _spread_grids as grids
from astroNN.nn.calibration._arrays import checked, warn
from astroNN.nn.calibration._spread_calibration import SpreadCalibration

__all__ = ["MINIMUM_STARS", "fit_spread_calibration"]

MINIMUM_STARS = 50  # fewer say too little about a spread: its relative error is 1/sqrt(2n), 10%, at best
_ITERATIONS = 3  # the weights of the stars depend weakly on the factors: the third changes them by under 1%
_VALIDATED = (0.02, 0.98)  # quantiles of the spreads between which the stars say how the factor varies


def fit_spread_calibration(residuals, pred_std, labels_err=None, *, vary=False):
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
    vary : bool, optional
        Let the factor follow a power of the predicted spread, :math:`f \propto \sigma^\gamma`. Default False, one
        constant per label; the page :doc:`/calibration` tells what is gained and lost.

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
    coverage : Fractions of errors within one and two sigma.
    calibration_report : All measures of a calibration.

    Notes
    -----
    The Gaussian likelihood weighs a star by :math:`(f^2 + e^2/\sigma^2)^{-2}` and so rests on those with the largest
    predicted spread; errors don't quite scale with the spread, and the factor comes out too small. Here
    :math:`f^2` is estimated by the mean of :math:`(r^2 - e^2) / \sigma^2` with the flatter weights
    :math:`(f^2 + e^2/\sigma^2)^{-1/2}`; residuals beyond 5 standard deviations (wrong labels) count as 5. The mean is
    compared with every :math:`f` by its own variance (kurtosis 4.5 of the errors), and the labels are pooled:
    :math:`\ln f_j \sim N(\mu, \tau^2)`, where :math:`\mu \sim N(0, (\ln 2)^2)` and :math:`\tau` is half-Cauchy of
    scale 0.1.

    A factor that varies has a second estimate, the same mean weighted once more by :math:`\ln(\sigma / \sigma_j)`,
    :math:`\sigma_j` being the weighted geometric mean of the spreads. Both are compared with every :math:`f` and
    :math:`\gamma` by their covariance. The slopes are pooled like the factors, :math:`\gamma_j \sim N(\nu, \rho^2)`
    with :math:`\nu \sim N(0, 0.2^2)` and :math:`\rho` half-Cauchy of scale 0.1, so that few stars leave them near 0.

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
    residuals, spreads, errors = checked(residuals, pred_std, labels_err)
    usable = ~np.isnan(residuals) & (spreads > 0)
    n_stars = usable.sum(axis=0)
    if (n_stars < MINIMUM_STARS).all():
        warn(f"no label has {MINIMUM_STARS} usable stars (at most {n_stars.max()}): there is none.")
        return None
    if (n_stars < MINIMUM_STARS).any():
        few = np.flatnonzero(n_stars < MINIMUM_STARS).tolist()
        warn(f"label(s) {few} have fewer than {MINIMUM_STARS} usable stars: mostly the common factor is used.")
    stars = [grids.ScaledStars.of(residuals[k, j], spreads[k, j], errors[k, j]) for j, k in enumerate(usable.T)]
    fitted = _varying(stars) if vary else _constant(stars)
    at_end = np.flatnonzero(grids.at_the_end(np.log(fitted["factor"]))).tolist()
    if at_end:
        warn(f"predicted spreads of label(s) {at_end} are off by a factor of about 20: is the network trained?")
    return SpreadCalibration(n_stars=n_stars, **fitted)


def _constant(stars):
    log_factor, log_factor_err = np.zeros(len(stars)), np.zeros(len(stars))
    for _ in range(_ITERATIONS):
        log_likelihood = np.array(
            [grids.log_likelihood(scaled, f2) for scaled, f2 in zip(stars, np.exp(2 * log_factor), strict=True)]
        )
        log_factor, log_factor_err = grids.pool(log_likelihood)
    return {"factor": np.exp(log_factor), "factor_err": np.exp(log_factor) * log_factor_err}


def _varying(stars):
    log_factor, slope = np.log(_constant(stars)["factor"]), np.zeros(len(stars))
    # The constant factors weigh the stars; a pivot among the weighted stars keeps factor and slope independent.
    log_pivot = np.array([grids.pivot(scaled, f2) for scaled, f2 in zip(stars, np.exp(2 * log_factor), strict=True)])
    limits = [
        np.quantile(scaled.log_spread, _VALIDATED) if len(scaled.log_spread) else (0.0, 0.0) for scaled in stars
    ]
    lowest, highest = np.transpose(limits)
    lowest, highest = np.minimum(lowest, log_pivot), np.maximum(highest, log_pivot)
    distances = [
        np.clip(scaled.log_spread, low, high) - middle
        for scaled, low, high, middle in zip(stars, lowest, highest, log_pivot, strict=True)
    ]
    for _ in range(_ITERATIONS - 1):  # the constant factors are a good start
        log_likelihood = np.array(
            [grids.log_likelihood_2d(*label) for label in zip(stars, distances, log_factor, slope, strict=True)]
        )
        log_factor, log_factor_err, slope, slope_err = grids.pool_2d(log_likelihood)
    spreads = {"pivot": log_pivot, "lowest": lowest, "highest": highest}
    return {
        "factor": np.exp(log_factor),
        "factor_err": np.exp(log_factor) * log_factor_err,
        "slope": slope,
        "slope_err": slope_err,
        **{name: np.exp(values) for name, values in spreads.items()},
    }
