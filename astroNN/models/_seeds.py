"""Random numbers of a network, all from the one seed that the user can set."""

import random

import keras
import numpy as np

from astroNN.shared import setting_checks

__all__ = ["Seeded", "settled_seed"]


def settled_seed(seed):
    """A seed that the user gave, checked, or a new one.

    New ones come from where Keras takes those of its layers: ``keras.utils.set_random_seed`` settles them, too.
    """
    if seed is None:
        return random.getrandbits(32)
    setting_checks.check_at_least("seed", seed, 0)
    return seed


class Seeded:
    """What has a ``seed`` and a count of the seeds drawn from it, ``_n_seeds``."""

    def _draw_seed(self):
        self.seed = settled_seed(self.seed)

    def next_seed(self):
        """A new seed derived from `seed`, for one layer or one initialiser of `model()`.

        Returns
        -------
        int
            From 0 to below 2**31; another one at each call.
        """
        self._draw_seed()
        self._n_seeds += 1
        return int(np.random.SeedSequence([self.seed, 2, self._n_seeds]).generate_state(1)[0]) >> 1

    def fresh_initializer(self, initializer=None):
        """An initialiser of its own for one layer, seeded by `next_seed`.

        One initialiser object shared by several layers gives layers of equal shape identical weights.

        Parameters
        ----------
        initializer : str or keras.initializers.Initializer, optional
            Default: the network's ``initializer``, else Keras' ``"glorot_uniform"``.

        Returns
        -------
        keras.initializers.Initializer
            With the settings of the one that was named.
        """
        found = keras.initializers.get(initializer or self.initializer or "glorot_uniform")
        settings = found.get_config()
        return type(found).from_config(settings | {"seed": self.next_seed()} if "seed" in settings else settings)
