"""Loss of a network that predicts mixtures of Gaussians, trained on labels with gaps and known errors."""

import keras
from keras import ops

from astroNN.nn.distributions import GaussianMixture
from astroNN.nn.losses._checks import aligned, check_not_symbolic, check_same_shape
from astroNN.nn.losses._missing import as_loss_dtype, filled_pair, magic_num_check, mean_over_present, weighted_loss

__all__ = ["mixture_nll", "mixture_nll_wrapper"]


@keras.saving.register_keras_serializable(package="astroNN")
def mixture_nll(y_true, y_pred, labels_err=None, sample_weight=None):
    r"""Negative log likelihood of labels with known errors under predicted mixtures of Gaussians.

    For every label that was measured, with the means :math:`m_k`, scales :math:`s_k` and weights :math:`w_k` of the
    components and the label's error :math:`e`,

    .. math:: L = -\ln \sum_{k=1}^{K} \frac{w_k}{\sqrt{2 \pi (s_k^2 + e^2)}}
              \exp\left( -\frac{(y - m_k)^2}{2 (s_k^2 + e^2)} \right)

    with the constant of the likelihood, so that it can be compared between kinds of networks.

    Parameters
    ----------
    y_true : tensor, shape (n_stars, n_labels)
        Labels. Magic number or NaN marks a missing one. Shape (n_stars,) will do for a single label.
    y_pred : tensor, shape (n_stars, n_labels, 3, n_components)
        Output of `MixtureDensity`: means, log scales, log weights.
    labels_err : tensor, shape (n_stars, n_labels), optional
        Standard deviations of the labels. An error that is missing counts as 0. Default: exact labels.
    sample_weight : tensor, shape (n_stars,), optional
        Multiplies each star's loss.

    Returns
    -------
    tensor, shape (n_stars,)
        Mean over the labels present; zero, with zero gradient, for a star without any.

    Raises
    ------
    ValueError
        If the shapes don't fit.

    See Also
    --------
    robust_mse : A single Gaussian, without the constant 0.5 ln(2 pi).

    References
    ----------
    Bishop 1994, Mixture density networks, Aston University NCRG/94/004, equation 29.

    Examples
    --------
    >>> one = [[[[1.0], [0.0], [0.0]]]]  # one star, one label, one component: mean 1, scale 1, weight 1
    >>> loss = mixture_nll([[3.0]], one, labels_err=[[3.0**0.5]])  # 4 / (2 * 4) + ln(4) / 2 + ln(2 pi) / 2
    >>> round(float(loss[0]), 4)
    2.1121
    """
    y_pred = as_loss_dtype(y_pred)
    if len(y_pred.shape) != 4 or y_pred.shape[2] != 3:
        raise ValueError(
            "mixture_nll: `y_pred` must have the shape (n_stars, n_labels, 3, n_components) that a `MixtureDensity` "
            f"layer gives, got {tuple(y_pred.shape)}."
        )
    y_true = ops.convert_to_tensor(y_true)
    if len(y_true.shape) == 1 and y_pred.shape[1] == 1:
        # Keras adds this axis by itself only where labels and outputs differ in nothing else.
        y_true = ops.expand_dims(y_true, -1)
    labels, present, _ = filled_pair(y_true, ops.stop_gradient(y_pred[:, :, 0, 0]))
    # At a gap label and parameters are 0: a likely value, whose gradient is finite before it is left out.
    there = ops.expand_dims(present, (-2, -1))
    mixture = GaussianMixture.from_parameters(ops.where(there, y_pred, ops.zeros_like(y_pred)))
    if labels_err is not None:
        mixture = mixture.convolved(_known_errors(labels_err, labels, present))
    return weighted_loss(mean_over_present(-mixture.log_prob(labels), present), sample_weight)


def mixture_nll_wrapper(labels_err):
    r"""Loss of predicted mixtures, given the label errors.

    .. math:: L_i(y, \theta) = \mathtt{mixture\_nll}(y, \theta, e)

    Parameters
    ----------
    labels_err : tensor, shape (n_stars, n_labels)
        Standard deviations of the labels: values of the batch at hand, no symbolic tensor of a model.

    Returns
    -------
    callable
        ``(y_true, y_pred, sample_weight=None)`` to the loss of every star, see `mixture_nll`.

    Raises
    ------
    TypeError
        When called, if it holds a symbolic tensor.
    """

    def mixture(y_true, y_pred, sample_weight=None):
        check_not_symbolic("mixture_nll_wrapper", labels_err=labels_err)
        return mixture_nll(y_true, y_pred, labels_err, sample_weight)

    mixture.__name__ = "mixture_nll_wrapper"
    return mixture


def _known_errors(labels_err, labels, present):
    labels, labels_err = aligned(labels, labels_err)
    check_same_shape("y_true", labels, "labels_err", labels_err)
    known = ops.logical_and(present, ops.logical_not(magic_num_check(labels_err)))
    labels_err = ops.cast(labels_err, labels.dtype)
    return ops.where(known, labels_err, ops.zeros_like(labels_err))
