"""What "missing" means, decided once for every loss: the magic number (-9999.) or NaN."""

import keras
from keras import ops

from astroNN.config import MAGIC_NUMBER
from astroNN.nn.losses._checks import aligned, check_same_shape

__all__ = [
    "as_loss_dtype",
    "checked_pair",
    "filled_pair",
    "magic_correction_term",
    "magic_num_check",
    "mean_over_present",
    "weighted_loss",
]


def magic_num_check(x):
    r"""Where a tensor is missing.

    .. math:: \mathrm{missing} = (x = M) \lor \mathrm{isnan}(x)

    with the magic number :math:`M`, -9999 unless the configuration says otherwise.

    Parameters
    ----------
    x : tensor
        Any shape.

    Returns
    -------
    tensor of bool
        True where `x` is the magic number or NaN.

    Examples
    --------
    >>> [bool(missing) for missing in magic_num_check([-9999.0, float("nan"), 0.0])]
    [True, True, False]
    """
    return ops.logical_not(_is_present(_as_float(x)))


def checked_pair(y_true, y_pred, hint=""):
    """Labels and predictions as floats of one shape, and where the labels are present.

    Parameters
    ----------
    y_true, y_pred : tensor, shape (n_stars, n_labels)
        Labels with gaps, and their prediction. If one has the shape (n_stars, 1), (n_stars,) will do for the other.
    hint : str, optional
        How to mend labels of another shape, the end of the error.

    Returns
    -------
    y_true : tensor, shape (n_stars, n_labels)
        As given, gaps and all, in the dtype of the returned `y_pred`.
    present : tensor of bool, shape (n_stars, n_labels)
        True where the label was measured.
    y_pred : tensor, shape (n_stars, n_labels)
        As given, but at least in float32: sums of squares overflow in half precision.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    y_true, y_pred = aligned(y_true, y_pred)
    check_same_shape("y_true", y_true, "y_pred", y_pred, hint)
    y_true, y_pred = _as_float(y_true), as_loss_dtype(y_pred)
    return ops.cast(y_true, y_pred.dtype), _is_present(y_true), y_pred


def filled_pair(y_true, y_pred):
    """Labels and predictions, both 0 where the label is missing, and where it is present.

    To mask the loss afterwards is not enough: a NaN or infinity of either that has entered a computation still
    poisons the gradient.

    Parameters, the other returned value and errors are those of `checked_pair`.
    """
    y_true, present, y_pred = checked_pair(y_true, y_pred)
    zeros = ops.zeros_like(y_pred)
    return ops.where(present, y_true, zeros), present, ops.where(present, y_pred, zeros)


def mean_over_present(element, present):
    """Mean over the last axis of the elements whose label is present; 0 for a star without any."""
    element = ops.where(present, element, ops.zeros_like(element))
    return ops.sum(element, axis=-1) / ops.maximum(ops.sum(ops.cast(present, element.dtype), axis=-1), 1.0)


def magic_correction_term(y_true):
    r"""Number of labels divided by the number of those present, for every star.

    .. math:: c_i = D / n_i

    A mean over all labels, in which missing ones count 0, times this term is the mean over the labels present.

    Parameters
    ----------
    y_true : tensor, shape (n_stars, n_labels)
        Labels; magic number or NaN marks a missing one.

    Returns
    -------
    tensor of float32, shape (n_stars,)
        At least 1; exactly 1 for a star without any label, whose loss is 0.

    Examples
    --------
    >>> [float(term) for term in magic_correction_term([[2.0, -9999.0, -9999.0], [2.0, -9999.0, 4.0]])]
    [3.0, 1.5]
    """
    present = ops.cast(_is_present(_as_float(y_true)), "float32")
    n_present = ops.sum(present, axis=-1)
    n_labels = ops.sum(ops.ones_like(present), axis=-1)
    return ops.where(n_present > 0, n_labels / ops.maximum(n_present, 1.0), 1.0)


def weighted_loss(losses, sample_weight=None):
    r"""Losses times the sample weights, not divided by the sum of the weights.

    .. math:: L_i \mapsto w_i L_i

    Parameters
    ----------
    losses : tensor, shape (n_stars,)
        Loss of every star; any further axes are kept.
    sample_weight : tensor, shape (n_stars,) or that of `losses`, or one number, optional
        Default: the losses as they are.

    Returns
    -------
    tensor, shape of `losses`
        The products, in the dtype of `losses`.

    Raises
    ------
    ValueError
        If there isn't one weight for each loss.

    Examples
    --------
    >>> from keras import ops
    >>> [float(loss) for loss in weighted_loss(ops.array([1.0, 2.0]), ops.array([3.0, 0.5]))]
    [3.0, 1.0]
    """
    if sample_weight is None:
        return losses
    sample_weight = ops.cast(sample_weight, losses.dtype)
    shape, n_axes = tuple(sample_weight.shape), len(losses.shape)
    if not shape:
        return _times(losses, sample_weight)
    # (n_stars, 1) times (n_stars,) would be every weight with every loss.
    surplus, lacking = range(n_axes, len(shape)), range(len(shape), n_axes)
    if all(shape[axis] == 1 for axis in surplus):
        sample_weight = ops.squeeze(sample_weight, axis=tuple(surplus)) if surplus else sample_weight
        sample_weight = ops.expand_dims(sample_weight, axis=tuple(lacking)) if lacking else sample_weight
        fits = zip(shape, losses.shape, strict=False)
        if all(a == b or a is None or b is None or (a == 1 and axis) for axis, (a, b) in enumerate(fits)):
            return _times(losses, sample_weight)
    raise ValueError(
        f"`sample_weight` must hold one weight for each of the losses, of shape {tuple(losses.shape)}; got shape "
        f"{shape}. A label is left out by the magic number or NaN in `y_true`, not by a weight."
    )


def as_loss_dtype(x):
    """Tensor in float32, or in float64 if it is of that."""
    x = _as_float(x)
    return x if keras.backend.standardize_dtype(x.dtype) == "float64" else ops.cast(x, "float32")


def _times(losses, sample_weight):
    # Plus zero, for a weight of zero times a negative number is -0.
    return losses * sample_weight + 0.0


def _is_present(x):
    # One comparison for both: the distance from the magic number is zero if missing, and NaN is above nothing.
    # float16 and bfloat16 can't hold -9999 exactly: the number is taken as their dtype rounds it.
    return ops.greater(ops.abs(x - ops.cast(MAGIC_NUMBER, x.dtype)), 0)


def _as_float(x):
    x = ops.convert_to_tensor(x)
    is_float = keras.backend.is_float_dtype(keras.backend.standardize_dtype(x.dtype))
    return x if is_float else ops.cast(x, keras.config.floatx())
