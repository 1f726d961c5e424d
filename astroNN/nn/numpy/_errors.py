"""Differences between predictions and the truth, as means and medians over what is present in both.

The unit of the results is that of `x`: what astropy gives for ``x - y``, but as a plain number.
"""

import numpy as np

from astroNN.nn.numpy._values import pair

__all__ = [
    "mad",
    "mad_std",
    "mae",
    "mae_core",
    "mape",
    "mape_core",
    "me",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_error",
    "mean_percentage_error",
    "mean_squared_error",
    "median_absolute_deviation",
    "median_absolute_error",
    "median_absolute_percentage_error",
    "median_error",
    "median_percentage_error",
    "mpe",
    "mse",
]

_MAD_TO_STD = 1.4826  # of a Gaussian: 1 / 0.6745, its upper quartile; rounded as in `losses.mad_std`


def mean_absolute_error(x, y, axis=None):
    r"""Mean absolute error.

    .. math:: \mathrm{mean}_i \, |x_i - y_i|

    Parameters
    ----------
    x : array, list or Quantity, any shape
        Predictions. Magic number or NaN in `x` or `y` marks a missing element, which takes no part.
    y : array, list or Quantity, shape of `x`
        The truth, or a single number. Both have a unit, or neither.
    axis : int or tuple of int, optional
        Axis that is reduced; default all.

    Returns
    -------
    float or array
        A plain number, in the unit of `x`; NaN where nothing is present.

    Raises
    ------
    TypeError
        If only one is a quantity.
    astropy.units.UnitConversionError
        If the units are not of one kind.
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> float(mean_absolute_error([1.0, 2.0, 3.0], [2.0, -9999.0, 6.0]))
    2.0

    Units of one kind are converted:

    >>> from astropy import units
    >>> float(mean_absolute_error([1.0, 2.0] * units.kpc, [1500.0, 2500.0] * units.pc))
    0.5
    """
    return mae_core(x, y, axis, "mean")


def median_absolute_error(x, y, axis=None):
    r"""Median absolute error.

    .. math:: \mathrm{median}_i \, |x_i - y_i|

    Parameters
    ----------
    x, y : array, list or Quantity
        Predictions and truth, as for `mean_absolute_error`, which raises the same errors.
    axis : int or tuple of int, optional
        Axis that is reduced; default all.

    Returns
    -------
    float or array
        In the unit of `x`; NaN where nothing is present.

    Examples
    --------
    >>> float(median_absolute_error([1.0, 2.0, 9.0], [2.0, 4.0, 0.0]))
    2.0
    """
    return mae_core(x, y, axis, "median")


def mean_absolute_percentage_error(x, y, axis=None):
    r"""Mean absolute error, in per cent of the truth.

    .. math:: 100 \, \mathrm{mean}_i \left| \frac{x_i - y_i}{y_i} \right|

    A truth of exactly 0 gives infinity, unless the prediction is 0, too, which is no error (the loss of this name
    divides by 1e-7 at least, to keep its gradient finite; here that would depend on the unit).

    Parameters
    ----------
    x, y : array, list or Quantity
        Predictions and truth, as for `mean_absolute_error`, which raises the same errors.
    axis : int or tuple of int, optional
        Axis that is reduced; default all.

    Returns
    -------
    float or array
        In per cent; NaN where nothing is present.

    Examples
    --------
    >>> from astropy import units
    >>> float(mean_absolute_percentage_error([1.0, 3.0] * units.kpc, [2000.0, 2000.0] * units.pc))
    50.0
    """
    return mape_core(x, y, axis, "mean")


def median_absolute_percentage_error(x, y, axis=None):
    r"""Median absolute error, in per cent of the truth.

    .. math:: 100 \, \mathrm{median}_i \left| \frac{x_i - y_i}{y_i} \right|

    Parameters
    ----------
    x, y : array, list or Quantity
        Predictions and truth, as for `mean_absolute_percentage_error`, which raises the same errors.
    axis : int or tuple of int, optional
        Axis that is reduced; default all.

    Returns
    -------
    float or array
        In per cent; NaN where nothing is present.

    Examples
    --------
    >>> float(median_absolute_percentage_error([1.0, 2.0, 9.0], [2.0, 2.0, 1.0]))
    50.0
    """
    return mape_core(x, y, axis, "median")


def mean_error(x, y, axis=None):
    r"""Mean of truth minus prediction: the bias, with the sign of `astroNN.nn.losses.mean_error`.

    .. math:: \mathrm{mean}_i \, (y_i - x_i)

    Parameters
    ----------
    x, y : array, list or Quantity
        Predictions and truth, as for `mean_absolute_error`, which raises the same errors.
    axis : int or tuple of int, optional
        Axis that is reduced; default all.

    Returns
    -------
    float or array
        In the unit of `x`; NaN where nothing is present.

    Examples
    --------
    >>> float(mean_error([1.0, 2.0], [2.0, 5.0]))
    2.0
    """
    return _reduced(_difference, x, y, axis, "mean")


def median_error(x, y, axis=None):
    r"""Median of truth minus prediction.

    .. math:: \mathrm{median}_i \, (y_i - x_i)

    Parameters
    ----------
    x, y : array, list or Quantity
        Predictions and truth, as for `mean_absolute_error`, which raises the same errors.
    axis : int or tuple of int, optional
        Axis that is reduced; default all.

    Returns
    -------
    float or array
        In the unit of `x`; NaN where nothing is present.

    Examples
    --------
    >>> float(median_error([1.0, 2.0, 3.0], [2.0, 5.0, -90.0]))
    1.0
    """
    return _reduced(_difference, x, y, axis, "median")


