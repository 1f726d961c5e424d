"""Multiplication by Gaussian noise that stays on at prediction."""

import math

import keras
from keras import ops

from astroNN.nn.layers._random import NoiseLayer, checked_rate

__all__ = ["MCGaussianDropout"]


@keras.saving.register_keras_serializable(package="astroNN")
class MCGaussianDropout(NoiseLayer):
    r"""Multiplication by Gaussian noise with the mean and variance of dropout, always on.

    Parameters
    ----------
    rate : float
        Rate of the dropout that has the same mean and variance, 0 <= rate < 1.
    disable : bool, optional
        True makes the layer an identity. Default False.
    seed : int, optional
        Seed of the layer's own random number generator. Default: drawn from Python's generator,
        which `keras.utils.set_random_seed` sets.
    name : str, optional
        Name of the layer.
    **kwargs
        Other arguments of `keras.layers.Layer`.

    Attributes
    ----------
    stddev : float
        Standard deviation of the noise.

    Raises
    ------
    ValueError
        If `rate` is outside [0, 1).

    See Also
    --------
    MCDropout : The same mean and variance from elements that are kept or not.

    Notes
    -----
    .. math::

        y = x\,(1 + \sigma \varepsilon), \qquad \sigma = \sqrt{\frac{p}{1 - p}}, \qquad
        \varepsilon \sim \mathcal{N}(0, 1)

    for each element, with rate p. The mean is x, the variance p / (1 - p) x^2.

    References
    ----------
    Srivastava et al. 2014, JMLR 15, 1929, section 10.

    Examples
    --------
    >>> import numpy as np
    >>> out = np.asarray(MCGaussianDropout(0.2, seed=1)(np.ones((1, 100000), "float32")))
    >>> round(float(out.mean()), 2), round(float(out.std()), 2)
    (1.0, 0.5)
    """

    independent_elements = True

    def __init__(self, rate, disable=False, seed=None, name=None, **kwargs):
        super().__init__(disable=disable, seed=seed, name=name, **kwargs)
        self.rate = checked_rate(type(self).__name__, rate)

    @property
    def random_at_inference(self):
        """Whether two calls on the same input differ."""
        return not self.disable and self.rate > 0

    @property
    def stddev(self):
        """Standard deviation of the noise."""
        return math.sqrt(self.rate / (1.0 - self.rate))

    def sample_noise(self, stream, shape):
        """Standard normal numbers from a stream.

        Parameters
        ----------
        stream : NoiseStream
            Of the pass and block.
        shape : tuple
            As `noise_shape_for` gives it.

        Returns
        -------
        array of float32
            Of this shape.
        """
        return stream.normal(shape)

    def draw_noise(self, shape):
        """Standard normal numbers from the layer's own generator, for use inside a graph.

        Parameters
        ----------
        shape : tuple
            As `noise_shape_for` gives it.

        Returns
        -------
        tensor of float32
            Of this shape.
        """
        return keras.random.normal(shape, seed=self.seed_generator, dtype="float32")

    def call_with_noise(self, inputs, noise):
        """Apply noise.

        Parameters
        ----------
        inputs : tensor
            As in a call.
        noise : tensor
            Standard normal numbers; broadcast against the inputs.

        Returns
        -------
        tensor, shape of `inputs`
            Times 1 + noise, of the layer's standard deviation.
        """
        inputs = ops.cast(inputs, self.compute_dtype)
        return inputs * ops.cast(1.0 + self.stddev * noise, inputs.dtype)

    def get_config(self):
        return {**super().get_config(), "rate": self.rate}
