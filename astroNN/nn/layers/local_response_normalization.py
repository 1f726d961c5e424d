"""Local response normalisation: strong responses damp their neighbours, across channels or over space.

The window sums are products with a matrix of ones along a diagonal. Such a product is one call of a fast library on
every backend, and its gradient another: a tenth of the time of eleven shifted slices, and a quarter of that of
TensorFlow's ``lrn``, in a step of a training. It is as exact as a sum written out (a cumulative sum would lose three
digits), and leaves nothing to what a backend takes for the mean of a window that reaches over the edge.
"""

import math
import numbers

import keras
from keras import ops

from astroNN.nn.layers._precision import wide_dtype
from astroNN.shared.setting_checks import check_at_least

__all__ = ["ChannelResponseNormalization", "SpatialResponseNormalization"]


class _ResponseNormalization(keras.layers.Layer):
    """What both have in common: the strength, and inputs divided by a power of what surrounds them."""

    def __init__(self, offset_name, offset, alpha, beta, **kwargs):
        super().__init__(**kwargs)
        self.autocast = False  # squares are taken before the type is narrowed
        self.alpha, self.beta = self._number("alpha", alpha, 0.0), self._number("beta", beta, 0.0)
        self._offset = self._number(offset_name, offset, 0.0, is_more=True)

    def call(self, inputs):
        x = ops.cast(inputs, wide_dtype(self.compute_dtype))
        scale = self._offset + self.alpha * self._surroundings(ops.square(x))
        # As `power` of these positive numbers, in a third of its time on a CPU.
        return ops.cast(x * ops.exp(-self.beta * ops.log(scale)), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "alpha": self.alpha, "beta": self.beta}

    def _surroundings(self, squares):
        """Sum over the neighbours of every element, in a shape that broadcasts against the inputs."""
        raise NotImplementedError

    def _number(self, name, value, least, is_more=False):
        is_number = isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)
        if not is_number or value < least or (is_more and value == least):
            wanted = f"a number above {least:g}" if is_more else f"a number of at least {least:g}"
            raise ValueError(f"{type(self).__name__}: `{name}` must be {wanted}, got {name}={value!r}.")
        return float(value)


@keras.saving.register_keras_serializable(package="astroNN")
class ChannelResponseNormalization(_ResponseNormalization):
    r"""Local response normalisation across channels, as AlexNet and TensorFlow's ``lrn`` have it.

    .. math::

       y_c = x_c \left( \mathrm{bias} + \alpha \sum_{c' = c - r}^{c + r} x_{c'}^2 \right)^{-\beta}

    for every pixel, with the depth radius r; the window is cut off at the first and the last channel.

    Parameters
    ----------
    depth_radius : int, optional
        Channels on each side that count, 0 or more. Default 5: a window of 11.
    bias : float, optional
        Added to the sum, above 0. Default 1.
    alpha : float, optional
        Weight of the sum, 0 or more; it is not divided by the number of channels. Default 1e-4.
    beta : float, optional
        Power, 0 or more. Default 0.75.
    name : str, optional
        Name of the layer.
    **kwargs
        Other arguments of `keras.layers.Layer`.

    Raises
    ------
    ValueError
        If an argument is out of its range, or the inputs have less than two axes.

    See Also
    --------
    SpatialResponseNormalization : Over neighbouring pixels and all channels.

    Notes
    -----
    Inputs have the shape (n_images, ..., n_channels), with the channels last, and keep it. Sums are taken in float32
    under mixed precision. There are no weights.

    References
    ----------
    Krizhevsky, Sutskever & Hinton 2012, NeurIPS 25, section 3.3.

    Examples
    --------
    >>> import numpy as np
    >>> out = ChannelResponseNormalization()(np.full((1, 1, 1, 96), 10.0, "float32"))
    >>> [round(float(out[0, 0, 0, channel]), 4) for channel in (0, 48)]  # 6 and 11 channels in the window
    [9.5724, 9.2471]
    """

    def __init__(self, depth_radius=5, bias=1.0, alpha=1e-4, beta=0.75, name=None, **kwargs):
        super().__init__("bias", bias, alpha, beta, name=name, **kwargs)
        check_at_least("ChannelResponseNormalization: `depth_radius`", depth_radius, 0)
        self.depth_radius, self.bias = int(depth_radius), self._offset
        self.input_spec = keras.layers.InputSpec(min_ndim=2)

    def _surroundings(self, squares):
        n_channels, radius = ops.shape(squares)[-1], self.depth_radius
        window = _window_matrix(n_channels, radius, radius, squares.dtype)
        # The operator, as `matmul` of Keras on torch multiplies in single precision, whatever it is given.
        return ops.reshape(ops.reshape(squares, (-1, n_channels)) @ window, ops.shape(squares))

    def get_config(self):
        return {**super().get_config(), "depth_radius": self.depth_radius, "bias": self.bias}


