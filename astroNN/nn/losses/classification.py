"""Losses and accuracies of classification for label tables with gaps."""

import keras
from keras import ops

from astroNN.nn.losses._missing import checked_pair, filled_pair, weighted_loss
from astroNN.nn.losses._residuals import mean_of_present

__all__ = [
    "binary_accuracy",
    "binary_accuracy_from_logits",
    "binary_crossentropy",
    "binary_crossentropy_from_logits",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_crossentropy_from_logits",
]

# In place of a logit that isn't finite at a missing class: of no weight in a softmax, as minus infinity, but finite.
NO_LOGIT = -1e30
ONE_HOT = (
    " If `y_true` holds the number of the class of each star, give one-hot labels instead, "
    "`keras.utils.to_categorical(y_true, n_classes)`."
)


@keras.saving.register_keras_serializable(package="astroNN")
def categorical_crossentropy(y_true=None, y_pred=None, sample_weight=None, from_logits=False):
    r"""Cross entropy of one class out of several.

    .. math:: L_i = -\frac{D}{n_i} \sum_{j\,\mathrm{present}} y_{ij} \ln p_{ij}, \qquad
        p_{ij} = \frac{\hat y_{ij}}{\sum_k \hat y_{ik}} \quad\text{or}\quad
        p_{ij} = \frac{e^{\hat y_{ij}}}{\sum_k e^{\hat y_{ik}}} \;\text{(logits)}

    with :math:`D` classes, of which :math:`n_i` have a label.

    Parameters
    ----------
    y_true : tensor, shape (n_stars, n_classes)
        1 for the class of the star and 0 for the others, or probabilities. Magic number or NaN marks a missing
        label, usually in the whole row.
    y_pred : tensor, shape (n_stars, n_classes)
        Predicted probabilities, or logits. Probabilities are divided by their sum and cut off at
        ``keras.config.epsilon()`` from below. Where the label is missing the prediction still takes part in the
        normalisation, as a constant without gradient, or not at all if it is NaN or infinite.
    sample_weight : tensor, shape (n_stars,), optional
        Multiplies each star's loss. Default: every star counts once.
    from_logits : bool, optional
        Whether `y_pred` are logits. Default False.

    Returns
    -------
    tensor, shape (n_stars,), or callable
        The loss, zero for a star without any label. Called without tensors, as in
        ``model.compile(loss=categorical_crossentropy(from_logits=True))``: the function to use as the loss.

    Raises
    ------
    ValueError
        If the shapes of `y_true` and `y_pred` differ, as they do for numbers of classes in place of one-hot labels,
        or there are no classes.

    Examples
    --------
    >>> loss = categorical_crossentropy([[0.0, 1.0], [-9999.0, -9999.0]], [[0.5, 0.5], [0.9, 0.1]])
    >>> [round(float(value), 4) for value in loss]
    [0.6931, 0.0]
    """
    if _without_tensors("categorical_crossentropy", y_true, y_pred, sample_weight):
        return categorical_crossentropy_from_logits if from_logits else categorical_crossentropy
    labels, there, y_pred = classes(y_true, y_pred, NO_LOGIT if from_logits else 0.0)
    if from_logits:
        return weighted_loss(softmax_crossentropy(labels, there, y_pred), sample_weight)
    eps = keras.config.epsilon()
    total = ops.maximum(ops.sum(y_pred, axis=-1, keepdims=True), eps)
    return weighted_loss(_categorical(labels, there, ops.log(ops.maximum(y_pred / total, eps))), sample_weight)


