"""Losses of regression for label tables with gaps.

A survey never measures every label of every star. Missing labels are marked by the magic number (-9999.) or
NaN; they change neither the loss nor its gradient. Each loss is a mean over the labels present, one number a star.
"""

import keras
from keras import ops

from astroNN.nn.losses._missing import checked_pair, filled_pair, weighted_loss
from astroNN.nn.losses._residuals import mean_of_present, percentage_residual, residual

__all__ = [
    "mae",
    "mape",
    "me",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_error",
    "mean_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "mpe",
    "mse",
    "msle",
    "zeros_loss",
]


@keras.saving.register_keras_serializable(package="astroNN")
def mean_squared_error(y_true, y_pred, sample_weight=None):
    r"""Mean squared error over the labels that were measured.

    .. math:: L_i = \frac{1}{n_i} \sum_{j\,\mathrm{present}} (y_{ij} - \hat y_{ij})^2

    where :math:`n_i` is the number of labels of star :math:`i` that are present.

    Parameters
    ----------
    y_true : tensor, shape (n_stars, n_labels)
        Labels. Magic number or NaN marks a missing one. Shape (n_stars,) will do for a single label.
    y_pred : tensor, shape (n_stars, n_labels)
        Predictions, in the units of `y_true`. Whatever is predicted for a missing label, NaN and infinity too,
        changes neither the loss nor its gradient.
    sample_weight : tensor, shape (n_stars,), optional
        Multiplies each star's loss. Default: every star counts once.

    Returns
    -------
    tensor, shape (n_stars,)
        Zero for a star without any label.

    Raises
    ------
    ValueError
        If the shapes of `y_true` and `y_pred` differ.

    See Also
    --------
    robust_mse : The same with label errors and a predicted variance.

    References
    ----------
    Leung & Bovy 2019, MNRAS 483, 3255, section 3.1.

    Examples
    --------
    >>> float(mean_squared_error([[3.0, -9999.0]], [[1.0, 7.0]])[0])
    4.0
    """
    error, there = residual(y_true, y_pred)
    return weighted_loss(mean_of_present(ops.square(error), there), sample_weight)


@keras.saving.register_keras_serializable(package="astroNN")
def mean_absolute_error(y_true, y_pred, sample_weight=None):
    r"""Mean absolute error over the labels that were measured.

    .. math:: L_i = \frac{1}{n_i} \sum_{j\,\mathrm{present}} \lvert y_{ij} - \hat y_{ij} \rvert

    Treatment of missing labels and errors are those of `mean_squared_error`.

    Parameters
    ----------
    y_true, y_pred : tensor, shape (n_stars, n_labels)
        Labels, and predictions in their units.
    sample_weight : tensor, shape (n_stars,), optional
        Multiplies each star's loss.

    Returns
    -------
    tensor, shape (n_stars,)
        In the units of the labels; zero for a star without any.

    Examples
    --------
    >>> float(mean_absolute_error([[3.0, float("nan"), 5.0]], [[1.0, 7.0, 6.0]])[0])
    1.5
    """
    error, there = residual(y_true, y_pred)
    return weighted_loss(mean_of_present(ops.abs(error), there), sample_weight)


@keras.saving.register_keras_serializable(package="astroNN")
def mean_error(y_true, y_pred, sample_weight=None):
    r"""Mean of label minus prediction over the labels that were measured: the bias, with its sign.

    .. math:: L_i = \frac{1}{n_i} \sum_{j\,\mathrm{present}} (y_{ij} - \hat y_{ij})

    Treatment of missing labels and errors are those of `mean_squared_error`.

    Parameters
    ----------
    y_true, y_pred : tensor, shape (n_stars, n_labels)
        Labels, and predictions in their units.
    sample_weight : tensor, shape (n_stars,), optional
        Multiplies each star's loss.

    Returns
    -------
    tensor, shape (n_stars,)
        In the units of the labels; zero for a star without any.

    Examples
    --------
    >>> float(mean_error([[3.0, -9999.0, 5.0]], [[1.0, 7.0, 6.0]])[0])
    0.5
    """
    error, there = residual(y_true, y_pred)
    return weighted_loss(mean_of_present(error, there), sample_weight)


@keras.saving.register_keras_serializable(package="astroNN")
def mean_absolute_percentage_error(y_true, y_pred, sample_weight=None):
    r"""Mean absolute error in percent of the label, over the labels that were measured.

    .. math:: L_i = \frac{100}{n_i} \sum_{j\,\mathrm{present}}
        \frac{\lvert y_{ij} - \hat y_{ij} \rvert}{\max(\lvert y_{ij} \rvert, \epsilon)}

    with :math:`\epsilon` = ``keras.config.epsilon()``, :math:`10^{-7}` unless set otherwise. Meant for labels in
    units with a true zero: normalised labels near 0 give huge percentages.

    Treatment of missing labels and errors are those of `mean_squared_error`.

    Parameters
    ----------
    y_true, y_pred : tensor, shape (n_stars, n_labels)
        Labels, and predictions in their units.
    sample_weight : tensor, shape (n_stars,), optional
        Multiplies each star's loss.

    Returns
    -------
    tensor, shape (n_stars,)
        In per cent; zero for a star without any label.

    Examples
    --------
    >>> float(mean_absolute_percentage_error([[4.0, -9999.0, -2.0]], [[3.0, 7.0, -3.0]])[0])
    37.5
    """
    error, there = percentage_residual(y_true, y_pred, size=ops.abs)
    return weighted_loss(100.0 * mean_of_present(ops.abs(error), there), sample_weight)


