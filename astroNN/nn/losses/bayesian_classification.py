"""Cross entropies of networks that predict, beside the logits, how uncertain these are."""

import math

import keras
from keras import ops

from astroNN.nn.losses._checks import aligned, check_not_symbolic, check_same_shape
from astroNN.nn.losses._missing import weighted_loss
from astroNN.nn.losses._noise import own_generator, standard_normal
from astroNN.nn.losses._residuals import mean_of_present
from astroNN.nn.losses.classification import NO_LOGIT, classes, flags, sigmoid_crossentropy, softmax_crossentropy

__all__ = [
    "bayesian_binary_crossentropy_var_wrapper",
    "bayesian_binary_crossentropy_wrapper",
    "bayesian_categorical_crossentropy_var_wrapper",
    "bayesian_categorical_crossentropy_wrapper",
    "robust_binary_crossentropy",
    "robust_categorical_crossentropy",
]

# The established 25 leave a scatter of 30% in the gradient.
N_DRAWS = 250
# Above this spread exp(s) - 1, which overflows at 88, continues linearly. The noise of the logits drowns all there.
LINEAR_FROM = 20.0
# How labels and predictions are prepared, and the loss of both.
CLASSES, FLAGS = (classes, softmax_crossentropy), (flags, sigmoid_crossentropy)


@keras.saving.register_keras_serializable(package="astroNN")
def robust_categorical_crossentropy(y_true, y_pred, logit_var, sample_weight=None, *, n_draws=N_DRAWS, seed=None):
    r"""Cross entropy of one class out of several whose logits have a predicted spread.

    With the predicted logits :math:`\hat z_i` and their standard deviations
    :math:`\sigma_{ij} = \lvert v_{ij} \rvert`, :math:`v` being `logit_var`,

    .. math::

        L_i &= (1 + g_i) \, H_i(\hat z_i)
            + \frac{1}{n_i} \sum_{j\,\mathrm{present}} \left( e^{\sigma_{ij}} - 1 \right) \\
        g_i &= -\frac1T \sum_{t=1}^T \mathrm{elu}\left(
            H_i(\hat z_i) - H_i(\hat z_i + \sigma_i \odot \epsilon_{it}) \right)

    where :math:`H_i` is `categorical_crossentropy` from logits, :math:`\epsilon` standard normal noise, and
    :math:`T` the number of draws. Where noise makes a wrong answer better on average, a spread pays; the last term
    keeps it from growing without need. Without spread the loss is the plain cross entropy.

    Parameters
    ----------
    y_true : tensor, shape (n_stars, n_classes)
        1 for the class of the star and 0 for the others. Magic number or NaN marks a missing label, usually in the
        whole row, whose loss is then zero. Neither logits nor spreads have a gradient at it.
    y_pred : tensor, shape (n_stars, n_classes)
        Predicted logits.
    logit_var : tensor, shape (n_stars, n_classes)
        Predicted standard deviation of the logits; its sign doesn't matter, so that the output of the network may be
        linear. Above 20 the last term continues linearly, with continuous slope, so that it doesn't overflow. See
        Notes.
    sample_weight : tensor, shape (n_stars,), optional
        Multiplies each star's loss, once. Default: every star counts once.
    n_draws : int, optional
        Number :math:`T` of draws, in pairs of opposite noise. Default 250, with which the gradient by the logits and
        the spreads of a batch scatters by less than 10% of its size, whatever the spread: at most 9% for 64 stars
        and 10 classes, 1% for labels that are each 0 or 1. The scatter falls with the square root of the number.
    seed : keras.random.SeedGenerator or int, optional
        The noise is a function of the seed and of the predictions. A generator, best an attribute of the model, which
        then tracks it, advances by each call. With an int the same call gives the same value, while the noise still
        differs from step to step of a training. Default: a number from Python's generator, which
        `keras.utils.set_random_seed` sets, at every call, or once when a step is compiled.

    Returns
    -------
    tensor, shape (n_stars,)
        Zero for a star without any label.

    Raises
    ------
    ValueError
        If shapes differ, or `n_draws` isn't a positive whole number.

    Notes
    -----
    The established loss multiplies the noise by `logit_var`, as is, and takes :math:`e^v - 1`, which together make
    sense for a standard deviation, in spite of the name. The absolute value is the same for positive outputs, and
    mends negative ones, which were rewarded without limit. The established loss also gave every star the mean of the
    last term over the batch; here each star pays for its own spread, which leaves the mean over the batch as it was,
    but lets a star without labels, or of weight zero, change nothing. Sample weights and the correction for missing
    labels, which were applied twice, are applied once.

    On JAX, a generator that the model doesn't track can't advance in a compiled step, where it counts as an int.

    References
    ----------
    Kendall & Gal 2017, arXiv:1703.04977, equation 12.

    Examples
    --------
    >>> labels, logits = [[0.0, 1.0]], [[2.0, 2.0]]
    >>> round(float(robust_categorical_crossentropy(labels, logits, [[0.0, 0.0]])[0]), 4)  # no spread: ln(2)
    0.6931
    """
    return _robust(CLASSES, y_true, y_pred, logit_var, sample_weight, n_draws, seed)