@keras.saving.register_keras_serializable(package="astroNN")
def categorical_crossentropy_from_logits(y_true, y_pred, sample_weight=None):
    r"""Cross entropy of one class out of several, from logits.

    .. math:: L_i = -\frac{D}{n_i} \sum_{j\,\mathrm{present}} y_{ij} \left(
        \hat y_{ij} - \ln \sum_k e^{\hat y_{ik}} \right)

    What ``categorical_crossentropy(from_logits=True)`` returns, under a name that a saved network can keep.
    Treatment of missing labels and errors are those of `categorical_crossentropy`.

    Parameters
    ----------
    y_true, y_pred : tensor, shape (n_stars, n_classes)
        Labels as for `categorical_crossentropy`, and predicted logits.
    sample_weight : tensor, shape (n_stars,), optional
        Multiplies each star's loss.

    Returns
    -------
    tensor, shape (n_stars,)
        Zero for a star without any label.

    Examples
    --------
    >>> round(float(categorical_crossentropy_from_logits([[0.0, 1.0]], [[3.0, 3.0]])[0]), 4)
    0.6931
    """
    return categorical_crossentropy(y_true, y_pred, sample_weight, from_logits=True)


@keras.saving.register_keras_serializable(package="astroNN")
def binary_crossentropy(y_true=None, y_pred=None, sample_weight=None, from_logits=False):
    r"""Cross entropy of labels that are each 0 or 1 by themselves, mean over those that are known.

    .. math:: L_i = -\frac{1}{n_i} \sum_{j\,\mathrm{present}}
        \left[ y_{ij} \ln p_{ij} + (1 - y_{ij}) \ln(1 - p_{ij}) \right]

    with the predicted probabilities :math:`p`, or :math:`p = 1 / (1 + e^{-\hat y})` of predicted logits, where
    :math:`n_i` is the number of labels of star :math:`i` that are present.

    Parameters
    ----------
    y_true : tensor, shape (n_stars, n_labels)
        0, 1, or a probability. Magic number or NaN marks a missing label: it contributes nothing, and the
        prediction at it has no gradient.
    y_pred : tensor, shape (n_stars, n_labels)
        Predicted probabilities, or logits. Both :math:`p` and :math:`1 - p` are cut off at
        ``keras.config.epsilon()`` from below.
    sample_weight : tensor, shape (n_stars,), optional
        Multiplies each star's loss. Default: every star counts once.
    from_logits : bool, optional
        Whether `y_pred` are logits. Default False.

    Returns
    -------
    tensor, shape (n_stars,), or callable
        The loss, zero for a star without any label. Called without tensors, as in
        ``model.compile(loss=binary_crossentropy(from_logits=False))``: the function to use as the loss.

    Raises
    ------
    ValueError
        If the shapes of `y_true` and `y_pred` differ.

    Examples
    --------
    >>> loss = binary_crossentropy([[1.0, 0.0, float("nan")]], [[0.5, 0.5, 0.9]])
    >>> round(float(loss[0]), 4)
    0.6931
    >>> binary_crossentropy(from_logits=False) is binary_crossentropy
    True
    """
    if _without_tensors("binary_crossentropy", y_true, y_pred, sample_weight):
        return binary_crossentropy_from_logits if from_logits else binary_crossentropy
    labels, there, y_pred = flags(y_true, y_pred)
    if from_logits:
        return weighted_loss(sigmoid_crossentropy(labels, there, y_pred), sample_weight)
    eps = keras.config.epsilon()
    # Labels are zero at the gaps, and so is `there - labels`: both terms vanish there.
    element = (labels - there) * ops.log(ops.clip(1.0 - y_pred, eps, 1.0))
    element = element - labels * ops.log(ops.clip(y_pred, eps, 1.0))
    return weighted_loss(mean_of_present(element, there), sample_weight)


