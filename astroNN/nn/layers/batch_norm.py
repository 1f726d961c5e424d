"""Batch normalisation of every element of the inputs over the stars of a batch."""

import keras
import numpy as np
from keras import ops

from astroNN.nn.layers._precision import wide_dtype

__all__ = ["MCBatchNorm"]

# A spread below this fraction of the mean is rounding in float32, not a scale to divide by.
_RELATIVE_ROUNDING = 1e-6


@keras.saving.register_keras_serializable(package="astroNN")
class MCBatchNorm(keras.layers.Layer):
    r"""Batch normalisation for Bayesian networks: by the batch in training, by stored statistics after it.

    Parameters
    ----------
    disable : bool, optional
        True makes the layer an identity. Default False.
    momentum : float, optional
        What the stored statistics keep of themselves in a training step, 0 <= momentum < 1. Default
        0.99.
    epsilon : float, optional
        Added to the variance. Default 1e-10.
    name : str, optional
        Name of the layer.
    **kwargs
        Other arguments of `keras.layers.Layer`.

    Attributes
    ----------
    gamma, beta, moving_mean, moving_variance : keras.Variable, shape of one star's inputs
        Learned scale and offset, stored statistics. At least float32 under every dtype policy.

    Raises
    ------
    ValueError
        If a number is out of its range, or, when built, the shape of the inputs is not fixed.

    See Also
    --------
    keras.layers.BatchNormalization : One mean and variance for each channel of a feature map.

    Notes
    -----
    .. math::

        y = \gamma\, \frac{x - m}{\sqrt{v + \epsilon}} + \beta

    With ``training=True``, m and v are the mean and population variance of each element over the
    stars of the batch (axis 0), and the stored statistics become momentum times themselves plus
    1 - momentum times those. Otherwise m and v are the stored ones.

    "MC" is for training: which stars share a batch is chance, so m and v are random, which acts on
    the network as dropout does (Teye et al. 2018). At prediction the layer is *not* random: Monte
    Carlo inference needs other layers for that, and this one doesn't count as random there.

    An element that is constant over a batch (a dead unit, a batch of one star) has no scale. It is
    centred, not divided, and its stored variance stays as it is; else 1 / sqrt(epsilon) = 1e5 would
    blow up rounding errors, and overflow in float16. Statistics are taken in float32 or better.

    References
    ----------
    Ioffe & Szegedy 2015, ICML, arXiv:1502.03167; Teye, Azizpour & Smith 2018, ICML,
    arXiv:1802.06455.

    Examples
    --------
    >>> import keras, numpy as np
    >>> x = np.array([[1.0, 10.0], [3.0, 10.0]], "float32")
    >>> keras.ops.convert_to_numpy(MCBatchNorm()(x, training=True)).round(3).tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """

    random_at_inference = False

    def __init__(self, disable=False, momentum=0.99, epsilon=1e-10, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.disable = bool(disable)
        self.momentum = _in_range("momentum", momentum, 0.0, 1.0)
        self.epsilon = _in_range("epsilon", epsilon, 0.0, np.inf)
        self.supports_masking = True

    def build(self, input_shape):
        shape = tuple(input_shape[1:])
        if None in shape:
            raise ValueError(
                "MCBatchNorm: every element has statistics of its own, so all axes of the inputs but the first must "
                f"be fixed, got shape {tuple(input_shape)}. keras.layers.BatchNormalization takes other inputs."
            )
        settings = {"shape": shape, "dtype": wide_dtype(self.compute_dtype), "autocast": False}
        self.gamma = self.add_weight(name="gamma", initializer="ones", **settings)
        self.beta = self.add_weight(name="beta", initializer="zeros", **settings)
        self.moving_mean = self.add_weight(name="moving_mean", initializer="zeros", trainable=False, **settings)
        self.moving_variance = self.add_weight(
            name="moving_variance", initializer="ones", trainable=False, **settings
        )

    def call(self, inputs, training=None):
        if self.disable:
            return inputs
        x = ops.cast(inputs, wide_dtype(self.compute_dtype))
        # As in Keras: a frozen layer (trainable = False) keeps its statistics and uses them.
        mean, variance = self._batch_statistics(x) if training and self.trainable else self._stored_statistics()
        scale = ops.rsqrt(variance + self.epsilon) * ops.convert_to_tensor(self.gamma)
        return ops.cast((x - mean) * scale + ops.convert_to_tensor(self.beta), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = {"disable": self.disable, "momentum": self.momentum, "epsilon": self.epsilon}
        return {**super().get_config(), **config}

    def _stored_statistics(self):
        return ops.convert_to_tensor(self.moving_mean), ops.convert_to_tensor(self.moving_variance)

    def _batch_statistics(self, x):
        """Mean and variance of the batch, 1 for a variance of nothing but rounding; updates what is stored."""
        mean = ops.mean(x, axis=0)
        # Deviations first: the mean of squares less the square of the mean cancels in float32.
        variance = ops.mean(ops.square(x - mean), axis=0)
        constant = variance <= ops.square(_RELATIVE_ROUNDING * mean)
        old_mean, old_variance = self._stored_statistics()
        share = 1.0 - self.momentum
        self.moving_mean.assign(old_mean + share * (mean - old_mean))
        self.moving_variance.assign(
            ops.where(constant, old_variance, old_variance + share * (variance - old_variance))
        )
        return mean, ops.where(constant, ops.ones_like(variance), variance)


def _in_range(argument, value, lowest, limit):
    is_number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not is_number or not lowest <= value < limit:
        raise ValueError(
            f"MCBatchNorm: `{argument}` must be a number from {lowest:g} to below {limit:g}, got {value!r}."
        )
    return float(value)
