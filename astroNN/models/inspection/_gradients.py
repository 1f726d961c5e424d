"""Derivatives of a network's outputs with respect to its inputs, on every backend.

A prediction for one star depends on that star alone, so the gradient of a label summed over the stars of a batch
is the gradient for each star. One backward pass per label is all that is needed of a backend.
"""

import keras
from keras import ops

__all__ = ["star_gradients"]


def star_gradients(model, input_name, output_name="output"):
    """Function that gives the derivative of every label with respect to one input.

    Parameters
    ----------
    model : keras.Model
        From a dictionary of inputs to a dictionary of outputs, or a single output.
    input_name : str
        Input to differentiate with respect to.
    output_name : str, optional
        Output to differentiate.

    Returns
    -------
    callable
        Dictionary of normalised inputs, each of shape (n_stars, ...), to an array of shape
        (n_stars, n_labels, ...).
    """
    makers = {"tensorflow": _with_tensorflow, "jax": _with_jax, "torch": _with_torch}
    gradients = makers[keras.backend.backend()](model, input_name, output_name)

    def run(inputs):
        tensors = {name: ops.convert_to_tensor(array, dtype="float32") for name, array in inputs.items()}
        return ops.convert_to_numpy(ops.stop_gradient(gradients(tensors)))

    return run


def _columns(outputs, output_name):
    """Outputs as (n_stars, n_labels)."""
    labels = outputs[output_name] if isinstance(outputs, dict) else outputs
    return ops.reshape(labels, (ops.shape(labels)[0], -1))


def _with_tensorflow(model, input_name, output_name):
    import tensorflow as tf

    @tf.function(reduce_retracing=True)
    def gradients(inputs):
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(inputs[input_name])
            labels = _columns(model(inputs, training=False), output_name)
            totals = [tf.reduce_sum(labels[:, k]) for k in range(labels.shape[1])]
        return tf.stack([tape.gradient(total, inputs[input_name]) for total in totals], axis=1)

    return gradients


def _with_jax(model, input_name, output_name):
    import jax

    def total(values, inputs, column):
        trainable, non_trainable = values
        outputs, state = model.stateless_call(trainable, non_trainable, inputs, training=False)
        return ops.sum(_columns(outputs, output_name)[:, column]), state

    gradient = jax.grad(total, argnums=1, has_aux=True)

    @jax.jit
    def all_columns(values, inputs):
        shape = model.compute_output_shape({name: x.shape for name, x in inputs.items()})
        n_labels = (shape[output_name] if isinstance(shape, dict) else shape)[-1]
        columns, states = zip(*(gradient(values, inputs, k) for k in range(n_labels)), strict=True)
        return ops.stack([column[input_name] for column in columns], axis=1), states[0]

    def gradients(inputs):
        # The weights are arguments, or a later training would not be seen; dropout's state moves on.
        values = [v.value for v in model.trainable_variables], [v.value for v in model.non_trainable_variables]
        jacobian, state = all_columns(values, inputs)
        for variable, value in zip(model.non_trainable_variables, state, strict=True):
            variable.assign(value)
        return jacobian

    return gradients


def _with_torch(model, input_name, output_name):
    import torch

    def gradients(inputs):
        x = inputs[input_name].detach().requires_grad_(True)
        with torch.enable_grad():
            labels = _columns(model({**inputs, input_name: x}, training=False), output_name)
            columns = [
                torch.autograd.grad(labels[:, k].sum(), x, retain_graph=k + 1 < labels.shape[1])[0]
                for k in range(labels.shape[1])
            ]
        return torch.stack(columns, dim=1)

    return gradients
