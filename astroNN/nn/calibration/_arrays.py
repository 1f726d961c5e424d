"""Arrays of stars and labels, as every measure of this package takes them."""

import warnings

import numpy as np

from astroNN.shared.checks import as_named_arrays
from astroNN.shared.missing import missing_elements

__all__ = ["as_columns", "as_numbers", "check_spreads", "checked", "total_of", "warn"]


def checked(residuals, pred_std, labels_err):
    """All three as float64 of one shape (n_stars, n_labels); NaN where a residual or a spread is missing."""
    residuals = as_columns("residuals", residuals)
    spreads = as_columns("pred_std", total_of(pred_std))
    errors = np.zeros_like(residuals) if labels_err is None else as_columns("labels_err", labels_err)
    for name, values in (("pred_std", spreads), ("labels_err", errors)):
        check_spreads(name, values, residuals.shape, "the residuals have")
    return residuals, spreads, np.nan_to_num(errors, nan=0.0)


def check_spreads(name, values, shape, whose):
    """Raise unless standard deviations have the shape and none is negative."""
    if values.shape != shape:
        raise ValueError(f"calibration: `{name}` has shape {values.shape}, but {whose} {shape}.")
    if (values < 0).any():
        raise ValueError(f"calibration: `{name}` are standard deviations and can't be negative.")


def total_of(pred_std):
    """Of the spreads by component that Bayesian networks predict, the total."""
    if not isinstance(pred_std, dict):
        return pred_std
    if "total" not in pred_std:
        raise ValueError(f"calibration: `pred_std` has no key 'total', only {sorted(pred_std)}.")
    return pred_std["total"]


def as_columns(name, values):
    """Float64 of shape (n_stars, n_labels), NaN where missing; one label may come without its axis."""
    # Elements hidden by a mask of numpy or astropy become NaN here.
    values = np.asarray(as_named_arrays(name, values, name)[name])
    values = np.where(missing_elements(values), np.nan, values.astype(float))
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2 or not values.size:
        raise ValueError(f"calibration: `{name}` must have shape (n_stars, n_labels), got {values.shape}.")
    if np.isinf(values).any():
        raise ValueError(f"calibration: `{name}` holds infinite values; mark missing ones by NaN.")
    return values


def as_numbers(name, values, signed=False):
    """One finite number per label."""
    try:
        numbers = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"calibration: `{name}` must be a list of numbers.") from error
    if (
        numbers.ndim != 1
        or not numbers.size
        or not np.isfinite(numbers).all()
        or (not signed and (numbers < 0).any())
    ):
        raise ValueError(
            f"calibration: `{name}` must be a list of finite numbers, one per label"
            f"{'' if signed else ', none negative'}; got {values!r}."
        )
    return numbers


def warn(message):
    """Warn the caller of the function that calls this."""
    warnings.warn(f"Calibration of the predicted spreads: {message}", stacklevel=3)
