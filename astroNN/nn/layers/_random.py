"""What all random layers share: a generator of their own, a switch to turn them off, and their settings on disk."""

import random

import keras
import numpy as np
from keras import ops

__all__ = ["NoiseLayer", "RandomLayer", "checked_rate"]


class RandomLayer(keras.layers.Layer):
    """Layer that draws random numbers from a generator of its own.

    Parameters
    ----------
    disable : bool, optional
        True makes the layer do nothing random. Default False.
    seed : int, optional
        Seed of the layer's generator. Default: drawn from Python's generator, which
        `keras.utils.set_random_seed` sets.
    name : str, optional
        Name of the layer.
    **kwargs
        Other arguments of `keras.layers.Layer`.
    """

    def __init__(self, disable=False, seed=None, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.disable = bool(disable)
        self.seed = None if seed is None else int(seed)
        # An explicit seed, because on torch an unseeded generator cannot be replayed.
        self._explicit_seed = random.randint(1, 2**31 - 1) if self.seed is None else self.seed
        self.seed_generator = keras.random.SeedGenerator(self._explicit_seed)
        self.supports_masking = True

    @property
    def random_at_inference(self):
        """Whether two calls on the same input differ."""
        return not self.disable

    def get_config(self):
        return {**super().get_config(), "disable": self.disable, "seed": self.seed}


class NoiseLayer(RandomLayer):
    """Random layer that is a function of its input and of noise which may be drawn outside it.

    This is the protocol of `MonteCarloEngine`. A layer defines ``sample_noise(stream, shape)``,
    ``draw_noise(shape)`` and ``call_with_noise(inputs, noise)``, and overrides what follows where
    its noise hasn't the shape of its input, or its output isn't the input when there is no noise.
    """

    def call(self, inputs):
        if not self.random_at_inference:
            return self.call_without_noise(inputs)
        # Drawn in float32 whatever the policy: bfloat16 has 128 levels, which would shift a rate of 0.3 by 0.005.
        noise = self.draw_noise(self.noise_shape_for(ops.shape(inputs)))
        return self.call_with_noise(inputs, noise)

    def call_without_noise(self, inputs):
        """Output of the layer when it is disabled.

        Parameters
        ----------
        inputs : tensor
            As in a call.

        Returns
        -------
        tensor
            The inputs, unless the layer does more than add noise.
        """
        return inputs

    def noise_shape_for(self, input_shape):
        """Shape of the noise for inputs of a shape.

        Parameters
        ----------
        input_shape : tuple
            Its batch axis, the first, may be 1: all stars share the noise then.

        Returns
        -------
        tuple
            That of the inputs, unless the layer has another.
        """
        return tuple(input_shape)

    def compute_output_shape(self, input_shape):
        return input_shape


def checked_rate(owner, rate):
    """A dropout rate as a float, or a ValueError that names the layer."""
    if isinstance(rate, bool) or not isinstance(rate, (int, float, np.number)) or not 0 <= rate < 1:
        raise ValueError(f"{owner}: `rate` must be a number with 0 <= rate < 1, got rate={rate!r}.")
    return float(rate)
