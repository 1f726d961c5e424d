"""Random numbers of the Monte Carlo engine.

They come from numpy's counter-based Philox generator, addressed by (seed, layer, pass, block of
stars). So they are the same on every Keras backend and for every batch size, need no state, and
cost little: a pass of ApogeeBCNN takes 22,736 draws, 20 microseconds.

References
----------
Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", SC11.
McKay, Beckman & Conover 1979, Technometrics 21, 239 (stratified draws: Latin hypercube).
"""

import functools
import math

import numpy as np
from scipy.special import ndtri

__all__ = ["BLOCK", "LEVELS", "NoiseStream", "StratifiedStream"]

BLOCK = 64  # stars that share the masks of a pass
LEVELS = 2**16  # resolution of the uniform draws
_N_ORDERS = 4096  # orders of strata to choose from: far more than any network has masks to correlate


class NoiseStream:
    """Random numbers at one address; the same address gives the same numbers.

    Parameters
    ----------
    seed : int
        Any integer; its lowest 64 bits count.
    layer, number, block : int
        Index of the random layer in its network, of the pass, and of the block of stars.
    """

    def __init__(self, seed, layer, number, block):
        self._bits = np.random.Philox(key=[int(seed) % 2**64, layer], counter=[0, 0, number, block])

    def integers(self, shape):
        """Uniform 16-bit integers (uint16), 0 to 65,535."""
        size = math.prod(shape)
        return self._bits.random_raw(-(-size // 4)).view(np.uint16)[:size].reshape(shape)

    def normal(self, shape):
        """Standard normal numbers (float32)."""
        return np.random.Generator(self._bits).standard_normal(shape, dtype=np.float32)


class StratifiedStream(NoiseStream):
    """The same, but the numbers of each element are spread evenly over the first axis.

    With n rows, each element has exactly one draw in each n-th of the range, in random order. Each
    row alone is uniform and its elements are independent, so it makes an exact dropout mask; over
    the n masks each input is dropped n times the rate (where that is whole), so that the mean over
    the masks hardly scatters.
    """

    def integers(self, shape):
        n = shape[0]
        chosen = super().integers(shape[1:]) % _N_ORDERS
        within = super().integers(shape)
        strata = _orders(n)[:, chosen.reshape(-1)].reshape(shape)
        return ((strata * np.uint32(LEVELS) + within) // np.uint32(n)).astype(np.uint16)

    def normal(self, shape):
        """Standard normal numbers (float32), one from each n-th of the distribution.

        Ten of them have the spread of a large set (variance 0.996 about their own mean, where ten
        independent ones have 0.9), and their mean scatters as that of 245 independent ones.
        """
        return _normal_quantiles()[self.integers(shape)]


@functools.lru_cache(maxsize=8)
def _orders(n):
    """Random orders of the strata 0..n-1, one a column."""
    generator = np.random.Generator(np.random.Philox(key=n))
    orders = np.tile(np.arange(n, dtype=np.uint32)[:, None], (1, _N_ORDERS))
    return generator.permuted(orders, axis=0)


@functools.lru_cache(maxsize=1)
def _normal_quantiles():
    """The normal number of each level: variance 0.99998, farthest 4.3."""
    return ndtri((np.arange(LEVELS) + 0.5) / LEVELS).astype("float32")
