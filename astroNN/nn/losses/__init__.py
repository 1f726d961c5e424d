"""Losses and metrics that know of missing labels and label errors."""

import difflib

from astroNN.nn.losses._missing import magic_correction_term, magic_num_check, weighted_loss
from astroNN.nn.losses.bayesian import mse_lin, mse_lin_wrapper, mse_var, mse_var_wrapper, robust_mse
from astroNN.nn.losses.bayesian_classification import (
    bayesian_binary_crossentropy_var_wrapper,
    bayesian_binary_crossentropy_wrapper,
    bayesian_categorical_crossentropy_var_wrapper,
    bayesian_categorical_crossentropy_wrapper,
    robust_binary_crossentropy,
    robust_categorical_crossentropy,
)
from astroNN.nn.losses.classification import (
    binary_accuracy,
    binary_accuracy_from_logits,
    binary_crossentropy,
    binary_crossentropy_from_logits,
    categorical_accuracy,
    categorical_crossentropy,
    categorical_crossentropy_from_logits,
)
from astroNN.nn.losses.medians import (
    mad,
    mad_std,
    median,
    median_absolute_deviation,
    median_absolute_error,
    median_absolute_percentage_error,
    median_error,
    median_percentage_error,
)
from astroNN.nn.losses.mixture import mixture_nll, mixture_nll_wrapper
from astroNN.nn.losses.reconstruction import mean_squared_reconstruction_error, nll
from astroNN.nn.losses.regression import (
    mae,
    mape,
    me,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_error,
    mean_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    mpe,
    mse,
    msle,
    zeros_loss,
)

__all__ = [
    "bayesian_binary_crossentropy_var_wrapper",
    "bayesian_binary_crossentropy_wrapper",
    "bayesian_categorical_crossentropy_var_wrapper",
    "bayesian_categorical_crossentropy_wrapper",
    "binary_accuracy",
    "binary_accuracy_from_logits",
    "binary_crossentropy",
    "binary_crossentropy_from_logits",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_crossentropy_from_logits",
    "losses_lookup",
    "mad",
    "mad_std",
    "mae",
    "magic_correction_term",
    "magic_num_check",
    "mape",
    "me",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_error",
    "mean_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "mean_squared_reconstruction_error",
    "median",
    "median_absolute_deviation",
    "median_absolute_error",
    "median_absolute_percentage_error",
    "median_error",
    "median_percentage_error",
    "mixture_nll",
    "mixture_nll_wrapper",
    "mpe",
    "mse",
    "mse_lin",
    "mse_lin_wrapper",
    "mse_var",
    "mse_var_wrapper",
    "msle",
    "nll",
    "robust_binary_crossentropy",
    "robust_categorical_crossentropy",
    "robust_mse",
    "weighted_loss",
    "zeros_loss",
]


def losses_lookup(identifier):
    """Loss or metric of a given name, as it stands in saved folders.

    Parameters
    ----------
    identifier : str
        Name of any loss, metric or wrapper, or its alias, such as ``"mean_squared_error"`` or ``"mse"``.

    Returns
    -------
    callable
        The function of `astroNN.nn.losses`.

    Raises
    ------
    ValueError
        If there is no loss of that name; names those that are close.

    Examples
    --------
    >>> losses_lookup("mse").__name__
    'mean_squared_error'
    """
    names = [name for name in __all__ if name != "losses_lookup"]
    if identifier not in names:
        close = difflib.get_close_matches(str(identifier), names)
        meant = f" Did you mean {' or '.join(close)}?" if close else ""
        raise ValueError(f"Unknown function: losses.{identifier}.{meant} There are: {', '.join(names)}.")
    return globals()[identifier]
