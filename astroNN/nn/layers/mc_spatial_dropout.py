"""Dropout of whole channels that stays on at prediction.

Neighbouring pixels of a feature map say nearly the same. To drop single ones takes little information
away; to drop the channel does.
"""

import keras

from astroNN.nn.layers.mc_dropout import MCDropout

__all__ = ["MCSpatialDropout1D", "MCSpatialDropout2D"]


class _MCSpatialDropout(MCDropout):
    """Dropout with one draw for each star and channel; subclasses name the axes of their inputs."""

    axes = ()

    def __init__(self, rate, disable=False, seed=None, name=None, **kwargs):
        noise_shape = (None, *[1] * (len(self.axes) - 2), None)
        super().__init__(rate, disable=disable, noise_shape=noise_shape, seed=seed, name=name, **kwargs)

    def build(self, input_shape):
        self._check(input_shape)

    def noise_shape_for(self, input_shape):
        self._check(input_shape)
        return super().noise_shape_for(input_shape)

    def compute_output_shape(self, input_shape):
        self._check(input_shape)
        return input_shape

    def get_config(self):
        config = super().get_config()
        del config["noise_shape"]
        return config

    @classmethod
    def from_config(cls, config):
        # Versions up to 1.1 wrote the mask's shape, which this layer knows by itself.
        return cls(**{key: value for key, value in config.items() if key != "noise_shape"})

    def _check(self, input_shape):
        if len(input_shape) != len(self.axes):
            raise ValueError(
                f"{type(self).__name__}: the inputs must have the axes ({', '.join(self.axes)}), got shape "
                f"{tuple(input_shape)}. Use MCSpatialDropout1D after layers on spectra, MCSpatialDropout2D after "
                "those on images, and MCDropout for flat inputs."
            )


@keras.saving.register_keras_serializable(package="astroNN")
class MCSpatialDropout1D(_MCSpatialDropout):
    r"""Dropout of whole channels of spectra or other sequences, always on.

    .. math:: y_{ntc} = \frac{z_{nc}}{1 - p} \, x_{ntc}, \qquad z_{nc} \sim \mathrm{Bernoulli}(1 - p)

    Parameters
    ----------
    rate : float
        Fraction of the channels to drop, 0 <= rate < 1. The others are scaled by 1 / (1 - rate).
    disable : bool, optional
        True makes the layer an identity. Default False.
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
        If `rate` is outside [0, 1), or the inputs have not three axes.

    See Also
    --------
    MCDropout : Single elements are dropped.

    Notes
    -----
    Inputs and outputs have shape (n_stars, n_pixels, n_channels). Element x of channel c becomes
    z_c x / (1 - rate), with one z_c for each star and channel: 1 with probability 1 - rate, else 0.
    The mean is x, the variance rate / (1 - rate) x^2; elements of one channel are dropped together.

    References
    ----------
    Tompson et al. 2015, CVPR, arXiv:1411.4280; Gal & Ghahramani 2016, ICML, arXiv:1506.02142.

    Examples
    --------
    >>> import numpy as np
    >>> out = np.asarray(MCSpatialDropout1D(0.5, seed=1)(np.ones((1, 100, 8), "float32")))
    >>> bool((out == out[:, :1]).all())
    True
    """

    axes = ("n_stars", "n_pixels", "n_channels")


@keras.saving.register_keras_serializable(package="astroNN")
class MCSpatialDropout2D(_MCSpatialDropout):
    r"""Dropout of whole channels of images, always on.

    .. math:: y_{nhwc} = \frac{z_{nc}}{1 - p} \, x_{nhwc}, \qquad z_{nc} \sim \mathrm{Bernoulli}(1 - p)

    Parameters
    ----------
    rate : float
        Fraction of the channels to drop, 0 <= rate < 1. The others are scaled by 1 / (1 - rate).
    disable : bool, optional
        True makes the layer an identity. Default False.
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
        If `rate` is outside [0, 1), or the inputs have not four axes.

    See Also
    --------
    MCSpatialDropout1D : The same for spectra, with the equation.

    Notes
    -----
    Inputs and outputs have shape (n_stars, height, width, n_channels): channels last.

    References
    ----------
    Tompson et al. 2015, CVPR, arXiv:1411.4280; Gal & Ghahramani 2016, ICML, arXiv:1506.02142.

    Examples
    --------
    >>> import numpy as np
    >>> out = np.asarray(MCSpatialDropout2D(0.5, seed=1)(np.ones((1, 20, 20, 8), "float32")))
    >>> bool((out == out[:, :1, :1]).all())
    True
    """

    axes = ("n_stars", "height", "width", "n_channels")
