"""Losses and metrics that know of missing labels and label errors."""

from astroNN.nn.losses._missing import magic_correction_term, magic_num_check, weighted_loss
from astroNN.nn.losses.bayesian import mse_lin, mse_lin_wrapper, mse_var, mse_var_wrapper, robust_mse
from astroNN.nn.losses.regression import (
    mae,
    me,
    mean_absolute_error,
    mean_error,
    mean_squared_error,
    mse,
    zeros_loss,
)

__all__ = [
    "losses_lookup",
    "mae",
    "magic_correction_term",
    "magic_num_check",
    "me",
    "mean_absolute_error",
    "mean_error",
    "mean_squared_error",
    "mse",
    "mse_lin",
    "mse_lin_wrapper",
    "mse_var",
    "mse_var_wrapper",
    "robust_mse",
    "weighted_loss",
    "zeros_loss",
]


def losses_lookup(identifier):
    """Loss or metric of a given name, as it stands in saved folders.

    Parameters
    ----------
    identifier : str
        Such as ``"mean_squared_error"`` or ``"mse"``.

    Raises
    ------
    ValueError
        If there is no loss of that name.
    """
    if identifier not in __all__:
        raise ValueError(f"Unknown function: losses.{identifier}. There are: {', '.join(__all__)}.")
    return globals()[identifier]
