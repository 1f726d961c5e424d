"""The random part of a network in half precision, for Monte Carlo passes; what is trained stays as it is."""

import keras
from keras import layers, ops

from astroNN.nn.layers._graph import is_random, rebuild, record

__all__ = ["PRECISIONS", "HalfPrecision"]

PRECISIONS = ("float32", "bfloat16", "float16")

# Layers with weights that may be rounded. Others (normalisations, recurrent layers) keep their type.
_WITH_WEIGHTS = (layers.Conv1D, layers.Conv2D, layers.Dense, layers.DepthwiseConv1D, layers.DepthwiseConv2D)


class HalfPrecision:
    """A network with the layers that each pass runs in half precision.

    What lies before the first random layer runs once, and the last layers with weights are small: these stay in the
    types they have. So do layers made by others than Keras and astroNN, which may not know half precision.

    Parameters
    ----------
    model : keras.Model
        Functional or Sequential and built.
    dtype : {"bfloat16", "float16"}
        Type of weights and activations.

    Attributes
    ----------
    model : keras.Model
        Copies of the layers in half precision, the others shared.
    """

    def __init__(self, model, dtype):
        self._dtype, self._copies = dtype, {}
        steps = record(model)
        kept = _last_weighted(steps)
        _, random = steps.split_at_random()
        chosen = [step.operation for step in random if id(step.operation) not in kept]
        self._chosen = {id(layer): layer for layer in chosen if _may_be_rounded(layer)}
        self.model = rebuild(model, self._call)

    def refresh(self):
        """Take over the weights of the network, which may have been trained since."""
        for number, copy in self._copies.items():
            for weight, rounded in zip(self._chosen[number].weights, copy.weights, strict=True):
                rounded.assign(ops.cast(weight, self._dtype))

    def _call(self, operation, *args, **kwargs):
        if isinstance(operation, keras.Model) and is_random(operation):
            return rebuild(operation, self._call)(*args, **kwargs)
        if id(operation) in self._chosen:
            if id(operation) not in self._copies:
                config = {**operation.get_config(), "dtype": self._dtype}
                self._copies[id(operation)] = type(operation).from_config(config)
            operation = self._copies[id(operation)]
        return operation(*args, **kwargs)


def _may_be_rounded(operation):
    if not isinstance(operation, layers.Layer) or isinstance(operation, keras.Model | layers.Lambda):
        return False
    known = type(operation).__module__.split(".")[0] in ("keras", "astroNN")
    return known and (not operation.weights or type(operation) in _WITH_WEIGHTS)


def _last_weighted(graph):
    """Ids of the layers from the last ones with weights to the outputs."""
    maker = {i: step for step in graph.steps for i in step.outputs}
    kept, todo = set(), [id(symbol) for symbol in graph.outputs]
    while todo:
        step = maker.get(todo.pop())
        if step is None or id(step.operation) in kept:
            continue
        kept.add(id(step.operation))
        if not getattr(step.operation, "weights", None):
            todo += step.inputs
    return kept
