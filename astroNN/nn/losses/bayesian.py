"""Loss of a network that predicts its own variance, trained on labels with known errors."""

import keras
from keras import ops

from astroNN.nn.losses._checks import aligned, check_not_symbolic, check_same_shape
from astroNN.nn.losses._missing import as_loss_dtype, filled_pair, magic_num_check, mean_over_present, weighted_loss

__all__ = ["mse_lin", "mse_lin_wrapper", "mse_var", "mse_var_wrapper", "robust_mse"]


@keras.saving.register_keras_serializable(package="astroNN")
def robust_mse(y_true, y_pred, variance=None, labels_err=None, sample_weight=None, *, logvar=None):
    r"""Negative log likelihood of labels with known errors under a predicted variance.

    For every label that was measured, with the predicted log variance :math:`s_0` and the label's error
    :math:`e`,

    .. math:: L = \tfrac12 (y - \hat y)^2 e^{-s} + \tfrac12 s, \qquad s = \ln(e^{s_0} + e^2)

    so that a star with a large label error neither pulls the prediction nor inflates the predicted variance.

    Parameters
    ----------
    y_true : tensor, shape (n_stars, n_labels)
        Labels. Magic number or NaN marks a missing one, where prediction, variance and error don't matter.
    y_pred : tensor, shape (n_stars, n_labels)
        Predicted mean. If any of the tensors has the shape (n_stars, 1), (n_stars,) will do for the others.
    variance : tensor, shape (n_stars, n_labels)
        Natural logarithm of the predicted variance (the established name of the argument).
    labels_err : tensor, shape (n_stars, n_labels), optional
        Standard deviations of the labels. An error that is missing counts as 0. Default: exact labels.
    sample_weight : tensor, shape (n_stars,), optional
        Multiplies each star's loss.
    logvar : tensor, shape (n_stars, n_labels), optional
        Another name for `variance`.

    Returns
    -------
    tensor, shape (n_stars,)
        Mean over the labels present; zero for a star without any.

    Raises
    ------
    ValueError
        If the shapes differ.
    TypeError
        If no log variance is given.

    References
    ----------
    Leung & Bovy 2019, MNRAS 483, 3255, equations 5 and 6; Kendall & Gal 2017, arXiv:1703.04977, equation 8.

    Examples
    --------
    >>> loss = robust_mse([[3.0]], [[1.0]], [[0.0]], [[3.0**0.5]])  # 4 / (2 * 4) + ln(4) / 2
    >>> round(float(loss[0]), 4)
    1.1931
    """
    variance = logvar if variance is None else variance
    if variance is None:
        raise TypeError("robust_mse: give the predicted log variance as `variance` (or `logvar`).")
    tensors = [y_true, y_pred, variance] + ([] if labels_err is None else [labels_err])
    y_true, y_pred, variance, *labels_err = aligned(*tensors)
    labels, present, y_pred = filled_pair(y_true, y_pred)
    check_same_shape("y_pred", y_pred, "variance", variance)
    logvar = ops.cast(as_loss_dtype(variance), y_pred.dtype)
    # Before anything is computed: what overflows at a gap has a NaN for gradient even though the term is left out.
    logvar = ops.where(present, logvar, ops.zeros_like(logvar))
    for err in labels_err:
        check_same_shape("y_pred", y_pred, "labels_err", err)
        logvar = _add_label_variance(logvar, err, present)
    # The residual over the spread, then squared: exp(-logvar) itself overflows in float32 below a logvar of -88.
    element = 0.5 * ops.square((labels - y_pred) * ops.exp(-0.5 * logvar)) + 0.5 * logvar
    return weighted_loss(mean_over_present(element, present), sample_weight)


def mse_lin_wrapper(var, labels_err):
    r"""Loss of the predicted mean, given the predicted log variance and the label errors.

    .. math:: L_i(y, \hat y) = \mathtt{robust\_mse}(y, \hat y, s_0, e)

    Parameters
    ----------
    var : tensor, shape (n_stars, n_labels)
        Natural logarithm of the predicted variance.
    labels_err : tensor, shape (n_stars, n_labels)
        Standard deviations of the labels.

    Returns
    -------
    callable
        ``(y_true, y_pred, sample_weight=None)`` to the loss of every star. Missing labels, and missing errors, are
        treated as by `robust_mse`.

    Raises
    ------
    TypeError
        When called, if it holds symbolic tensors of a model being built rather than the values of a batch.

    Examples
    --------
    >>> loss = mse_lin_wrapper([[0.0, 0.0]], [[0.0, 0.0]])  # variance 1, exact labels: half the squared error
    >>> float(loss([[3.0, -9999.0]], [[1.0, 7.0]])[0])
    2.0
    """

    def mse_lin(y_true, y_pred, sample_weight=None):
        # Here, not above: recipes for the earlier interface make these functions, which nothing calls any more.
        check_not_symbolic("mse_lin_wrapper", var=var, labels_err=labels_err)
        return robust_mse(y_true, y_pred, var, labels_err, sample_weight)

    mse_lin.__name__ = "mse_lin_wrapper"
    return mse_lin


def mse_var_wrapper(lin, labels_err):
    r"""Loss of the predicted log variance, given the predicted mean and the label errors.

    .. math:: L_i(y, s_0) = \mathtt{robust\_mse}(y, \hat y, s_0, e)

    Parameters
    ----------
    lin : tensor, shape (n_stars, n_labels)
        Predicted mean.
    labels_err : tensor, shape (n_stars, n_labels)
        Standard deviations of the labels.

    Returns
    -------
    callable
        ``(y_true, y_pred, sample_weight=None)``, where `y_pred` is the log variance, to the loss of every star.
        Missing labels, and missing errors, are treated as by `robust_mse`.

    Raises
    ------
    TypeError
        As `mse_lin_wrapper`.

    Examples
    --------
    >>> loss = mse_var_wrapper([[1.0, 7.0]], [[0.0, 0.0]])
    >>> float(loss([[3.0, -9999.0]], [[0.0, 0.0]])[0])
    2.0
    """

    def mse_var(y_true, y_pred, sample_weight=None):
        check_not_symbolic("mse_var_wrapper", lin=lin, labels_err=labels_err)
        return robust_mse(y_true, lin, y_pred, labels_err, sample_weight)

    mse_var.__name__ = "mse_var_wrapper"
    return mse_var


mse_lin = mse_lin_wrapper
mse_var = mse_var_wrapper


def _add_label_variance(logvar, labels_err, present):
    """ln(exp(logvar) + labels_err**2) at the labels present, without overflow, with the right gradient everywhere."""
    known = ops.logical_not(ops.logical_or(magic_num_check(labels_err), ops.equal(labels_err, 0)))
    known = ops.logical_and(known, present)
    labels_err = ops.cast(labels_err, logvar.dtype)
    log_label_var = 2.0 * ops.log(ops.abs(ops.where(known, labels_err, ops.ones_like(labels_err))))
    # Not `ops.logaddexp`: TensorFlow's gradient of it is wrong where both terms are equal.
    return ops.where(known, logvar + ops.softplus(log_label_var - logvar), logvar)
