"""Derivatives of functions of tensors: the three that looking inside a network needs of each backend.

The one place of this room that imports a backend by name.
"""

import keras
from keras import ops

__all__ = ["gradient", "row_gradients", "tangents"]


def gradient(function, x):
    """Derivative of each star's number with respect to its inputs; it can be differentiated again.

    Parameters
    ----------
    function : callable
        From `x`, of shape (n_stars, ...), to one number per star, of shape (n_stars,). A star's number depends on
        that star alone.
    x : tensor, shape (n_stars, ...)

    Returns
    -------
    tensor, shape of `x`
    """
    return _of_backend(_gradient_tensorflow, _gradient_jax, _gradient_torch)(function, x)


def row_gradients(function, sources):
    """Derivatives of several numbers of every star, one backward pass of all numbers and stars together.

    Parameters
    ----------
    function : callable
        From the list `sources` to numbers of shape (n_stars, n_rows), each of which depends on its own star alone.
    sources : list of tensors, each of shape (n_stars, ...)

    Returns
    -------
    list of tensors, each of shape (n_stars, n_rows, ...)
    """
    rows = _of_backend(_rows_tensorflow, _rows_jax, _rows_torch)(function, sources)
    return [ops.moveaxis(row, 0, 1) for row in rows]


def tangents(function, x, n_directions):
    """Derivatives along the last axis of `x`, of shape (n_stars, n_directions), one forward pass each.

    Returns
    -------
    tensor, shape (n_stars, n_values, n_directions)
        For a `function` with values of shape (n_stars, n_values).
    """
    forward = _of_backend(_forward_tensorflow, _forward_jax, _forward_torch)
    columns = []
    for direction in range(n_directions):
        one = ops.one_hot(ops.full((ops.shape(x)[0],), direction, dtype="int32"), n_directions, dtype=x.dtype)
        columns.append(forward(function, x, one))
    return ops.stack(columns, axis=-1)


def _of_backend(tensorflow, jax, torch):
    makers = {"tensorflow": tensorflow, "jax": jax, "torch": torch}
    backend = keras.backend.backend()
    if backend not in makers:
        raise ValueError(f"Derivatives are offered on {sorted(makers)}, not on the Keras backend {backend!r}.")
    return makers[backend]


def _gradient_tensorflow(function, x):
    import tensorflow as tf

    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        total = tf.reduce_sum(function(x))
    return tape.gradient(total, x, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def _rows_tensorflow(function, sources):
    import tensorflow as tf

    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(sources)
        # A star's numbers depend on that star alone, so the sum over stars keeps their derivatives apart.
        totals = tf.reduce_sum(function(sources), axis=0)
    return tape.jacobian(totals, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def _forward_tensorflow(function, x, direction):
    import tensorflow as tf

    with tf.autodiff.ForwardAccumulator(x, direction) as accumulator:
        values = function(x)
    return accumulator.jvp(values, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def _gradient_jax(function, x):
    import jax

    return jax.grad(lambda inputs: ops.sum(function(inputs)))(x)


def _rows_jax(function, sources):
    import jax

    totals, backward = jax.vjp(lambda inputs: ops.sum(function(inputs), axis=0), sources)
    return jax.vmap(backward)(ops.eye(totals.shape[0], dtype=totals.dtype))[0]


def _forward_jax(function, x, direction):
    import jax

    return jax.jvp(function, (x,), (direction,))[1]


def _gradient_torch(function, x):
    import torch

    with torch.enable_grad():
        x = x if x.requires_grad else x.detach().requires_grad_(True)
        total = function(x).sum()
        return torch.autograd.grad(total, x, create_graph=True, materialize_grads=True)[0]


def _rows_torch(function, sources):
    import torch

    with torch.enable_grad():
        sources = [source.detach().requires_grad_(True) for source in sources]
        totals = function(sources).sum(axis=0)
        if totals.requires_grad:
            units = torch.eye(len(totals), dtype=totals.dtype, device=totals.device)
            rows = torch.autograd.grad(totals, sources, units, is_grads_batched=True, allow_unused=True)
        else:
            rows = [None] * len(sources)
    # None: constants, as the slopes of a linear network. (`materialize_grads` would leave the axis of the rows out.)
    return [
        source.new_zeros((len(totals), *source.shape)).detach() if row is None else row.detach()
        for row, source in zip(rows, sources, strict=True)
    ]


def _forward_torch(function, x, direction):
    import torch

    return torch.func.jvp(function, (x.detach(),), (direction,))[1].detach()