@keras.saving.register_keras_serializable(package="astroNN")
def binary_crossentropy_from_logits(y_true, y_pred, sample_weight=None):
    r"""Cross entropy of labels that are each 0 or 1 by themselves, from logits.

    .. math:: L_i = \frac{1}{n_i} \sum_{j\,\mathrm{present}}
        \left[ \ln(1 + e^{\hat y_{ij}}) - y_{ij} \hat y_{ij} \right]

    What ``binary_crossentropy(from_logits=True)`` returns, under a name that a saved network can keep. Treatment of
    missing labels and errors are those of `binary_crossentropy`.

    Parameters
    ----------
    y_true, y_pred : tensor, shape (n_stars, n_labels)
        Labels as for `binary_crossentropy`, and predicted logits.
    sample_weight : tensor, shape (n_stars,), optional
        Multiplies each star's loss.

    Returns
    -------
    tensor, shape (n_stars,)
        Zero for a star without any label.

    Examples
    --------
    >>> round(float(binary_crossentropy_from_logits([[1.0, -9999.0]], [[0.0, 5.0]])[0]), 4)
    0.6931
    """
    return binary_crossentropy(y_true, y_pred, sample_weight, from_logits=True)


@keras.saving.register_keras_serializable(package="astroNN")
def categorical_accuracy(y_true, y_pred, sample_weight=None):
    r"""Whether the most probable class is the true one.

    .. math:: A_i = \left[ \arg\max_j \, m_{ij} y_{ij} = \arg\max_j \, \hat y_{ij} \right]

    with :math:`m_{ij} = 1` where the label is present and 0 where it is missing.

    Parameters
    ----------
    y_true : tensor, shape (n_stars, n_classes)
        1 for the class of the star and 0 for the others. Magic number or NaN, which counts as 0, marks a missing
        label.
    y_pred : tensor, shape (n_stars, n_classes)
        Predicted probabilities or logits.
    sample_weight : tensor, shape (n_stars,), optional
        Multiplies each star's value. Default: every star counts once.

    Returns
    -------
    tensor, shape (n_stars,)
        1 or 0; zero for a star without any label.

    Raises
    ------
    ValueError
        If the shapes of `y_true` and `y_pred` differ.

    Examples
    --------
    >>> right = categorical_accuracy([[0.0, 1.0], [1.0, 0.0]], [[0.2, 0.8], [0.4, 0.6]])
    >>> [float(value) for value in right]
    [1.0, 0.0]
    """
    labels, there, y_pred = classes(y_true, y_pred, NO_LOGIT)
    right = ops.equal(ops.argmax(labels, axis=-1), ops.argmax(y_pred, axis=-1))
    right = ops.logical_and(right, ops.any(there > 0, axis=-1))
    return weighted_loss(ops.cast(right, y_pred.dtype), sample_weight)


@keras.saving.register_keras_serializable(package="astroNN")
def binary_accuracy(y_true=None, y_pred=None, sample_weight=None, from_logits=False):
    r"""Share of right answers among the labels, each 0 or 1, that are known.

    .. math:: A_i = \frac{1}{n_i} \sum_{j\,\mathrm{present}} \left[ y_{ij} = \mathrm{round}(\hat y_{ij}) \right]

    Treatment of missing labels and errors are those of `binary_crossentropy`. A probability of exactly one half
    counts as 0.

    Parameters
    ----------
    y_true, y_pred : tensor, shape (n_stars, n_labels)
        Labels, 0 or 1, and predicted probabilities or logits.
    sample_weight : tensor, shape (n_stars,), optional
        Multiplies each star's share.
    from_logits : bool, optional
        Whether `y_pred` are logits. Default False.

    Returns
    -------
    tensor, shape (n_stars,), or callable
        The share, zero for a star without any label. Called without tensors, as in
        ``model.compile(metrics=[binary_accuracy(from_logits=False)])``: the function to use as the metric.

    Examples
    --------
    >>> float(binary_accuracy([[1.0, 0.0, -9999.0]], [[0.8, 0.7, 0.9]])[0])
    0.5
    >>> binary_accuracy(from_logits=True).__name__
    'binary_accuracy_from_logits'
    """
    if _without_tensors("binary_accuracy", y_true, y_pred, sample_weight):
        return binary_accuracy_from_logits if from_logits else binary_accuracy
    labels, there, y_pred = flags(y_true, y_pred)
    # The sigmoid rounds to 1 where the logit is positive.
    answer = ops.cast(y_pred > 0, y_pred.dtype) if from_logits else ops.round(y_pred)
    return weighted_loss(
        mean_of_present(there * ops.cast(ops.equal(labels, answer), y_pred.dtype), there), sample_weight
    )


