"""The two layers of a variational autoencoder: the divergence of its latent Gaussians, and a draw from them."""

import keras
from keras import ops

from astroNN.nn.layers._old_config import without_empty_key
from astroNN.nn.layers._pairs import check_pair
from astroNN.nn.layers._precision import wide_dtype
from astroNN.nn.layers._random import RandomLayer

__all__ = ["KLDivergenceLayer", "VAESampling"]


@keras.saving.register_keras_serializable(package="astroNN")
class KLDivergenceLayer(keras.layers.Layer):
    r"""Identity that adds the Kullback-Leibler divergence of latent Gaussians from N(0, 1) to the loss.

    Parameters
    ----------
    name : str, optional
        Name of the layer.
    **kwargs
        Other arguments of `keras.layers.Layer`.

    Raises
    ------
    ValueError
        If the layer is not called on a list of two tensors of the same shape.

    See Also
    --------
    VAESampling : Draws from the same Gaussians.

    Notes
    -----
    The layer is called on the list ``[mean, log_var]``, both of shape (n_stars, ..., n_latent), and returns
    this list. With :math:`v = \ln \sigma^2` the added loss is

    .. math::

       \frac{1}{N} \sum_{n=1}^{N} D_n , \qquad
       D_n = -\frac{1}{2} \sum_l \left( 1 + v_{nl} - \mu_{nl}^2 - e^{v_{nl}} \right)
           = D_\mathrm{KL}\!\left[ \mathcal{N}(\mu_n, \sigma_n^2) \,\|\, \mathcal{N}(0, 1) \right] .

    Between batch and latent axis, further axes are averaged like stars. The loss is computed in float32
    under mixed precision.

    References
    ----------
    Kingma & Welling 2014, ICLR, arXiv:1312.6114, appendix B.

    Examples
    --------
    >>> import numpy as np
    >>> layer = KLDivergenceLayer()
    >>> mean, log_var = layer([np.ones((5, 2), "float32"), np.zeros((5, 2), "float32")])
    >>> float(layer.losses[0])  # each of the two latent numbers: half its squared mean
    1.0
    """

    def __init__(self, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.autocast = False  # the loss sees the inputs as they come
        self.supports_masking = True

    def build(self, input_shape):
        check_pair("KLDivergenceLayer", ("mean", "log_var"), input_shape)
        super().build(input_shape)

    def call(self, inputs):
        mean, log_var = (ops.cast(tensor, wide_dtype(self.compute_dtype)) for tensor in inputs)
        divergence = -0.5 * ops.sum(1.0 + log_var - ops.square(mean) - ops.exp(log_var), axis=-1)
        # The type of the loss, to which Keras adds it, whatever the layer's.
        self.add_loss(ops.cast(ops.mean(divergence), keras.config.floatx()))
        return [ops.cast(tensor, self.compute_dtype) for tensor in inputs]

    def compute_output_shape(self, input_shape):
        return list(input_shape)

    @classmethod
    def from_config(cls, config):
        return super().from_config(without_empty_key(config))


@keras.saving.register_keras_serializable(package="astroNN")
class VAESampling(RandomLayer):
    r"""Draw from latent Gaussians, in training and in prediction.

    Parameters
    ----------
    disable : bool, optional
        True returns the means. Default False.
    seed : int, optional
        Seed of the layer's own random number generator. Default: drawn from Python's generator,
        which `keras.utils.set_random_seed` sets.
    name : str, optional
        Name of the layer.
    **kwargs
        Other arguments of `keras.layers.Layer`.

    Raises
    ------
    ValueError
        If the layer is not called on a list of two tensors of the same shape.

    See Also
    --------
    KLDivergenceLayer : The divergence of the same Gaussians from N(0, 1).

    Notes
    -----
    Called on the list ``[z_mean, z_log_var]``, both of shape (n_stars, n_latent), the layer returns

    .. math::

       z = \mu + e^{v / 2} \, \epsilon , \qquad \epsilon \sim \mathcal{N}(0, 1) ,

    so that gradients reach mean :math:`\mu` and log variance :math:`v`. Each element of each star has noise
    of its own, fresh in each call: in Monte Carlo inference too, where the layer is called in every pass and
    stars never share its noise. It is computed in float32 under mixed precision.

    References
    ----------
    Kingma & Welling 2014, ICLR, arXiv:1312.6114, section 2.4.

    Examples
    --------
    >>> import numpy as np
    >>> z_mean, z_log_var = np.full((4, 2), 3.0, "float32"), np.zeros((4, 2), "float32")
    >>> VAESampling(seed=1)([z_mean, z_log_var]).shape == z_mean.shape
    True
    >>> float(VAESampling(disable=True)([z_mean, z_log_var])[0, 0])
    3.0
    """

    def __init__(self, disable=False, seed=None, name=None, **kwargs):
        super().__init__(disable=disable, seed=seed, name=name, **kwargs)
        self.autocast = False  # the exponential is taken before the type is narrowed

    def build(self, input_shape):
        check_pair("VAESampling", ("z_mean", "z_log_var"), input_shape)
        super().build(input_shape)

    def call(self, inputs):
        if self.disable:
            return self.call_without_noise(inputs)
        z_mean, z_log_var = (ops.cast(tensor, wide_dtype(self.compute_dtype)) for tensor in inputs)
        noise = keras.random.normal(ops.shape(z_mean), seed=self.seed_generator, dtype=z_mean.dtype)
        return ops.cast(z_mean + ops.exp(0.5 * z_log_var) * noise, self.compute_dtype)

    def call_without_noise(self, inputs):
        """The means, not a draw.

        Parameters
        ----------
        inputs : pair of tensors
            Means and logarithms of the variances.

        Returns
        -------
        tensor
            The first of the two.
        """
        return ops.cast(inputs[0], self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[0])
