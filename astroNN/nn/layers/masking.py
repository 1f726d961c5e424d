"""Layers that hold something back: chosen columns of the inputs, or the gradient."""

import keras
import numpy as np
from keras import ops, tree

from astroNN.nn.layers._old_config import without_empty_key

__all__ = ["BoolMask", "StopGrad"]


@keras.saving.register_keras_serializable(package="astroNN")
class BoolMask(keras.layers.Layer):
    r"""Select columns (pixels) of the inputs.

    Parameters
    ----------
    mask : array of bool, shape (n_pixels,)
        True (or 1) for each column to keep.
    name : str, optional
        Name of the layer.
    **kwargs
        Other arguments of `keras.layers.Layer`.

    Raises
    ------
    ValueError
        If `mask` is not one-dimensional, holds other values than booleans (or the integers 0 and 1), is all
        False, or has another length than axis 1 of the inputs.

    Notes
    -----
    With :math:`p_1 < p_2 < \dots` the numbers of the pixels where the mask is True,

    .. math::

       y_{nk} = x_{n p_k} .

    Inputs of shape (n_stars, n_pixels, ...) become (n_stars, number of True, ...), in the same order. The
    gradient by all other pixels is zero.

    Examples
    --------
    >>> import numpy as np
    >>> selected = BoolMask([True, False, True])(np.array([[1.0, 2.0, 3.0]], "float32"))
    >>> [float(value) for value in selected[0]]
    [1.0, 3.0]
    """

    def __init__(self, mask, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.mask = _checked_mask(mask)
        self._kept = np.flatnonzero(self.mask).astype("int32")

    def build(self, input_shape):
        if len(input_shape) < 2 or input_shape[1] != self.mask.size:
            raise ValueError(
                f"BoolMask: `mask` has {self.mask.size} entries, so the inputs must have the shape (n_stars, "
                f"{self.mask.size}, ...), got {tuple(input_shape)}."
            )
        self.input_spec = keras.layers.InputSpec(min_ndim=2, axes={1: self.mask.size})
        super().build(input_shape)

    def call(self, inputs):
        return ops.take(inputs, self._kept, axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self._kept.size, *input_shape[2:])

    def get_config(self):
        # Run lengths: a mask of 7514 pixels with a few windows is a few numbers.
        edges = np.flatnonzero(np.diff(self.mask)) + 1
        runs = np.diff([0, *edges, self.mask.size])
        return {**super().get_config(), "mask": {"first": bool(self.mask[0]), "runs": runs.tolist()}}

    @classmethod
    def from_config(cls, config):
        config = without_empty_key(config)
        if "mask" not in config:
            raise ValueError(
                "BoolMask: the stored settings lack `mask` (astroNN 1.1 and before didn't store it). Build the "
                "network by its code and load its weights."
            )
        if isinstance(config["mask"], dict):
            runs = config["mask"]["runs"]
            values = np.arange(len(runs)) % 2 != config["mask"]["first"]
            config["mask"] = np.repeat(values, runs)
        return super().from_config(config)


@keras.saving.register_keras_serializable(package="astroNN")
class StopGrad(keras.layers.Layer):
    r"""Identity that holds the gradient back.

    Parameters
    ----------
    name : str, optional
        Name of the layer.
    always_on : bool, optional
        True stops the gradient always. Default False: in training only, so that derivatives of a trained
        network (Jacobians) see through the layer.
    **kwargs
        Other arguments of `keras.layers.Layer`.

    Notes
    -----
    Inputs may be a tensor, or a list or dictionary of tensors. Where the gradient is stopped,

    .. math::

       y = x , \qquad \frac{\partial y}{\partial x} := 0 .

    Examples
    --------
    >>> import numpy as np
    >>> float(StopGrad()(np.float32(3.0)))
    3.0
    """

    def __init__(self, name=None, always_on=False, **kwargs):
        super().__init__(name=name, **kwargs)
        self.always_on = bool(always_on)
        self.supports_masking = True

    def call(self, inputs, training=False):
        if not (self.always_on or training):
            return inputs
        return tree.map_structure(ops.stop_gradient, inputs)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "always_on": self.always_on}

    @classmethod
    def from_config(cls, config):
        return super().from_config(without_empty_key(config))


def _checked_mask(mask):
    mask = np.asarray(mask)
    if mask.ndim != 1 or mask.size == 0:
        raise ValueError(f"BoolMask: `mask` must be one-dimensional, one entry a pixel, got shape {mask.shape}.")
    if mask.dtype != bool and not (mask.dtype.kind in "iu" and np.isin(mask, (0, 1)).all()):
        raise ValueError(
            f"BoolMask: `mask` must hold booleans (or the integers 0 and 1), got dtype {mask.dtype}. Make one by a "
            "comparison, such as `bitmask == 0`."
        )
    if not mask.any():
        raise ValueError("The mask is all False: BoolMask needs at least one pixel to keep.")
    return mask.astype(bool)
