"""Loss of a network that predicts its own variance, trained on labels with known errors."""

from keras import ops

from astroNN.nn.losses._missing import fill_missing, magic_num_check, mean_over_present, weighted_loss

__all__ = ["mse_lin", "mse_lin_wrapper", "mse_var", "mse_var_wrapper", "robust_mse"]


def robust_mse(y_true, y_pred, variance=None, labels_err=None, sample_weight=None, *, logvar=None):
    r"""Negative log likelihood of labels with known errors under a predicted variance.

    For every label that was measured, with the predicted log variance :math:`s_0` and the label's error
    :math:`e`,

    .. math:: L = \tfrac12 (y - \hat y)^2 e^{-s} + \tfrac12 s, \qquad s = \ln(e^{s_0} + e^2)

    so that a star with a large label error neither pulls the prediction nor inflates the predicted variance.

    Parameters
    ----------
    y_true : tensor, shape (n_stars, n_labels)
        Labels. Magic number or NaN marks a missing one.
    y_pred : tensor, shape (n_stars, n_labels)
        Predicted mean.
    variance : tensor, shape (n_stars, n_labels)
        Natural logarithm of the predicted variance (the established name of the argument; `logvar` is
        another).
    labels_err : tensor, shape (n_stars, n_labels), optional
        Standard deviations of the labels. An error that is missing counts as 0. Default: exact labels.
    sample_weight : tensor, shape (n_stars,), optional
        Multiplies each star's loss.

    Returns
    -------
    tensor, shape (n_stars,)
        Mean over the labels present; zero for a star without any.

    Raises
    ------
    ValueError
        If the last axes of `y_true` and `y_pred` differ.
    TypeError
        If no log variance is given.

    References
    ----------
    Leung & Bovy 2019, MNRAS 483, 3255, equations 5 and 6; Kendall & Gal 2017, arXiv:1703.04977, equation 8.

    Examples
    --------
    >>> from math import log
    >>> float(robust_mse([[3.0]], [[1.0]], [[0.0]], [[3.0**0.5]])[0]) == 0.5 + 0.5 * log(4.0)
    True
    """
    variance = logvar if variance is None else variance
    if variance is None:
        raise TypeError("robust_mse: give the predicted log variance as `variance` (or `logvar`).")
    labels, present, y_pred = fill_missing(y_true, y_pred)
    total_logvar = _add_variance(ops.cast(variance, y_pred.dtype), _label_variance(labels_err, y_pred))
    element = 0.5 * ops.square(labels - y_pred) * ops.exp(-total_logvar) + 0.5 * total_logvar
    # A missing label's term still holds its predicted log variance: `present` takes it out of value and gradient.
    return weighted_loss(mean_over_present(element, present), sample_weight)


def mse_lin_wrapper(var, labels_err):
    """Loss of the predicted mean, given the predicted log variance and the label errors.

    Parameters
    ----------
    var : tensor, shape (n_stars, n_labels)
        Natural logarithm of the predicted variance.
    labels_err : tensor, shape (n_stars, n_labels)
        Standard deviations of the labels.

    Returns
    -------
    callable
        ``(y_true, y_pred, sample_weight=None)`` to the loss of every star, see `robust_mse`.
    """

    def mse_lin(y_true, y_pred, sample_weight=None):
        return robust_mse(y_true, y_pred, var, labels_err, sample_weight)

    mse_lin.__name__ = "mse_lin_wrapper"
    return mse_lin


def mse_var_wrapper(lin, labels_err):
    """Loss of the predicted log variance, given the predicted mean and the label errors.

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
    """

    def mse_var(y_true, y_pred, sample_weight=None):
        return robust_mse(y_true, lin, y_pred, labels_err, sample_weight)

    mse_var.__name__ = "mse_var_wrapper"
    return mse_var


mse_lin = mse_lin_wrapper
mse_var = mse_var_wrapper


def _label_variance(labels_err, like):
    if labels_err is None:
        return ops.zeros_like(like)
    labels_err = ops.cast(labels_err, like.dtype)
    return ops.square(ops.where(magic_num_check(labels_err), ops.zeros_like(labels_err), labels_err))


def _add_variance(logvar, extra):
    """ln(exp(logvar) + extra), without overflow for any logvar."""
    safe_log = ops.log(ops.where(extra > 0, extra, ops.ones_like(extra)))
    return ops.where(extra > 0, ops.logaddexp(logvar, safe_log), logvar)
