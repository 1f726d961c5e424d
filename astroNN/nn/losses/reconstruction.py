"""Losses of autoencoders: how well the pixels that were observed are reconstructed."""

import keras
from keras import ops

from astroNN.nn.losses._missing import weighted_loss
from astroNN.nn.losses._residuals import residual
from astroNN.nn.losses.classification import binary_crossentropy

__all__ = ["mean_squared_reconstruction_error", "nll"]


@keras.saving.register_keras_serializable(package="astroNN")
def mean_squared_reconstruction_error(y_true, y_pred, sample_weight=None):
    r"""Squared error of a reconstruction, summed over the pixels of each sample.

    .. math:: L_i = \sum_{p\,\mathrm{present}} (y_{ip} - \hat y_{ip})^2

    Keras takes the mean over the samples. The sum over the pixels, rather than their mean, is what balances the
    Kullback-Leibler term of a variational autoencoder: it is the negative log likelihood of pixels with a Gaussian
    error of variance 1/2. Missing pixels are left out of the sum, and it isn't scaled up for them.

    Parameters
    ----------
    y_true : tensor, shape (n_samples, ...)
        Spectra (n_samples, n_pixels) or (n_samples, n_pixels, 1), images, or whatever was encoded: everything but
        the first axis is summed over. Magic number or NaN marks a missing pixel.
    y_pred : tensor, shape of `y_true`
        Reconstruction.
    sample_weight : tensor, shape (n_samples,), optional
        Multiplies each sample's loss. Default: every sample counts once.

    Returns
    -------
    tensor, shape (n_samples,)
        Zero for a sample without any pixel.

    Raises
    ------
    ValueError
        If the shapes differ, or there is no axis beside that of the samples.

    Examples
    --------
    >>> loss = mean_squared_reconstruction_error([[1.0, -9999.0, 3.0]], [[0.0, 7.0, 5.0]])
    >>> float(loss[0])
    5.0
    """
    error, _ = residual(y_true, y_pred)
    if len(error.shape) < 2:
        raise ValueError(
            f"mean_squared_reconstruction_error: `y_true` must have the shape (n_samples, n_pixels) or more axes, "
            f"got {tuple(error.shape)}. Give a single spectrum as one row, `spectrum[None]`."
        )
    return weighted_loss(ops.sum(ops.square(error), axis=tuple(range(1, len(error.shape)))), sample_weight)


@keras.saving.register_keras_serializable(package="astroNN")
def nll(y_true, y_pred, sample_weight=None):
    r"""Negative log likelihood of a Bernoulli variable, mean over the labels present of each sample.

    .. math:: L_i = -\frac{1}{n_i} \sum_{j\,\mathrm{present}}
        \left[ y_{ij} \ln \hat y_{ij} + (1 - y_{ij}) \ln(1 - \hat y_{ij}) \right]

    It is `binary_crossentropy` of probabilities by the name that autoencoders use. The established function
    returned one number, the sum of these values over the batch, which made a step depend on the batch size; sum the
    result to get it. For the likelihood of a whole sample multiply by its number of labels.

    Treatment of missing labels and errors are those of `binary_crossentropy`.

    Parameters
    ----------
    y_true, y_pred : tensor, shape (n_samples, n_labels)
        Labels, 0, 1 or a probability, and predicted probabilities.
    sample_weight : tensor, shape (n_samples,), optional
        Multiplies each sample's loss.

    Returns
    -------
    tensor, shape (n_samples,)
        Zero for a sample without any label.

    Examples
    --------
    >>> loss = nll([[1.0, -9999.0, 1.0], [1.0, -9999.0, 0.0]], [[0.5, 0.0, 1.0], [1.0, 0.0, 0.0]])
    >>> [round(float(value), 4) for value in loss]
    [0.3466, 0.0]
    """
    return binary_crossentropy(y_true, y_pred, sample_weight)