@keras.saving.register_keras_serializable(package="astroNN")
class SpatialResponseNormalization(_ResponseNormalization):
    r"""Local response normalisation over space: the mean square of the pixels around, summed over all channels.

    .. math::

       y_{ijc} = x_{ijc} \left( k + \alpha \sum_{c'} \left\langle x_{c'}^2 \right\rangle_{n \times n} \right)^{-\beta}

    with the mean over the n x n pixels around (i, j). At an edge it is the mean of the pixels that exist. All
    channels of a pixel are divided by the same number.

    Parameters
    ----------
    n : int, optional
        Height and width of the neighbourhood in pixels, 1 or more; of an even one the larger half is below and to the
        right. Default 5.
    alpha : float, optional
        Weight of the sum, 0 or more. Default 1e-4.
    beta : float, optional
        Power, 0 or more. Default 0.75.
    k : float, optional
        Added to the sum, above 0. Default 1.
    name : str, optional
        Name of the layer.
    **kwargs
        Other arguments of `keras.layers.Layer`.

    Raises
    ------
    ValueError
        If an argument is out of its range, or the inputs don't have four axes.

    See Also
    --------
    ChannelResponseNormalization : Over neighbouring channels, each pixel by itself.

    Notes
    -----
    Inputs have the shape (n_images, height, width, n_channels), with the channels last, and keep it. Sums are taken
    in float32 under mixed precision. There are no weights.

    Examples
    --------
    >>> import numpy as np
    >>> out = SpatialResponseNormalization()(np.full((1, 6, 6, 96), 10.0, "float32"))
    >>> round(float(out[0, 0, 0, 0]), 4), round(float(out[0, 3, 3, 95]), 4)
    (6.0368, 6.0368)
    """

    def __init__(self, n=5, alpha=1e-4, beta=0.75, k=1.0, name=None, **kwargs):
        super().__init__("k", k, alpha, beta, name=name, **kwargs)
        check_at_least("SpatialResponseNormalization: `n`", n, 1)
        self.n, self.k = int(n), self._offset
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def _surroundings(self, squares):
        # The channels first: the means are then those of a single image.
        energy = ops.sum(squares, axis=-1)
        below, above = (self.n - 1) // 2, self.n // 2
        height, width = (ops.shape(energy)[axis] for axis in (1, 2))
        over_rows, over_columns = (_averaging(_window_matrix(n, below, above, energy.dtype)) for n in (height, width))
        return (over_rows @ energy @ ops.transpose(over_columns))[..., None]

    def get_config(self):
        return {**super().get_config(), "n": self.n, "k": self.k}


def _window_matrix(size, below, above, dtype):
    """Matrix with 1 where element j lies at most `below` before or `above` behind element i, else 0."""
    places = ops.arange(size)
    steps = places[None, :] - places[:, None]
    return ops.cast(ops.logical_and(steps >= -below, steps <= above), dtype)


def _averaging(window):
    """Windows of weight 1, so that those cut off at the edge are means of what is left."""
    return window / ops.sum(window, axis=1, keepdims=True)
