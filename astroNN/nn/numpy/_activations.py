"""Activations, penalties and the divergence of two distributions, for arrays with gaps."""

import numpy as np

from astroNN.config import MAGIC_NUMBER
from astroNN.nn.numpy._values import check_both_quantities, numbers, plain_numbers

__all__ = ["kl_divergence", "l1", "l2", "mask_magicnum", "relu", "sigmoid", "sigmoid_inv"]

_SMALLEST_PROBABILITY = 1e-10


def mask_magicnum(x):
    r"""Where an array is missing: :math:`(x = M) \lor \mathrm{isnan}(x)`, with the magic number M (-9999).

    Parameters
    ----------
    x : array, list or Quantity, any shape
        Elements masked by ``numpy.ma`` or astropy count as missing, too.

    Returns
    -------
    array of bool, shape of `x`
        True where `x` is the magic number (-9999.) or NaN.

    Examples
    --------
    >>> mask_magicnum([1.0, -9999.0, float("nan")]).tolist()
    [False, True, True]
    """
    return numbers("x", x)[1]


def sigmoid(x):
    r"""Sigmoid, for any size of the argument.

    .. math:: \sigma(x) = \frac{1}{1 + e^{-x}}

    Parameters
    ----------
    x : array, list or dimensionless Quantity, any shape
        Magic number or NaN marks a missing element.

    Returns
    -------
    numpy masked array of float64, shape of `x`
        Between 0 and 1, both included where float64 can't tell; masked where `x` is missing. ``.filled()`` gives an
        ordinary array with the magic number there.

    Raises
    ------
    astropy.units.UnitConversionError
        If `x` has a unit.

    See Also
    --------
    sigmoid_inv : The inverse.

    Examples
    --------
    >>> sigmoid([0.0, 1000.0, -9999.0]).filled().tolist()
    [0.5, 1.0, -9999.0]
    """
    x, missing = plain_numbers("x", x)
    # exp of minus the size never overflows.
    small = np.exp(-np.abs(np.where(missing, 0.0, x)))
    return _with_gaps(np.where(x >= 0, 1.0, small) / (1.0 + small), missing)


def sigmoid_inv(x):
    r"""Inverse of the sigmoid (the logit).

    .. math:: \sigma^{-1}(x) = \ln \frac{x}{1 - x}

    Parameters
    ----------
    x : array, list or dimensionless Quantity, any shape
        Between 0 and 1. Magic number or NaN marks a missing element.

    Returns
    -------
    numpy masked array of float64, shape of `x`
        -inf at 0 and inf at 1; masked where `x` is missing.

    Raises
    ------
    ValueError
        If a value lies outside 0 to 1.
    astropy.units.UnitConversionError
        If `x` has a unit.

    Examples
    --------
    >>> float(sigmoid_inv(sigmoid(2.0)).round(12))
    2.0
    """
    x, missing = plain_numbers("x", x)
    x = np.where(missing, 0.5, x)
    if ((x < 0) | (x > 1)).any():
        raise ValueError(
            f"sigmoid_inv: `x` must lie between 0 and 1 (what `sigmoid` gives), got values from {x.min():g} to "
            f"{x.max():g}. Mark invalid elements by NaN or {MAGIC_NUMBER}."
        )
    with np.errstate(divide="ignore"):
        return _with_gaps(np.log(x) - np.log1p(-x), missing)


def relu(x):
    r"""Rectified linear unit.

    .. math:: \mathrm{relu}(x) = \max(x, 0)

    Parameters
    ----------
    x : array, list or dimensionless Quantity, any shape
        Magic number or NaN marks a missing element.

    Returns
    -------
    numpy masked array of float64, shape of `x`
        Masked where `x` is missing.

    Raises
    ------
    astropy.units.UnitConversionError
        If `x` has a unit.

    Examples
    --------
    >>> relu([-1.0, 2.0]).tolist()
    [0.0, 2.0]
    """
    x, missing = plain_numbers("x", x)
    return _with_gaps(np.maximum(x, 0.0), missing)


def l1(x, l1=0.0):
    r"""L1 penalty of weights, over those that are present.

    .. math:: \lambda_1 \sum_i |x_i|

    Parameters
    ----------
    x : array, list or dimensionless Quantity, any shape
        Magic number or NaN marks a missing element.
    l1 : float, optional
        Strength of the penalty, default 0.

    Returns
    -------
    float
        0 where nothing is present.

    Examples
    --------
    >>> float(l1([1.0, -2.0, -9999.0], l1=0.1).round(12))
    0.3
    """
    x, missing = plain_numbers("x", x)
    return np.sum(l1 * np.abs(np.where(missing, 0.0, x)))


def l2(x, l2=0.0):
    r"""L2 penalty of weights, over those that are present.

    .. math:: \lambda_2 \sum_i x_i^2

    Parameters
    ----------
    x : array, list or dimensionless Quantity, any shape
        Magic number or NaN marks a missing element.
    l2 : float, optional
        Strength of the penalty, default 0.

    Returns
    -------
    float
        0 where nothing is present.

    Examples
    --------
    >>> float(l2([1.0, -2.0, -9999.0], l2=0.1).round(12))
    0.5
    """
    x, missing = plain_numbers("x", x)
    return np.sum(l2 * np.square(np.where(missing, 0.0, x)))


def kl_divergence(x, y):
    r"""Kullback-Leibler divergence of discrete distributions, over the last axis.

    .. math:: D(x \,\|\, y) = \sum_i x_i \ln \frac{x_i}{y_i}

    Parameters
    ----------
    x, y : array, list or dimensionless Quantity, shape (..., n_classes)
        Probabilities, clipped to the range from 1e-10 to 1; they are not made to sum to 1. Magic number or NaN in
        either marks a missing class, which adds nothing.

    Returns
    -------
    float or array, shape (...)
        NaN where no class is present.

    Raises
    ------
    ValueError
        If the shapes differ, or are those of a single number.
    TypeError
        If only one is a quantity.
    astropy.units.UnitConversionError
        If they have a unit.

    References
    ----------
    Kullback & Leibler 1951, Ann. Math. Statist. 22, 79.

    Examples
    --------
    >>> float(kl_divergence([0.5, 0.5], [0.25, 0.75]).round(6))
    0.143841
    """
    check_both_quantities(x, y)
    x, x_missing = plain_numbers("x", x)
    y, y_missing = plain_numbers("y", y)
    if x.shape != y.shape or not x.ndim:
        raise ValueError(
            f"kl_divergence: `x` and `y` must be arrays of one shape (..., n_classes), got {x.shape} and {y.shape}."
        )
    missing = x_missing | y_missing
    x, y = (np.clip(np.where(missing, 1.0, p), _SMALLEST_PROBABILITY, 1.0) for p in (x, y))
    return np.where(missing.all(axis=-1), np.nan, np.sum(x * np.log(x / y), axis=-1))[()]


def _with_gaps(values, missing):
    return np.ma.array(values, mask=missing, fill_value=MAGIC_NUMBER)
