"""Dropout that stays on at prediction: each forward pass is a draw from the posterior over networks."""

import keras
import numpy as np
from keras import ops

from astroNN.nn.layers._masks import LEVELS
from astroNN.nn.layers._random import NoiseLayer, checked_rate

__all__ = ["MCDropout"]


@keras.saving.register_keras_serializable(package="astroNN")
class MCDropout(NoiseLayer):
    r"""Inverted dropout that is always on, in training and in prediction.

    .. math:: y = \frac{z}{1 - p} \, x, \qquad z \sim \mathrm{Bernoulli}(1 - p)

    Parameters
    ----------
    rate : float
        Fraction of the inputs to drop, 0 <= rate < 1. The others are scaled by 1 / (1 - rate).
    disable : bool, optional
        True makes the layer an identity. Default False.
    noise_shape : sequence of int or None, optional
        Shape of the dropout mask with the batch axis first; None entries are taken from the inputs.
        Default: every element has its own draw. Integers are 1 or the length of that axis of the inputs.
    seed : int, optional
        Seed of the layer's own random number generator. Default: drawn from Python's generator,
        which `keras.utils.set_random_seed` sets.
    name : str, optional
        Name of the layer.
    **kwargs
        Other arguments of `keras.layers.Layer`.

    Notes
    -----
    Each element x becomes z x / (1 - rate), where z is 1 with probability 1 - rate, else 0. The mean
    is x, the variance rate / (1 - rate) x^2.

    `MonteCarloEngine` draws the masks itself, through the protocol for random layers: the attribute
    `random_at_inference` and the methods `noise_shape_for`, `sample_noise`, `draw_noise` and
    `call_with_noise`. A layer that has them joins the engine; one that has only the attribute is
    called once a pass.

    References
    ----------
    Gal & Ghahramani 2016, ICML, arXiv:1506.02142.

    Examples
    --------
    >>> import numpy as np
    >>> out = MCDropout(0.5, seed=1)(np.ones((2, 1000), "float32"))
    >>> sorted({float(value) for value in np.ravel(out)})
    [0.0, 2.0]
    """

    def __init__(self, rate, disable=False, noise_shape=None, seed=None, name=None, **kwargs):
        super().__init__(disable=disable, seed=seed, name=name, **kwargs)
        self.rate = checked_rate(type(self).__name__, rate)
        self.noise_shape = None if noise_shape is None else _checked_noise_shape(noise_shape)

    def build(self, input_shape):
        self._filled_noise_shape(input_shape)

    @property
    def random_at_inference(self):
        """Whether two calls on the same input differ."""
        return not self.disable and self.rate > 0

    @property
    def independent_elements(self):
        """Whether every element of the input has noise of its own, as the engine's fast setting needs it."""
        return self.noise_shape is None

    def noise_shape_for(self, input_shape):
        """Shape of one mask.

        Parameters
        ----------
        input_shape : tuple
            Of the inputs; its batch axis, the first, may be 1.

        Returns
        -------
        tuple
            Of the inputs, or `noise_shape` with its gaps filled.
        """
        return self._filled_noise_shape(input_shape) or tuple(input_shape)

    def sample_noise(self, stream, shape):
        """Mask from a stream.

        Parameters
        ----------
        stream : NoiseStream
            Of the pass and block.
        shape : tuple
            As `noise_shape_for` gives it.

        Returns
        -------
        array of bool
            True where an input is kept; the rate is met to 1 / 65,536.
        """
        return stream.integers(shape) >= round(self.rate * LEVELS)

    def draw_noise(self, shape):
        """Mask drawn with the layer's own generator, for use inside a graph.

        Parameters
        ----------
        shape : tuple
            As `noise_shape_for` gives it.

        Returns
        -------
        tensor of bool
            True where an input is kept.
        """
        return keras.random.uniform(shape, seed=self.seed_generator, dtype="float32") >= self.rate

    def call_with_noise(self, inputs, noise):
        """Apply a mask.

        Parameters
        ----------
        inputs : tensor
            As in a call.
        noise : tensor of bool
            True where an input is kept; broadcast against the inputs.

        Returns
        -------
        tensor, shape of `inputs`
            Zero where dropped, else divided by 1 - rate.
        """
        inputs = ops.cast(inputs, self.compute_dtype)
        scale = ops.cast(1.0 / (1.0 - self.rate), inputs.dtype)
        # Chosen, not multiplied by 0: a scale that overflows in float16 must not make NaN of dropped inputs.
        return inputs * ops.where(noise, scale, ops.zeros_like(scale))

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "noise_shape": self.noise_shape}

    def _filled_noise_shape(self, input_shape):
        if self.noise_shape is None:
            return None
        if len(self.noise_shape) != len(input_shape):
            raise ValueError(
                f"MCDropout: `noise_shape` {self.noise_shape} has {len(self.noise_shape)} axes, "
                f"but the inputs have shape {tuple(input_shape)}."
            )
        axes = list(zip(self.noise_shape, input_shape, strict=True))
        # The length of an axis may be None or, inside a graph, a tensor.
        if any(n not in (None, 1) and isinstance(i, int) and n != i for n, i in axes):
            raise ValueError(
                f"MCDropout: each entry of `noise_shape` must be None, 1 or the length of the inputs' axis, got "
                f"{self.noise_shape} for inputs of shape {tuple(input_shape)}."
            )
        return tuple(i if n is None else n for n, i in axes)


def _checked_noise_shape(noise_shape):
    if isinstance(noise_shape, str) or not all(
        n is None or (isinstance(n, (int, np.integer)) and n > 0) for n in noise_shape
    ):
        raise ValueError(
            f"MCDropout: `noise_shape` must be a sequence of positive integers or None, got {noise_shape!r}."
        )
    return tuple(None if n is None else int(n) for n in noise_shape)
