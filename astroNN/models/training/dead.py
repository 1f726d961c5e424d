"""A look at whether a trained network has died."""

import warnings

import keras
import numpy as np
from keras import ops

from astroNN.models.training.state import copies, seed_states
from astroNN.shared.callers import users_level
from astroNN.shared.missing import missing_elements

__all__ = ["stars_to_look_at", "warn_if_dead"]

_STARS = 64  # two would do; with so many, a network that tells a few apart counts as alive
_ROUNDING = 1e-6  # of numbers around one, in float32


def stars_to_look_at(net):
    """Some stars of a training on which to see, behind it, whether the network lives.

    They are read before it, since a file that can't be read should not spoil a training that is done.

    Parameters
    ----------
    net : NeuralNetMaster
        With the batches of its training.

    Returns
    -------
    x : dict of array
        Inputs of up to 64 stars, of those held back if there are some dozens.
    y : array or dict of array
        Their normalised labels.
    """
    batches = net.validation_generator
    if batches is None or batches.n_rows(0) < _STARS // 2:
        batches = net.training_generator
    return tuple(keras.tree.map_structure(lambda array: array[:_STARS], part) for part in batches[0][:2])


def warn_if_dead(net, x, y):
    """Warn if a network that was trained gives one answer for all inputs, though their labels differ.

    That is how a network ends whose units all came to rest on the flat side of their activation in too large steps:
    no gradient reaches them any more. Dropout doesn't hide it: zero it leaves zero.

    Parameters
    ----------
    net : NeuralNetMaster
        Trained.
    x : dict of array
        Inputs of some stars.
    y : array or dict of array
        Their labels; missing ones are the magic number.
    """
    if not _differ(y):
        return
    drawn = seed_states(net.keras_model)
    before = copies(drawn)
    outputs = keras.tree.map_structure(ops.convert_to_numpy, net.keras_model(x, training=False))
    for variable, value in zip(drawn, before, strict=True):  # to look on must not change what is drawn next
        variable.assign(value.astype(keras.backend.standardize_dtype(variable.dtype)))
    if not _differ(outputs) and all(np.isfinite(output).all() for output in keras.tree.flatten(outputs)):
        n_stars = len(next(iter(x.values())))
        warnings.warn(
            f"The network has learnt nothing: it gives the same answer for all of {n_stars} inputs whose labels "
            "differ. Its units have died, as happens when steps are too large, or its inputs are all the same. "
            f"Make a new network with a lower `lr` (now {net.lr}) or a larger `batch_size` (now "
            f"{net.batch_size}), and look at the inputs.",
            stacklevel=users_level(),
        )


def _differ(arrays):
    """Whether any number differs from star to star."""
    return any(_spread(array) > _ROUNDING for array in keras.tree.flatten(arrays))


def _spread(array):
    """The widest range of any number over the stars; missing ones are left out."""
    array = np.asarray(array, dtype=np.float32).reshape(len(array), -1)
    known = ~missing_elements(array)
    low, high = (np.where(known, array, edge) for edge in (np.inf, -np.inf))
    return np.max(high.max(axis=0) - low.min(axis=0), initial=0.0, where=known.any(axis=0))
