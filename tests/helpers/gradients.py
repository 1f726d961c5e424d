"""Value and gradient of a function of tensors on whichever backend Keras runs."""

import keras
import numpy as np
from keras import ops


def value_and_grad(function, *arrays, dtype="float32"):
    """Value of `function` summed to one number, and the gradient of that by every array.

    Parameters
    ----------
    function : callable
        Tensors to a tensor.
    *arrays : arrays
        Where to evaluate it.
    dtype : str, optional
        Of the tensors.

    Returns
    -------
    array, tuple of arrays
        What the function returns, and the gradients, as float64.
    """
    # numpy has no bfloat16.
    tensors = [ops.convert_to_tensor(np.asarray(array, _numpy_type(dtype)), dtype=dtype) for array in arrays]
    value, gradients = _BACKENDS[keras.backend.backend()](function, tensors)
    return _to_numpy(value, dtype), tuple(_to_numpy(gradient, dtype) for gradient in gradients)


def _tensorflow(function, tensors):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(tensors)
        value = function(*tensors)
        total = tf.reduce_sum(value)
    return value, tape.gradient(total, tensors, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def _jax(function, tensors):
    import jax

    value, pullback = jax.vjp(function, *tensors)
    return value, pullback(ops.ones_like(value))


def _torch(function, tensors):
    import torch

    for tensor in tensors:
        tensor.requires_grad_(True)
    value = function(*tensors)
    gradients = torch.autograd.grad(value.sum(), tensors, allow_unused=True, materialize_grads=True)
    return value, gradients


_BACKENDS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}


def _numpy_type(dtype):
    return "float64" if dtype == "float64" else "float32"


def _to_numpy(tensor, dtype):
    return ops.convert_to_numpy(ops.cast(tensor, _numpy_type(dtype))).astype("float64")
