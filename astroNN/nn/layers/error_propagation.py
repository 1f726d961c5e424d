"""Noise of the size of the measurement errors, added to the inputs at prediction."""

import keras
import numpy as np
from keras import ops

from astroNN.config import MAGIC_NUMBER
from astroNN.nn.layers._pairs import check_pair
from astroNN.nn.layers._random import RandomLayer
from astroNN.nn.losses._missing import magic_num_check

__all__ = ["ErrorProp"]


@keras.saving.register_keras_serializable(package="astroNN")
class ErrorProp(RandomLayer):
    r"""Add Gaussian noise of the size of the inputs' errors, at prediction only.

    Put in front of a network, it carries the errors of the inputs through to the labels: the spread
    of many predictions contains theirs.

    Parameters
    ----------
    stddev : float or array, optional
        Error of the inputs, the same for every star: one number, or an array that fits one star.
        The layer is then called with the inputs alone (the interface of version 1.0). Default: it
        is called with a list, ``[x, x_err]``.
    disable : bool, optional
        True makes the layer return the inputs. Default False.
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
        If `x` and `x_err` differ in shape, `stddev` doesn't fit the inputs or holds negative or
        infinite numbers, or the layer is called with one tensor where it needs two, or the reverse.
    TypeError
        If `stddev` is a symbolic tensor, or not made of numbers.

    Notes
    -----
    ``training=True`` gives x. Otherwise

    .. math::

        y = x + e\, \varepsilon, \qquad \varepsilon \sim \mathcal{N}(0, 1)

    with noise of its own for every element of every star. The mean is x, the variance e^2. Integers
    become floats of the layer's dtype. Errors are standard deviations in the units of x: normalise
    them by the same scale. A missing error (NaN or the magic number) counts as 0, and a missing x
    stays as it is. The sign of `x_err` doesn't matter, as the noise is symmetric. An infinite error
    gives an infinite output: replace it beforehand.

    The layer stands for itself in Monte Carlo inference: it is called in every pass, and stars
    never share its noise.

    Examples
    --------
    >>> import numpy as np
    >>> x, x_err = np.full((1, 100000), 5.0, "float32"), np.full((1, 100000), 0.3, "float32")
    >>> out = np.asarray(ErrorProp(seed=1)([x, x_err]))
    >>> round(float(out.mean()), 2), round(float(out.std()), 2)
    (5.0, 0.3)
    """

    def __init__(self, stddev=None, disable=False, seed=None, name=None, **kwargs):
        super().__init__(disable=disable, seed=seed, name=name, **kwargs)
        # As nested lists: Keras must be able to write it to JSON.
        self.stddev = None if stddev is None else _checked_stddev(stddev).tolist()

    @property
    def random_at_inference(self):
        """Whether two predictions for the same input differ."""
        return not self.disable and (self.stddev is None or bool(_present(np.asarray(self.stddev)).any()))

    def build(self, input_shape):
        self._check_shapes(input_shape)

    def call(self, inputs, training=None):
        x, errors = self._split(inputs)
        if training or not self.random_at_inference:
            return self._computed(x)
        # Looked for before the cast: half precision holds the magic number of integers rounded.
        missing = ops.logical_or(magic_num_check(errors), magic_num_check(x))
        x, errors = self._computed(x), self._computed(errors)
        # Replaced before the product: NaN times anything is NaN.
        errors = ops.where(missing, ops.zeros_like(x), errors)
        noise = keras.random.normal(ops.shape(x), seed=self.seed_generator, dtype="float32")
        return x + errors * ops.cast(noise, x.dtype)

    def call_without_noise(self, inputs, training=None):
        """Pass the inputs on, without the errors.

        Parameters
        ----------
        inputs : tensor or pair of tensors
            As in a call.
        training : bool, optional
            Not used.

        Returns
        -------
        tensor
            The values.
        """
        return self._computed(self._split(inputs)[0])

    def compute_output_shape(self, input_shape):
        self._check_shapes(input_shape)
        return tuple(input_shape if self.stddev is not None else input_shape[0])

    def compute_mask(self, inputs, previous_mask=None):
        return previous_mask if self.stddev is not None or previous_mask is None else previous_mask[0]

    def get_config(self):
        return {**super().get_config(), "stddev": self.stddev}

    def _split(self, inputs):
        """Values and errors, as they come."""
        self._check_shapes(_shapes(inputs))
        if self.stddev is not None:
            return inputs, ops.convert_to_tensor(np.asarray(self.stddev), dtype=self.compute_dtype)
        x, errors = inputs
        return x, errors

    def _computed(self, tensor):
        """In the type of the layer: errors would lose their digits in that of integers."""
        dtype = keras.backend.standardize_dtype(tensor.dtype)
        return tensor if dtype == self.compute_dtype else ops.cast(tensor, self.compute_dtype)

    def _check_shapes(self, shapes):
        if self.stddev is not None:
            self._check_stddev_fits(shapes)
        else:
            hint = " For one error for all stars, give it as ErrorProp(stddev) and call that with x alone."
            check_pair("ErrorProp", ("x", "x_err"), shapes, hint)

    def _check_stddev_fits(self, shape):
        if any(isinstance(n, (list, tuple)) for n in shape):
            raise ValueError(
                f"ErrorProp: with `stddev` given, the layer is called with x alone, got {len(shape)} tensors. Leave "
                "`stddev` out to give the errors with the inputs."
            )
        stddev = np.shape(self.stddev)
        fits = len(stddev) < len(shape) and all(
            n in (1, axis) or axis is None for n, axis in zip(reversed(stddev), reversed(shape), strict=False)
        )
        if not fits:
            raise ValueError(
                f"ErrorProp: `stddev` has shape {stddev}, which doesn't fit one star of inputs of shape "
                f"{tuple(shape)}."
            )


def _shapes(inputs):
    if isinstance(inputs, (list, tuple)):
        return [tuple(x.shape) for x in inputs]
    return tuple(inputs.shape)


def _present(stddev):
    return ~(np.isnan(stddev) | (stddev == MAGIC_NUMBER) | (stddev == 0))


def _checked_stddev(stddev):
    if isinstance(stddev, keras.KerasTensor):
        raise TypeError(
            "ErrorProp: `stddev` can't be a symbolic tensor, which Keras 3 doesn't store in a layer. Give the errors "
            "with the inputs: ErrorProp()([x, x_err])."
        )
    try:
        kind = np.asarray(stddev).dtype.kind
    except ValueError:  # rows of unequal length
        kind = "O"
    if kind not in "uif":
        raise TypeError(
            f"ErrorProp: `stddev` must be a number or an array of numbers, got {stddev!r}. The name of the layer is "
            "given as ErrorProp(name=...)."
        )
    values = np.asarray(stddev, "float64")
    used = values[_present(values)]
    if (used < 0).any() or np.isinf(used).any():
        raise ValueError(f"ErrorProp: `stddev` must be finite and not negative, got {stddev!r}.")
    return values
