"""Keras model of an autoencoder whose loss is the evidence lower bound."""

import keras
from keras import ops

from astroNN.nn.layers import KLDivergenceLayer
from astroNN.nn.losses import mean_squared_reconstruction_error

__all__ = ["VariationalAutoencoder"]


@keras.saving.register_keras_serializable(package="astroNN")
class VariationalAutoencoder(keras.Model):
    r"""Encoder and decoder in one functional model, with outputs ``output``, ``z_mean`` and ``z_log_var``.

    The loss of a star is the reconstruction error summed over its pixels, plus the Kullback-Leibler divergence of the
    latent distribution from a standard normal one,

    .. math:: L = \sum_p (y_p - \hat y_p)^2 - \tfrac12 \sum_l \left(1 + \ln \sigma_l^2 - \mu_l^2 - \sigma_l^2\right)

    Parameters
    ----------
    *args, **kwargs
        Of `keras.Model`.

    References
    ----------
    Kingma & Welling 2014, ICLR, arXiv:1312.6114.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.reconstruction_loss_tracker = keras.metrics.Mean(name="reconstruction_loss")
        self.kl_loss_tracker = keras.metrics.Mean(name="kl_loss")

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Mean over the stars of the two terms, plus the regularisation terms of the layers.

        Parameters
        ----------
        x : dict of tensors
            Not used.
        y : dict of tensors
            With ``output``: what is to be reconstructed; the magic number or NaN marks a missing pixel.
        y_pred : dict of tensors
            With ``output``, ``z_mean`` and ``z_log_var``.
        sample_weight : tensor, shape (n_stars,), optional
            One weight per star.
        training : bool, optional
            Not used: the loss is the same in training and in evaluation.

        Returns
        -------
        scalar tensor
            What training minimises.
        """
        weight = sample_weight["output"] if isinstance(sample_weight, dict) else sample_weight
        reconstruction = y_pred["output"]
        target = ops.reshape(y["output"], ops.shape(reconstruction))
        error = mean_squared_reconstruction_error(target, reconstruction, weight)
        divergence = latent_divergence(y_pred["z_mean"], y_pred["z_log_var"])
        if weight is not None:
            divergence = divergence * ops.cast(weight, divergence.dtype)
        # A KLDivergenceLayer of the recipe, as in version 1.0, has put the divergence among the layers' losses.
        in_a_layer = any(isinstance(layer, KLDivergenceLayer) for layer in self._flatten_layers())
        self.reconstruction_loss_tracker.update_state(error)
        self.kl_loss_tracker.update_state(divergence)
        return sum(self.losses, ops.mean(error) + (0.0 if in_a_layer else ops.mean(divergence)))


def latent_divergence(z_mean, z_log_var):
    """Divergence of every star's latent distribution from the standard normal one, shape (n_stars,)."""
    z_mean, z_log_var = ops.cast(z_mean, "float32"), ops.cast(z_log_var, "float32")
    return -0.5 * ops.sum(1.0 + z_log_var - ops.square(z_mean) - ops.exp(z_log_var), axis=-1)