def mean_percentage_error(x, y, axis=None):
    r"""Mean of truth minus prediction, in per cent of the truth.

    .. math:: 100 \, \mathrm{mean}_i \, \frac{y_i - x_i}{y_i}

    Parameters
    ----------
    x, y : array, list or Quantity
        Predictions and truth, as for `mean_absolute_percentage_error`, which raises the same errors.
    axis : int or tuple of int, optional
        Axis that is reduced; default all.

    Returns
    -------
    float or array
        In per cent; NaN where nothing is present.

    Examples
    --------
    >>> float(mean_percentage_error([1.0, 3.0], [2.0, 4.0]))
    37.5
    """
    return _reduced(_percentage, x, y, axis, "mean")


def median_percentage_error(x, y, axis=None):
    r"""Median of truth minus prediction, in per cent of the truth.

    .. math:: 100 \, \mathrm{median}_i \, \frac{y_i - x_i}{y_i}

    Parameters
    ----------
    x, y : array, list or Quantity
        Predictions and truth, as for `mean_absolute_percentage_error`, which raises the same errors.
    axis : int or tuple of int, optional
        Axis that is reduced; default all.

    Returns
    -------
    float or array
        In per cent; NaN where nothing is present.

    Examples
    --------
    >>> float(median_percentage_error([1.0, 3.0, 0.0], [2.0, 4.0, 1.0]))
    50.0
    """
    return _reduced(_percentage, x, y, axis, "median")


def mean_squared_error(x, y, axis=None):
    r"""Mean squared error.

    .. math:: \mathrm{mean}_i \, (x_i - y_i)^2

    Parameters
    ----------
    x, y : array, list or Quantity
        Predictions and truth, as for `mean_absolute_error`, which raises the same errors.
    axis : int or tuple of int, optional
        Axis that is reduced; default all.

    Returns
    -------
    float or array
        In the squared unit of `x`; NaN where nothing is present.

    Examples
    --------
    >>> float(mean_squared_error([1.0, 2.0, float("nan")], [2.0, 5.0, 3.0]))
    5.0
    """
    return _reduced(lambda x, y: np.square(y - x), x, y, axis, "mean")


def mad_std(x, y, axis=None):
    r"""Standard deviation of the errors, estimated from their median size: outliers hardly change it.

    .. math:: 1.4826 \, \mathrm{median}_i \, |x_i - y_i|

    Sizes are taken about 0, not about the median error: a bias counts.

    Parameters
    ----------
    x, y : array, list or Quantity
        Predictions and truth, as for `mean_absolute_error`, which raises the same errors.
    axis : int or tuple of int, optional
        Axis that is reduced; default all.

    Returns
    -------
    float or array
        In the unit of `x`; NaN where nothing is present.

    Examples
    --------
    >>> float(mad_std([1.0, 2.0, 9.0], [2.0, 4.0, 0.0]))
    2.9652
    """
    return _MAD_TO_STD * mae_core(x, y, axis, "median")


def mae_core(x, y, axis, mode):
    """Absolute error, reduced by the `mode`.

    Parameters
    ----------
    x, y : array, list or Quantity
        As for `mean_absolute_error`.
    axis : int, tuple of int or None
        Axis that is reduced; None for all.
    mode : {"mean", "median"}
        How.

    Returns
    -------
    float or array
        As from `mean_absolute_error` or `median_absolute_error`.
    """
    return _reduced(lambda x, y: np.abs(y - x), x, y, axis, mode)


def mape_core(x, y, axis, mode):
    """Absolute percentage error, reduced by the `mode`.

    Parameters
    ----------
    x, y : array, list or Quantity
        As for `mean_absolute_percentage_error`.
    axis : int, tuple of int or None
        Axis that is reduced; None for all.
    mode : {"mean", "median"}
        How.

    Returns
    -------
    float or array
        As from `mean_absolute_percentage_error` or `median_absolute_percentage_error`.
    """
    return _reduced(lambda x, y: np.abs(_percentage(x, y)), x, y, axis, mode)


def _difference(x, y):
    return y - x


def _percentage(x, y):
    with np.errstate(divide="ignore"):
        return 100.0 * np.divide(y - x, y, out=np.zeros_like(y), where=(x != y))


def _mean(errors, missing, axis):
    # Not numpy.ma.mean, which masks infinities.
    count = np.sum(~missing, axis=axis)
    total = np.sum(np.where(missing, 0.0, errors), axis=axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)[()]


def _median(errors, missing, axis):
    median = np.ma.median(np.ma.array(errors, mask=missing), axis=axis)
    return np.ma.filled(np.ma.asarray(median, dtype="float64"), np.nan)[()]


_REDUCTIONS = {"mean": _mean, "median": _median}


def _reduced(element, x, y, axis, mode):
    """Mean or median of an element-wise function of `x` and `y` over what is present."""
    if mode not in _REDUCTIONS:
        raise ValueError(f"`mode` must be one of {', '.join(map(repr, _REDUCTIONS))}, got {mode!r}.")
    x, y, missing = pair(x, y)
    # Filled by 1: NaN and -9999. must not enter the computation, not even to be masked after it.
    errors = element(np.where(missing, 1.0, x), np.where(missing, 1.0, y))
    return _REDUCTIONS[mode](errors, missing, axis)


mse = mean_squared_error
mae = mean_absolute_error
me = mean_error
mape = mean_absolute_percentage_error
mpe = mean_percentage_error
median_absolute_deviation = median_absolute_error
mad = median_absolute_deviation
