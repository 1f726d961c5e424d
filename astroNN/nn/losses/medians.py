"""Medians of the errors over the labels present: metrics that a few outliers don't move.

A median has a gradient only at the middle element: these are metrics, and no losses to train with.
"""

import keras
from keras import ops

from astroNN.nn.losses._missing import as_loss_dtype, weighted_loss
from astroNN.nn.losses._residuals import percentage_residual, residual

__all__ = [
    "mad",
    "mad_std",
    "median",
    "median_absolute_deviation",
    "median_absolute_error",
    "median_absolute_percentage_error",
    "median_error",
    "median_percentage_error",
]

# Standard deviation of a Gaussian over the median of its absolute deviation, 1 / norm.ppf(0.75), as established.
STD_OF_MAD = 1.4826


def median(x, axis=None):
    r"""Plain median: of an even number of elements, the mean of the two in the middle.

    .. math:: \mathrm{median}(x) = \tfrac12 \left( x_{(\lfloor (n+1)/2 \rfloor)} + x_{(\lceil (n+1)/2 \rceil)} \right)

    where :math:`x_{(k)}` is the :math:`k`-th smallest of :math:`n` elements. Missing labels mean nothing to it:
    the magic number is an element as any other. See `median_error` and the others for medians of errors.

    Parameters
    ----------
    x : tensor
        Any shape; at least in float32 inside.
    axis : int, optional
        Default: over everything.

    Returns
    -------
    tensor, shape of `x` without `axis`, or () if that is None
        In float32, or the dtype of `x` if that is wider.

    Raises
    ------
    ValueError
        If there are no elements to take the median of.

    Examples
    --------
    >>> x = [[1.0, 5.0, 2.0], [7.0, 0.0, 3.0]]
    >>> float(median(x)), [float(value) for value in median(x, axis=-1)]
    (2.5, [2.0, 3.0])
    """
    x = as_loss_dtype(x)
    if 0 in (tuple(x.shape) if axis is None else (x.shape[axis],)):
        raise ValueError(f"median: `x` has no elements along axis={axis}, got shape {tuple(x.shape)}.")
    return _median_present(x, ops.ones_like(x), axis)


@keras.saving.register_keras_serializable(package="astroNN")
def median_error(y_true, y_pred, sample_weight=None, axis=-1):
    r"""Median of label minus prediction over the labels that were measured: the bias, with its sign.

    .. math:: L_i = \underset{j\,\mathrm{present}}{\mathrm{median}} \; (y_{ij} - \hat y_{ij})

    Parameters
    ----------
    y_true : tensor, shape (n_stars, n_labels)
        Labels. Magic number or NaN marks a missing one, which is left out of the median.
    y_pred : tensor, shape (n_stars, n_labels)
        Predictions, in the units of `y_true`.
    sample_weight : tensor, shape of the result, optional
        Multiplies the result. Default: 1.
    axis : int, optional
        -1 (default): median of each star, shape (n_stars,). 0: of each label over the stars of the batch, shape
        (n_labels,). None: of everything in the batch, one number.

    Returns
    -------
    tensor
        Zero where no label is present.

    Raises
    ------
    ValueError
        If the shapes of `y_true` and `y_pred` differ.

    Notes
    -----
    A median of a batch isn't that of the whole set: what Keras prints is the mean over the batches.

    Examples
    --------
    >>> labels, predicted = [[3.0, -9999.0, 5.0, 1.0]], [[1.0, 7.0, 6.0, 0.5]]  # errors 2, -1 and 0.5
    >>> float(median_error(labels, predicted)[0])
    0.5
    """
    error, there = residual(y_true, y_pred)
    return weighted_loss(_median_present(error, there, axis), sample_weight)


