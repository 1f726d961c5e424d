"""Layers between magnitudes, parallaxes and the pseudo-luminosity fakemag."""

import math

import keras
import numpy as np
from keras import ops

__all__ = ["FAKEMAG_SCALE", "ApparentParallax", "DeNormAdd"]

#: what the unit output of the luminosity part is worth in fakemag: it starts training near typical giants
FAKEMAG_SCALE = 73.85


@keras.saving.register_keras_serializable(package="astroNN")
class DeNormAdd(keras.layers.Layer):
    """Add a constant: undo the centring of a column inside a network.

    Parameters
    ----------
    norm : float or array
        What is added.
    name : str, optional
        Name of the layer.
    """

    def __init__(self, norm, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.norm = np.asarray(norm, "float32").tolist()

    def call(self, inputs):
        return inputs + ops.convert_to_tensor(self.norm, dtype=inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "norm": self.norm}


@keras.saving.register_keras_serializable(package="astroNN")
class ApparentParallax(keras.layers.Layer):
    r"""Parallax and its log variance from luminosity, apparent magnitude and zero-point offset.

    With fakemag :math:`F = 73.85 f` (:math:`F = \varpi\, 10^{m/5}`, :math:`\varpi` in mas), of the predicted variance
    :math:`\sigma_F^2 = 73.85\, e^{v}`,

    .. math:: \varpi = F\, 10^{-m/5} + \mathrm{offset}, \qquad
              \ln \sigma_\varpi^2 = \ln \left( \sigma_F^2 \, 10^{-2m/5} \right)

    Called with [f, v, m, offset]; gives [parallax, log variance]. (Version 1 multiplied :math:`\sigma_F^2` by
    :math:`10^{-m/5}` alone: the spread that it predicted for the fakemag was too small by :math:`10^{m/10}`.)

    References
    ----------
    Leung & Bovy 2019, MNRAS 489, 2079, arXiv:1902.08634.
    """

    def call(self, inputs):
        luminosity, log_variance, magnitude, offset = inputs
        # In logarithms, as 10^(-m / 5) and exp(v) may each leave the range of half precision.
        log_distance = -0.2 * math.log(10.0) * ops.cast(magnitude, "float32")
        log_scale = math.log(FAKEMAG_SCALE)
        parallax = ops.cast(luminosity, "float32") * ops.exp(log_scale + log_distance) + ops.cast(offset, "float32")
        return [parallax, ops.cast(log_variance, "float32") + log_scale + 2.0 * log_distance]

    def compute_output_shape(self, input_shape):
        return [input_shape[0], input_shape[1]]