@keras.saving.register_keras_serializable(package="astroNN")
def mean_percentage_error(y_true, y_pred, sample_weight=None):
    r"""Mean of label minus prediction in percent of the label, with its sign, over the labels that were measured.

    .. math:: L_i = \frac{100}{n_i} \sum_{j\,\mathrm{present}}
        \frac{y_{ij} - \hat y_{ij}}{\max(y_{ij}, \epsilon)}

    with :math:`\epsilon` = ``keras.config.epsilon()``. It is meant for positive labels: one below
    :math:`\epsilon` is divided by :math:`\epsilon`.

    Treatment of missing labels and errors are those of `mean_squared_error`.

    Parameters
    ----------
    y_true, y_pred : tensor, shape (n_stars, n_labels)
        Labels, and predictions in their units.
    sample_weight : tensor, shape (n_stars,), optional
        Multiplies each star's loss.

    Returns
    -------
    tensor, shape (n_stars,)
        In per cent; zero for a star without any label.

    Examples
    --------
    >>> float(mean_percentage_error([[4.0, -9999.0, 2.0]], [[3.0, 7.0, 3.0]])[0])
    -12.5
    """
    error, there = percentage_residual(y_true, y_pred)
    return weighted_loss(100.0 * mean_of_present(error, there), sample_weight)


@keras.saving.register_keras_serializable(package="astroNN")
def mean_squared_logarithmic_error(y_true, y_pred, sample_weight=None):
    r"""Mean squared difference of the logarithms, over the labels that were measured.

    .. math:: L_i = \frac{1}{n_i} \sum_{j\,\mathrm{present}}
        \left( \ln(1 + \max(y_{ij}, \epsilon)) - \ln(1 + \max(\hat y_{ij}, \epsilon)) \right)^2

    with :math:`\epsilon` = ``keras.config.epsilon()``: for labels that aren't negative. A prediction below
    :math:`\epsilon` has no gradient.

    Treatment of missing labels and errors are those of `mean_squared_error`.

    Parameters
    ----------
    y_true, y_pred : tensor, shape (n_stars, n_labels)
        Labels, and predictions in their units.
    sample_weight : tensor, shape (n_stars,), optional
        Multiplies each star's loss.

    Returns
    -------
    tensor, shape (n_stars,)
        Zero for a star without any label.

    Examples
    --------
    >>> from math import e
    >>> loss = mean_squared_logarithmic_error([[e - 1.0, -9999.0]], [[0.0, 7.0]])
    >>> round(float(loss[0]), 5)
    1.0
    """
    labels, present, y_pred = filled_pair(y_true, y_pred)
    eps, there = keras.config.epsilon(), ops.cast(present, y_pred.dtype)
    error = ops.log1p(ops.maximum(labels, eps)) - ops.log1p(ops.maximum(y_pred, eps))  # 0 at the gaps
    return weighted_loss(mean_of_present(ops.square(error), there), sample_weight)


@keras.saving.register_keras_serializable(package="astroNN")
def zeros_loss(y_true, y_pred, sample_weight=None):
    r"""Zero for every star, whatever the labels, yet connected to the prediction (its gradient is 0).

    .. math:: L_i = \frac{1}{D} \sum_{j} 0 \, \hat y_{ij}

    It stands in for the loss of an output that is trained through another one. A prediction that is NaN or infinite
    gives 0 like any other.

    Parameters
    ----------
    y_true, y_pred : tensor, shape (n_stars, n_labels)
        As for `mean_squared_error`, with its errors.
    sample_weight : tensor, shape (n_stars,), optional
        Checked, and without effect.

    Returns
    -------
    tensor, shape (n_stars,)
        Zeros.

    Examples
    --------
    >>> float(zeros_loss([[3.0, -9999.0]], [[1.0, 7.0]])[0])
    0.0
    """
    _, _, y_pred = checked_pair(y_true, y_pred)
    # Not 0 times the prediction, which may be infinite.
    nowhere = ops.zeros_like(y_pred, dtype="bool")
    return weighted_loss(ops.sum(ops.where(nowhere, y_pred, ops.zeros_like(y_pred)), axis=-1), sample_weight)


mse = mean_squared_error
mae = mean_absolute_error
me = mean_error
mape = mean_absolute_percentage_error
mpe = mean_percentage_error
msle = mean_squared_logarithmic_error