@keras.saving.register_keras_serializable(package="astroNN")
def robust_binary_crossentropy(y_true, y_pred, logit_var, sample_weight=None, *, n_draws=N_DRAWS, seed=None):
    r"""Cross entropy of labels that are each 0 or 1, whose logits have a predicted spread.

    .. math::

        L_i &= (1 + g_i) \, H_i(\hat z_i)
            + \frac{1}{n_i} \sum_{j\,\mathrm{present}} \left( e^{\sigma_{ij}} - 1 \right) \\
        g_i &= -\frac1T \sum_{t=1}^T \mathrm{elu}\left(
            H_i(\hat z_i) - H_i(\hat z_i + \sigma_i \odot \epsilon_{it}) \right)

    where :math:`H_i` is `binary_crossentropy` from logits. Treatment of missing labels, errors and notes are those of
    `robust_categorical_crossentropy`.

    Parameters
    ----------
    y_true : tensor, shape (n_stars, n_labels)
        0, 1, or a probability; magic number or NaN marks a missing label.
    y_pred, logit_var : tensor, shape (n_stars, n_labels)
        Predicted logits, and their predicted standard deviation (in spite of the name).
    sample_weight : tensor, shape (n_stars,), optional
        Multiplies each star's loss, once.
    n_draws, seed : int, optional
        Of the noise, as for `robust_categorical_crossentropy`.

    Returns
    -------
    tensor, shape (n_stars,)
        Zero for a star without any label.

    Examples
    --------
    >>> labels, logits = [[1.0, -9999.0]], [[0.0, 3.0]]
    >>> round(float(robust_binary_crossentropy(labels, logits, [[0.0, 0.0]])[0]), 4)  # no spread: ln(2)
    0.6931
    """
    return _robust(FLAGS, y_true, y_pred, logit_var, sample_weight, n_draws, seed)


def bayesian_categorical_crossentropy_wrapper(logit_var, *args, n_draws=N_DRAWS, seed=None, **kwargs):
    r"""Loss of the predicted logits, given their predicted standard deviation.

    .. math:: L_i(y, \hat z) = \mathtt{robust\_categorical\_crossentropy}(y, \hat z, v)

    Parameters
    ----------
    logit_var : tensor, shape (n_stars, n_classes)
        Predicted standard deviation :math:`v` of the logits.
    *args
        Not used, the established signature: a class has no error as `mse_lin_wrapper` takes.
    n_draws : int, optional
        Number of draws of noise, default 250.
    seed : keras.random.SeedGenerator or int, optional
        The generator of the noise, or its seed. Default: one of its own, seeded by Python's generator, which
        `keras.utils.set_random_seed` sets.
    **kwargs
        Not used.

    Returns
    -------
    callable
        ``(y_true, y_pred, sample_weight=None)`` to the loss of every star, in which missing labels are treated as
        by `robust_categorical_crossentropy`. Each call draws fresh noise.

    Raises
    ------
    TypeError
        When called, if it holds a symbolic tensor of a model being built rather than the values of a batch.

    Examples
    --------
    >>> loss = bayesian_categorical_crossentropy_wrapper([[0.0, 0.0]], seed=1)
    >>> round(float(loss([[0.0, 1.0]], [[2.0, 2.0]])[0]), 4)
    0.6931
    """
    return _of_logits("bayesian_categorical_crossentropy_wrapper", CLASSES, logit_var, n_draws, seed)


def bayesian_categorical_crossentropy_var_wrapper(logits, *args, n_draws=N_DRAWS, seed=None, **kwargs):
    r"""Loss of the predicted standard deviation of logits, given these.

    .. math:: L_i(y, v) = \mathtt{robust\_categorical\_crossentropy}(y, \hat z, v)

    Parameters
    ----------
    logits : tensor, shape (n_stars, n_classes)
        Predicted logits :math:`\hat z`.
    *args, n_draws, seed, **kwargs : optional
        As for `bayesian_categorical_crossentropy_wrapper`.

    Returns
    -------
    callable
        ``(y_true, y_pred, sample_weight=None)``, where `y_pred` is the standard deviation, to the loss of every
        star. Missing labels are treated as by `robust_categorical_crossentropy`.

    Raises
    ------
    TypeError
        As `bayesian_categorical_crossentropy_wrapper`.

    Examples
    --------
    >>> loss = bayesian_categorical_crossentropy_var_wrapper([[2.0, 2.0]], seed=1)
    >>> round(float(loss([[0.0, 1.0]], [[0.0, 0.0]])[0]), 4)
    0.6931
    """
    return _of_spread("bayesian_categorical_crossentropy_var_wrapper", CLASSES, logits, n_draws, seed)