@keras.saving.register_keras_serializable(package="astroNN")
def median_absolute_error(y_true, y_pred, sample_weight=None, axis=-1):
    r"""Median absolute error over the labels that were measured.

    .. math:: L_i = \underset{j\,\mathrm{present}}{\mathrm{median}} \; \lvert y_{ij} - \hat y_{ij} \rvert

    Treatment of missing labels and errors are those of `median_error`.

    Parameters
    ----------
    y_true, y_pred : tensor, shape (n_stars, n_labels)
        Labels, and predictions in their units.
    sample_weight : tensor, shape of the result, optional
        Multiplies the result.
    axis : int, optional
        As for `median_error`. Default -1: one for each star.

    Returns
    -------
    tensor, shape (n_stars,), (n_labels,) or ()
        In the units of the labels; zero where there are none.

    Examples
    --------
    >>> labels, predicted = [[3.0, -9999.0, 5.0, 1.0]], [[1.0, 7.0, 6.0, 0.5]]
    >>> float(median_absolute_error(labels, predicted)[0])
    1.0
    """
    error, there = residual(y_true, y_pred)
    return weighted_loss(_median_present(ops.abs(error), there, axis), sample_weight)


@keras.saving.register_keras_serializable(package="astroNN")
def median_absolute_deviation(y_true, y_pred, sample_weight=None, axis=-1):
    r"""Median absolute deviation of the predictions from the labels: `median_absolute_error` by another name.

    .. math:: L_i = \underset{j\,\mathrm{present}}{\mathrm{median}} \; \lvert y_{ij} - \hat y_{ij} \rvert

    The deviation is from the label, not from the median error: a bias counts. Treatment of missing labels and errors
    are those of `median_error`.

    Parameters
    ----------
    y_true, y_pred : tensor, shape (n_stars, n_labels)
        Labels, and predictions in their units.
    sample_weight : tensor, shape of the result, optional
        Multiplies the result.
    axis : int, optional
        As for `median_error`. Default -1: one for each star.

    Returns
    -------
    tensor, shape (n_stars,), (n_labels,) or ()
        In the units of the labels; zero where there are none.

    Examples
    --------
    >>> labels, predicted = [[3.0, -9999.0, 5.0, 1.0]], [[1.0, 7.0, 6.0, 0.5]]
    >>> float(median_absolute_deviation(labels, predicted)[0])
    1.0
    """
    return median_absolute_error(y_true, y_pred, sample_weight, axis)


@keras.saving.register_keras_serializable(package="astroNN")
def mad_std(y_true, y_pred, sample_weight=None, axis=-1):
    r"""Standard deviation of the errors as their median absolute size tells it, which outliers don't move.

    .. math:: L_i = 1.4826 \; \underset{j\,\mathrm{present}}{\mathrm{median}} \; \lvert y_{ij} - \hat y_{ij} \rvert

    The factor makes it the standard deviation if the errors are Gaussian without bias. Treatment of missing labels
    and errors are those of `median_error`.

    Parameters
    ----------
    y_true, y_pred : tensor, shape (n_stars, n_labels)
        Labels, and predictions in their units.
    sample_weight : tensor, shape of the result, optional
        Multiplies the result.
    axis : int, optional
        As for `median_error`. Default -1: one for each star.

    Returns
    -------
    tensor, shape (n_stars,), (n_labels,) or ()
        In the units of the labels; zero where there are none.

    Examples
    --------
    >>> labels, predicted = [[3.0, -9999.0, 5.0, 1.0]], [[1.0, 7.0, 6.0, 0.5]]
    >>> round(float(mad_std(labels, predicted)[0]), 4)
    1.4826
    """
    return STD_OF_MAD * median_absolute_error(y_true, y_pred, sample_weight, axis)


