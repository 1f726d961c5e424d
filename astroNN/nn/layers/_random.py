"""What all random layers share: a generator of their own, a switch to turn them off, and their settings on disk."""

import random

import keras
import numpy as np

__all__ = ["RandomLayer", "checked_rate"]


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
        explicit = random.randint(1, 2**31 - 1) if self.seed is None else self.seed
        self.seed_generator = keras.random.SeedGenerator(explicit)
        self.supports_masking = True

    @property
    def random_at_inference(self):
        """Whether two calls on the same input differ."""
        return not self.disable

    def get_config(self):
        return {**super().get_config(), "disable": self.disable, "seed": self.seed}


def checked_rate(owner, rate):
    """A dropout rate as a float, or a ValueError that names the layer."""
    if isinstance(rate, bool) or not isinstance(rate, (int, float, np.number)) or not 0 <= rate < 1:
        raise ValueError(f"{owner}: `rate` must be a number with 0 <= rate < 1, got rate={rate!r}.")
    return float(rate)
