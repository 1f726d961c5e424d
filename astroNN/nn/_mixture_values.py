"""What is given to a mixture of Gaussians, checked and brought to one type."""

import random

import keras
import numpy as np
from keras import ops

from astroNN.config import MAGIC_NUMBER
from astroNN.shared.missing import missing_elements


def in_one_dtype(*values):
    # Converted first: JAX has no float64 unless told so. Plain numbers have no precision of their own.
    dtypes = [dtype_of(ops.convert_to_tensor(value)) for value in values if hasattr(value, "dtype")]
    dtype = "float64" if "float64" in dtypes else "float32"
    return [ops.convert_to_tensor(value, dtype=dtype) for value in values]


def dtype_of(tensor):
    return keras.backend.standardize_dtype(tensor.dtype)


def is_array(value):
    """Whether the values can be looked at; those of a tensor perhaps can't (inside a compiled function)."""
    return isinstance(value, int | float | list | tuple | np.ndarray | np.generic)


def check_values(scale, weight):
    if is_array(scale) and not np.all(np.asarray(scale) > 0):
        raise ValueError(f"GaussianMixture: `scale` must be positive everywhere, got {scale!r}.")
    if is_array(weight):
        weights = np.asarray(weight)
        if not (np.all(weights >= 0) and np.all(weights.sum(axis=-1) > 0)):
            raise ValueError(
                f"GaussianMixture: `weight` must not be negative, nor zero for all components; got {weight!r}."
            )


def known_errors(err):
    """Errors with 0 for what is missing, looked for in their own type: half precision rounds the magic number."""
    if is_array(err):
        values = np.asarray(err)
        values = np.where(missing_elements(values), 0.0, values)
        if np.any(values < 0):
            raise ValueError(
                f"GaussianMixture.convolved: `err` must not be negative, got {err!r}. Errors are standard "
                f"deviations; mark missing ones by NaN or {MAGIC_NUMBER}."
            )
        return values
    err = ops.convert_to_tensor(err)
    missing = ops.logical_or(err == ops.cast(MAGIC_NUMBER, err.dtype), ops.isnan(err))
    return ops.where(missing, ops.zeros_like(err), err)


def fits(shape, batch_shape, changes_shape):
    try:
        together = np.broadcast_shapes(shape, batch_shape)
    except ValueError:
        return False
    return changes_shape or together == batch_shape


def two_seeds(seed):
    """One seed for each of two draws: the same integer for both would tie them together."""
    if isinstance(seed, keras.random.SeedGenerator):
        return seed, seed
    seed = random.randint(1, 2**31 - 1) if seed is None else int(seed)
    return [int(word) >> 1 for word in np.random.SeedSequence(seed).generate_state(2)]