@keras.saving.register_keras_serializable(package="astroNN")
def median_absolute_percentage_error(y_true, y_pred, sample_weight=None):
    r"""Median absolute error in percent of the label, over all the labels present in the batch.

    .. math:: L_i = 100 \; \underset{kj\,\mathrm{present}}{\mathrm{median}} \;
        \frac{\lvert y_{kj} - \hat y_{kj} \rvert}{\max(\lvert y_{kj} \rvert, \epsilon)}

    with :math:`\epsilon` = ``keras.config.epsilon()``: one median over every star :math:`k` and label :math:`j` of
    the batch, given to every star.

    Parameters
    ----------
    y_true : tensor, shape (n_stars, n_labels)
        Labels. Magic number or NaN marks a missing one, which is left out of the median.
    y_pred : tensor, shape (n_stars, n_labels)
        Predictions, in the units of `y_true`.
    sample_weight : tensor, shape (n_stars,), optional
        Multiplies the value that each star is given (it doesn't weight the median). Default: 1.

    Returns
    -------
    tensor, shape (n_stars,)
        The same number for every star with a label; zero for a star without any, as in all losses here.

    Raises
    ------
    ValueError
        If the shapes of `y_true` and `y_pred` differ.

    Examples
    --------
    >>> labels, predicted = [[4.0, -9999.0], [2.0, -2.0]], [[3.0, 7.0], [3.0, -3.5]]  # 25, 50 and 75 per cent
    >>> [float(value) for value in median_absolute_percentage_error(labels, predicted)]
    [50.0, 50.0]
    """
    error, there = percentage_residual(y_true, y_pred, size=ops.abs)
    return weighted_loss(100.0 * _batch_median(ops.abs(error), there), sample_weight)


@keras.saving.register_keras_serializable(package="astroNN")
def median_percentage_error(y_true, y_pred, sample_weight=None):
    r"""Median of label minus prediction in percent of the label, over all the labels present in the batch.

    .. math:: L_i = 100 \; \underset{kj\,\mathrm{present}}{\mathrm{median}} \;
        \frac{y_{kj} - \hat y_{kj}}{\max(y_{kj}, \epsilon)}

    For positive labels, as `mean_percentage_error`. Treatment of missing labels and errors are those of
    `median_absolute_percentage_error`.

    Parameters
    ----------
    y_true, y_pred : tensor, shape (n_stars, n_labels)
        Labels, and predictions in their units.
    sample_weight : tensor, shape (n_stars,), optional
        Multiplies the result.

    Returns
    -------
    tensor, shape (n_stars,)
        In per cent, the same for every star with a label; zero for a star without any.

    Examples
    --------
    >>> labels, predicted = [[4.0, -9999.0], [2.0, 8.0]], [[3.0, 7.0], [3.0, 8.0]]  # 25, -50 and 0 per cent
    >>> [float(value) for value in median_percentage_error(labels, predicted)]
    [0.0, 0.0]
    """
    error, there = percentage_residual(y_true, y_pred)
    return weighted_loss(100.0 * _batch_median(error, there), sample_weight)


mad = median_absolute_deviation


def _batch_median(element, there):
    """Median over everything present, for each star that has a label; 0 for those without."""
    middle = _median_present(element, there, None)
    return ops.where(ops.any(there > 0, axis=-1), middle, ops.zeros_like(middle))


def _median_present(element, there, axis):
    """Median over the elements that are there (1, not 0) along an axis (None: everywhere); 0 if there is none."""
    if axis is None:
        element, there, axis = ops.reshape(element, (-1,)), ops.reshape(there, (-1,)), 0
    if element.shape[axis] == 0:
        return ops.sum(element, axis=axis)
    present = there > 0
    # Gaps sort to the end. Sorting, for `ops.median` knows no gaps; the batch size may be unknown when compiled.
    ordered = ops.sort(ops.where(present, element, ops.full_like(element, float("inf"))), axis=axis)
    n_present = ops.sum(ops.cast(present, "int32"), axis=axis, keepdims=True)
    low = ops.take_along_axis(ordered, ops.maximum(n_present - 1, 0) // 2, axis=axis)
    high = ops.take_along_axis(ordered, n_present // 2, axis=axis)
    # Halves first: the sum of two large elements may overflow.
    middle = ops.where(n_present > 0, 0.5 * low + 0.5 * high, ops.zeros_like(low))
    return ops.squeeze(middle, axis=axis)
