"""Monte Carlo passes by plain means: copies of the inputs along a new axis, and moments over an axis."""

import keras
import numpy as np
from keras import ops, tree

from astroNN.nn.layers._old_config import without_empty_key
from astroNN.nn.layers._precision import wide_dtype
from astroNN.shared.setting_checks import check_at_least

__all__ = ["FastMCInferenceMeanVar", "FastMCRepeat"]


@keras.saving.register_keras_serializable(package="astroNN")
class FastMCInferenceMeanVar(keras.layers.Layer):
    r"""Mean and population variance over the passes.

    Parameters
    ----------
    axis : int, optional
        Axis of the passes. Default 0, for (n, N, D); 1 fits `FastMCRepeat`.
    name : str, optional
        Name of the layer.
    **kwargs
        Other arguments of `keras.layers.Layer`.

    Raises
    ------
    ValueError
        If `axis` is no integer, or the inputs lack it.

    Notes
    -----
    Shape (n, N, D) becomes (N, D, 2), in tensors, lists or dictionaries of them:

    .. math::

       \bar y = \frac{1}{n} \sum_{t=1}^{n} y_t , \qquad s^2 = \frac{1}{n} \sum_{t=1}^{n} (y_t - \bar y)^2 .

    No axis is squeezed. Computed and returned in float32 under mixed precision, since the variance of
    numbers in the range of float16 may lie outside it.
    """

    def __init__(self, axis=0, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.autocast = False  # the variance sees the inputs as they come
        self.axis = _integer_axis("FastMCInferenceMeanVar", axis)

    def build(self, input_shape):
        tree.map_shape_structure(self._check_axis, input_shape)
        super().build(input_shape)

    def call(self, inputs):
        return tree.map_structure(self._mean_var, inputs)

    def compute_output_shape(self, input_shape):
        return tree.map_shape_structure(self._reduced, input_shape)

    def compute_output_spec(self, inputs):
        dtype = wide_dtype(self.compute_dtype)
        return tree.map_structure(lambda draws: keras.KerasTensor(self._reduced(draws.shape), dtype), inputs)

    def get_config(self):
        return {**super().get_config(), "axis": self.axis}

    @classmethod
    def from_config(cls, config):
        return super().from_config(without_empty_key(config))

    def _mean_var(self, draws):
        draws = ops.cast(draws, wide_dtype(self.compute_dtype))
        mean = ops.mean(draws, axis=self.axis, keepdims=True)
        # Deviations first: the mean of squares less the square of the mean cancels in float32.
        variance = ops.mean(ops.square(draws - mean), axis=self.axis)
        return ops.stack([ops.squeeze(mean, axis=self.axis), variance], axis=-1)

    def _reduced(self, shape):
        kept = list(shape)
        del kept[self.axis]
        return (*kept, 2)

    def _check_axis(self, shape):
        if not -len(shape) <= self.axis < len(shape):
            raise ValueError(f"FastMCInferenceMeanVar: the inputs of shape {tuple(shape)} have no axis {self.axis}.")


@keras.saving.register_keras_serializable(package="astroNN")
class FastMCRepeat(keras.layers.Layer):
    r"""Repeat the inputs n times along a new axis, :math:`y_{Nt\ldots} = x_{N\ldots}` for each pass t.

    Parameters
    ----------
    n : int
        Number of copies.
    axis : int, optional
        Where the new axis stands in the output. Default 1: (N, ...) becomes (N, n, ...).
    name : str, optional
        Name of the layer.
    **kwargs
        Other arguments of `keras.layers.Layer`.

    Raises
    ------
    ValueError
        If `n` is no positive integer or `axis` no integer.

    Notes
    -----
    Inputs may be a tensor, or a list or dictionary of tensors.
    """

    def __init__(self, n, axis=1, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        check_at_least("FastMCRepeat: `n`", n, 1)
        self.n = int(n)
        self.axis = _integer_axis("FastMCRepeat", axis)

    def call(self, inputs):
        return tree.map_structure(self._repeat, inputs)

    def compute_output_shape(self, input_shape):
        return tree.map_shape_structure(self._lengthened, input_shape)

    def get_config(self):
        return {**super().get_config(), "n": self.n, "axis": self.axis}

    def _repeat(self, tensor):
        return ops.repeat(ops.expand_dims(tensor, self.axis), self.n, axis=self.axis)

    def _lengthened(self, shape):
        place = self.axis % (len(shape) + 1)
        return (*shape[:place], self.n, *shape[place:])


def _integer_axis(owner, axis):
    if isinstance(axis, bool) or not isinstance(axis, (int, np.integer)):
        raise ValueError(f"{owner}: `axis` must be an integer, got axis={axis!r}.")
    return int(axis)