@keras.saving.register_keras_serializable(package="astroNN")
def binary_accuracy_from_logits(y_true, y_pred, sample_weight=None):
    r"""Share of right answers among the labels, each 0 or 1, that are known, from logits.

    .. math:: A_i = \frac{1}{n_i} \sum_{j\,\mathrm{present}} \left[ y_{ij} = (\hat y_{ij} > 0) \right]

    Treatment of missing labels and errors are those of `binary_crossentropy`.

    Parameters
    ----------
    y_true, y_pred : tensor, shape (n_stars, n_labels)
        Labels, 0 or 1, and predicted logits.
    sample_weight : tensor, shape (n_stars,), optional
        Multiplies each star's share.

    Returns
    -------
    tensor, shape (n_stars,)
        Zero for a star without any label.

    Examples
    --------
    >>> float(binary_accuracy_from_logits([[1.0, 0.0, -9999.0]], [[2.0, 3.0, 5.0]])[0])
    0.5
    """
    return binary_accuracy(y_true, y_pred, sample_weight, from_logits=True)


def flags(y_true, y_pred, absent=0.0):
    """Labels that are each 0 or 1, where they are present as 1 and 0, and predictions as floats.

    Where the label is missing all three are 0 (`absent` is for classes).
    """
    labels, present, y_pred = filled_pair(y_true, y_pred)
    return labels, ops.cast(present, y_pred.dtype), y_pred


def classes(y_true, y_pred, absent):
    """Labels of classes with zeros at the gaps, where they are present as 1 and 0, and predictions as floats.

    Where the label is missing the prediction is a constant, as a softmax spreads gradients over all classes, and
    `absent` if it isn't finite.
    """
    y_true = ops.convert_to_tensor(y_true)
    are_numbers = len(y_true.shape) == 1 or y_true.shape[-1:] == (1,)
    y_true, present, y_pred = checked_pair(y_true, y_pred, ONE_HOT if are_numbers else "")
    if y_pred.shape[-1] == 0:
        raise ValueError(f"`y_true` and `y_pred` must have one class or more, got shape {tuple(y_pred.shape)}.")
    constant = ops.stop_gradient(y_pred)
    constant = ops.where(ops.isfinite(constant), constant, ops.full_like(constant, absent))
    labels = ops.where(present, y_true, ops.zeros_like(y_true))
    return labels, ops.cast(present, y_pred.dtype), ops.where(present, y_pred, constant)


def softmax_crossentropy(labels, there, logits):
    """Categorical cross entropy over the last axis, of labels with zeros at the gaps."""
    return _categorical(labels, there, ops.log_softmax(logits, axis=-1))


def sigmoid_crossentropy(labels, there, logits):
    """Binary cross entropy, mean over the labels present of the last axis, of labels with zeros at the gaps."""
    return mean_of_present(there * ops.softplus(logits) - labels * logits, there)


def _categorical(labels, there, log_probability):
    # A plain minus would make -0. of a row without labels.
    return labels.shape[-1] * (0.0 - mean_of_present(labels * log_probability, there))


def _without_tensors(name, y_true, y_pred, sample_weight):
    """Whether a loss was called for the function to use; a TypeError if it was given half of its tensors."""
    given = [y_true is not None, y_pred is not None]
    if not any(given) and sample_weight is None:
        return True
    if not all(given):
        raise TypeError(
            f"{name}: give both `y_true` and `y_pred` for the value, or neither, as in "
            f"`{name}(from_logits=False)`, for the function to train with."
        )
    return False