def bayesian_binary_crossentropy_wrapper(logit_var, *args, n_draws=N_DRAWS, seed=None, **kwargs):
    r"""Loss of the predicted logits of labels that are each 0 or 1, given their predicted standard deviation.

    .. math:: L_i(y, \hat z) = \mathtt{robust\_binary\_crossentropy}(y, \hat z, v)

    Parameters
    ----------
    logit_var : tensor, shape (n_stars, n_labels)
        Predicted standard deviation :math:`v` of the logits.
    *args, n_draws, seed, **kwargs : optional
        As for `bayesian_categorical_crossentropy_wrapper`.

    Returns
    -------
    callable
        ``(y_true, y_pred, sample_weight=None)`` to the loss of every star, as from
        `bayesian_categorical_crossentropy_wrapper`.

    Examples
    --------
    >>> loss = bayesian_binary_crossentropy_wrapper([[0.0, 0.0]], seed=1)
    >>> round(float(loss([[1.0, -9999.0]], [[0.0, 3.0]])[0]), 4)
    0.6931
    """
    return _of_logits("bayesian_binary_crossentropy_wrapper", FLAGS, logit_var, n_draws, seed)


def bayesian_binary_crossentropy_var_wrapper(logits, *args, n_draws=N_DRAWS, seed=None, **kwargs):
    r"""Loss of the predicted standard deviation of the logits of labels that are each 0 or 1, given the logits.

    .. math:: L_i(y, v) = \mathtt{robust\_binary\_crossentropy}(y, \hat z, v)

    Parameters
    ----------
    logits : tensor, shape (n_stars, n_labels)
        Predicted logits :math:`\hat z`.
    *args, n_draws, seed, **kwargs : optional
        As for `bayesian_categorical_crossentropy_wrapper`.

    Returns
    -------
    callable
        ``(y_true, y_pred, sample_weight=None)``, where `y_pred` is the standard deviation, to the loss of every star,
        as from `bayesian_categorical_crossentropy_var_wrapper`.

    Examples
    --------
    >>> loss = bayesian_binary_crossentropy_var_wrapper([[0.0, 3.0]], seed=1)
    >>> round(float(loss([[1.0, -9999.0]], [[0.0, 0.0]])[0]), 4)
    0.6931
    """
    return _of_spread("bayesian_binary_crossentropy_var_wrapper", FLAGS, logits, n_draws, seed)


def _of_logits(name, kind, logit_var, n_draws, seed):
    _check_n_draws(n_draws)
    seed = own_generator(seed)

    def loss(y_true, y_pred, sample_weight=None):
        check_not_symbolic(name, logit_var=logit_var)
        return _robust(kind, y_true, y_pred, logit_var, sample_weight, n_draws, seed)

    loss.__name__ = name
    return loss


def _of_spread(name, kind, logits, n_draws, seed):
    _check_n_draws(n_draws)
    seed = own_generator(seed)

    def loss(y_true, y_pred, sample_weight=None):
        check_not_symbolic(name, logits=logits)
        return _robust(kind, y_true, logits, y_pred, sample_weight, n_draws, seed)

    loss.__name__ = name
    return loss


def _robust(kind, y_true, logits, logit_var, sample_weight, n_draws, seed):
    _check_n_draws(n_draws)
    prepared, crossentropy = kind
    y_true, logits, logit_var = aligned(y_true, logits, logit_var)
    check_same_shape("y_pred", logits, "logit_var", logit_var)
    labels, there, logits = prepared(y_true, logits, NO_LOGIT)
    spread = ops.cast(ops.abs(prepared(y_true, logit_var, 0.0)[-1]), logits.dtype)
    price = mean_of_present(_price(there * spread), there)
    plain = crossentropy(labels, there, logits)
    noise = standard_normal((-(-n_draws // 2), *ops.shape(logits)), seed, logits + spread)
    noise = ops.cast(ops.concatenate([noise, -noise])[:n_draws], logits.dtype)
    noisy = crossentropy(labels, there, logits + spread * noise)
    gain = -ops.mean(ops.elu(plain - noisy), axis=0)
    return weighted_loss((1.0 + gain) * plain + price, sample_weight)


def _price(spread):
    """exp(spread) - 1, continued with its slope where that is in the hundreds of millions."""
    slope = math.exp(LINEAR_FROM)
    line = math.expm1(LINEAR_FROM) + slope * (spread - LINEAR_FROM)
    # The minimum, for an overflow in what isn't chosen has a NaN for gradient.
    return ops.where(spread < LINEAR_FROM, ops.expm1(ops.minimum(spread, LINEAR_FROM)), line)


def _check_n_draws(n_draws):
    if isinstance(n_draws, bool) or not hasattr(n_draws, "__index__") or n_draws < 1:
        raise ValueError(f"`n_draws` must be a whole number from 1, got n_draws={n_draws!r}.")
