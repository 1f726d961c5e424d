"""A layer that fits a polynomial of its inputs."""

import keras
import numpy as np
from keras import ops

from astroNN.nn.layers._precision import wide_dtype
from astroNN.shared.setting_checks import check_at_least

__all__ = ["PolyFit"]

# Names in the settings that version 1.1 wrote, and what they are called here.
_OLD_NAMES = {"degree": "deg", "use_bias": "use_xbias", "initial_weights": "init_w"}


@keras.saving.register_keras_serializable(package="astroNN")
class PolyFit(keras.layers.Layer):
    r"""Polynomial of each input, summed over the inputs, with coefficients to learn.

    Parameters
    ----------
    deg : int, optional
        Degree, 0 or more. Default 1.
    output_units : int, optional
        Number of outputs, each with coefficients of its own. Default 1.
    use_xbias : bool, optional
        Whether to add the inputs themselves, so that coefficients of zero give their sum. Default True.
    init_w : array, shape (deg + 1, n_inputs, output_units), optional
        Coefficients to start from, ``init_w[i][j][k]`` for power i of input j in output k. Default: drawn
        from a normal distribution.
    name : str, optional
        Name of the layer.
    activation : str or callable, optional
        Applied to the sum. Default: none.
    kernel_regularizer, kernel_constraint : optional
        Of the coefficients, as in `keras.layers.Dense`.
    **kwargs
        Other arguments of `keras.layers.Layer`.

    Raises
    ------
    ValueError
        If `deg` is negative or no integer, `init_w` has another shape than (deg + 1, n_inputs, output_units),
        or the inputs have less than two axes.

    Notes
    -----
    Inputs of shape (n_stars, ..., n_inputs) give (n_stars, ..., output_units):

    .. math::

       y_k = f\!\left( \sum_j \left[ \sum_{i=0}^{\mathrm{deg}} w_{ijk} \, x_j^i \; (+ \; x_j) \right] \right) ,

    with the term in parentheses if `use_xbias`. The one weight is ``kernel``, of shape
    (deg + 1, n_inputs, output_units). Powers are taken in float32 under mixed precision.

    Examples
    --------
    >>> import numpy as np
    >>> layer = PolyFit(deg=2, use_xbias=False, init_w=[[[1.0]], [[0.0]], [[3.0]]])
    >>> float(layer(np.array([[2.0]], "float32"))[0, 0])  # 1 + 3 x^2
    13.0
    """

    def __init__(
        self,
        deg=1,
        output_units=1,
        use_xbias=True,
        init_w=None,
        name=None,
        activation=None,
        kernel_regularizer=None,
        kernel_constraint=None,
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        check_at_least("PolyFit: `deg`", deg, 0)
        check_at_least("PolyFit: `output_units`", output_units, 1)
        self.autocast = False  # powers are taken before the type is narrowed
        self.deg, self.output_units, self.use_xbias = int(deg), int(output_units), bool(use_xbias)
        self.init_w = None if init_w is None else self._checked_init_w(init_w)
        self.activation = keras.activations.get(activation)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.input_spec = keras.layers.InputSpec(min_ndim=2)

    def build(self, input_shape):
        n_inputs = input_shape[-1]
        if n_inputs is None:
            raise ValueError(f"PolyFit needs inputs whose last axis is known, got shape {tuple(input_shape)}.")
        shape = (self.deg + 1, n_inputs, self.output_units)
        if self.init_w is not None and self.init_w.shape != shape:
            raise ValueError(
                f"PolyFit: `init_w` must have the shape (deg + 1, n_inputs, output_units) = {shape}, got "
                f"{self.init_w.shape}."
            )
        self.kernel = self.add_weight(
            shape=shape,
            initializer="random_normal" if self.init_w is None else self._given_kernel,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            autocast=False,
            name="kernel",
        )
        self.input_spec = keras.layers.InputSpec(min_ndim=2, axes={-1: n_inputs})
        self.built = True

    def call(self, inputs):
        x = ops.cast(inputs, wide_dtype(self.compute_dtype))
        # Products instead of `power`, whose gradient needs a logarithm.
        powers = [ops.ones_like(x)]
        for _ in range(self.deg):
            powers.append(powers[-1] * x)
        kernel = ops.cast(self.kernel, x.dtype)
        total = ops.tensordot(ops.stack(powers, axis=-2), kernel, axes=2)
        if self.use_xbias:
            total = total + ops.sum(x, axis=-1, keepdims=True)
        return ops.cast(self.activation(total), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.output_units)

    def get_config(self):
        config = {
            "deg": self.deg,
            "output_units": self.output_units,
            "use_xbias": self.use_xbias,
            "init_w": None if self.init_w is None else self.init_w.tolist(),
            "activation": keras.activations.serialize(self.activation),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "kernel_constraint": keras.constraints.serialize(self.kernel_constraint),
        }
        return {**super().get_config(), **config}

    @classmethod
    def from_config(cls, config):
        return super().from_config({_OLD_NAMES.get(key, key): value for key, value in config.items()})

    def _checked_init_w(self, init_w):
        if len(init_w) != self.deg + 1:
            raise ValueError(
                f"PolyFit: `init_w` must have deg + 1 = {self.deg + 1} entries, one a power from 0 to deg, got "
                f"{len(init_w)}."
            )
        try:
            return np.asarray(init_w, dtype="float64")
        except (TypeError, ValueError) as error:
            raise ValueError(
                "PolyFit: `init_w[i][j][k]` must hold numbers in the shape (deg + 1, n_inputs, output_units); it "
                f"can't be made an array ({error})."
            ) from error

    def _given_kernel(self, shape, dtype=None):
        return ops.convert_to_tensor(self.init_w, dtype=dtype)
