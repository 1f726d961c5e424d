"""Gradients on every backend, and finite differences to compare them with."""

import contextlib

import keras
import numpy as np
from keras import ops

from tests.helpers.gradients import value_and_grad


def gradients(loss, arrays):
    """Gradient of a loss, a function of tensors in double precision, with respect to all of them."""
    with double():
        return value_and_grad(loss, *arrays, dtype="float64")[1]


def gradients_of_weights(loss, variables):
    """Gradient of a loss without arguments with respect to variables of Keras that it looks at."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            value = loss()
        found = tape.gradient(value, [variable.value for variable in variables])
    elif backend == "jax":
        import jax

        def of_values(values):
            with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
                return loss()

        found = jax.grad(of_values)([variable.value for variable in variables])
    else:
        import torch

        found = torch.autograd.grad(loss(), [variable.value for variable in variables])
    return [ops.convert_to_numpy(gradient) for gradient in found]


def differences(loss, arrays, eps=1e-5):
    """The same by finite differences of fourth order."""
    found = []
    for which, array in enumerate(arrays):
        gradient = np.zeros_like(array)
        for index in np.ndindex(array.shape):

            def at(change, which=which, index=index):
                changed = [np.array(one) for one in arrays]
                changed[which][index] += change
                with double():
                    return float(ops.convert_to_numpy(loss(*map(ops.convert_to_tensor, changed))))

            wide, narrow = at(2 * eps) - at(-2 * eps), at(eps) - at(-eps)
            gradient[index] = (8 * narrow - wide) / (12 * eps)
        found.append(gradient)
    return found


def double():
    """Context in which tensors of double precision exist."""
    if keras.backend.backend() != "jax":
        return contextlib.nullcontext()
    import jax

    return jax.enable_x64(True)
