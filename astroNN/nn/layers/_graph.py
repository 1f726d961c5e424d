"""Functional Keras graphs as lists of steps, so that they can be cut, rewired and run in parts."""

from dataclasses import dataclass

import keras
from keras import tree

__all__ = [
    "Graph",
    "Step",
    "is_random",
    "has_noise_protocol",
    "random_layers",
    "rebuild",
    "record",
    "structure",
    "without_dropout",
]

_PROTOCOL = ("noise_shape_for", "sample_noise", "draw_noise", "call_with_noise")


@dataclass(frozen=True)
class Step:
    """One call of a layer or operation: symbolic tensors in its arguments and result."""

    operation: object
    args: tuple
    kwargs: dict
    result: object

    @property
    def inputs(self):
        """Ids of the symbolic tensors that the step needs."""
        return [id(x) for x in tree.flatten((self.args, self.kwargs)) if isinstance(x, keras.KerasTensor)]

    @property
    def outputs(self):
        """Ids of the symbolic tensors that it makes."""
        return [id(x) for x in tree.flatten(self.result)]

    def run(self, values, call=None):
        """Compute the step; `values` maps ids of symbolic tensors to tensors, and gets the results."""
        args, kwargs = tree.map_structure(
            lambda x: values[id(x)] if isinstance(x, keras.KerasTensor) else x, (self.args, self.kwargs)
        )
        result = (call or self.operation)(*args, **kwargs)
        for symbol, value in zip(tree.flatten(self.result), tree.flatten(result), strict=True):
            values[id(symbol)] = value


@dataclass(frozen=True)
class Graph:
    """A network as steps in an order in which they can run.

    Attributes
    ----------
    inputs : list of keras.KerasTensor
        Flat, in the order of the model's inputs.
    output : nest of keras.KerasTensor
        In the structure of the model's output.
    steps : list of Step
    """

    inputs: list
    output: object
    steps: list

    @property
    def outputs(self):
        return tree.flatten(self.output)

    def downstream(self, steps):
        """The given steps and all that depend on them, in order."""
        tainted, found = set(), []
        chosen = {id(step) for step in steps}
        for step in self.steps:
            if id(step) in chosen or tainted.intersection(step.inputs):
                tainted.update(step.outputs)
                found.append(step)
        return found

    def split_at_random(self):
        """Steps whose result is always the same, and those that depend on a random layer."""
        random = self.downstream([step for step in self.steps if is_random(step.operation)])
        chosen = {id(step) for step in random}
        return [step for step in self.steps if id(step) not in chosen], random

    def crossing(self, before, after):
        """Symbolic tensors made by `before` (or given) that `after` or the outputs use, each once."""
        made = {id(x): x for x in self.inputs}
        for step in before:
            made.update({id(x): x for x in tree.flatten(step.result)})
        used = [i for step in after for i in step.inputs] + [id(x) for x in self.outputs]
        return [made[i] for i in dict.fromkeys(used) if i in made]

    def variables(self):
        """All variables of the layers, each once, and those of them that are states of random generators."""
        used = [getattr(step.operation, "fused_layer", step.operation) for step in self.steps]
        layers = {id(layer): layer for layer in used if isinstance(layer, keras.layers.Layer)}
        everything = {id(v): v for layer in layers.values() for v in layer.variables}
        weights = {id(v) for layer in layers.values() for v in layer.weights}
        return list(everything.values()), [v for i, v in everything.items() if i not in weights]


def is_random(operation):
    """Whether two calls at prediction differ.

    A layer says so by its attribute `random_at_inference`. Without it, a layer from outside Keras
    that holds a `keras.random.SeedGenerator`, or a nested model that holds such a layer, counts as
    random: to be wrong there costs time, not correctness.
    """
    if hasattr(operation, "random_at_inference"):
        return bool(operation.random_at_inference)
    if isinstance(operation, keras.Model):
        return any(is_random(layer) for layer in operation.layers)
    if not isinstance(operation, keras.layers.Layer) or type(operation).__module__.startswith("keras."):
        return False
    return any(isinstance(value, keras.random.SeedGenerator) for value in vars(operation).values())


def has_noise_protocol(operation, per_star=False):
    """Whether the noise of a layer can be drawn outside it (see `MCDropout`): one for all stars, or one `per_star`.

    Noise of weights (`DenseFlipout`) belongs to no star: such layers have the attribute ``per_star_noise = False``.
    """
    if per_star and not getattr(operation, "per_star_noise", True):
        return False
    return all(callable(getattr(operation, name, None)) for name in _PROTOCOL)


def random_layers(model):
    """Layers of a model that are random at prediction, nested models looked into."""
    return [step.operation for step in record(model).steps if is_random(step.operation)]


def record(model):
    """Write down the steps of a functional model.

    Parameters
    ----------
    model : keras.Model
        Functional or Sequential and built. Its layers are shared, not copied. Nested models that
        are random are opened, others stay one step.

    Returns
    -------
    Graph
    """
    steps = []

    def call(operation, *args, **kwargs):
        result = operation(*args, **kwargs)
        if isinstance(operation, keras.Model) and is_random(operation) and _is_functional(operation):
            steps.extend(_opened(operation, args[0], result))
        else:
            steps.append(Step(operation, args, kwargs, result))
        return result

    rebuilt = rebuild(model, call)
    return Graph(inputs=tree.flatten(rebuilt.input), output=rebuilt.output, steps=steps)


class Link:
    """Hands a tensor on: joins the symbols of a nested model to those of the model around it."""

    def __call__(self, value):
        return value


def _opened(model, inputs, result):
    """Steps of a nested model, called on `inputs` to give `result`, as part of the graph around it."""
    inner = record(model)
    into = [
        Step(Link(), (outside,), {}, inside)
        for outside, inside in zip(tree.flatten(inputs), inner.inputs, strict=True)
    ]
    out = [
        Step(Link(), (inside,), {}, outside)
        for inside, outside in zip(inner.outputs, tree.flatten(result), strict=True)
    ]
    return [*into, *inner.steps, *out]


def without_dropout(model):
    """The same network, with the same layer objects, in which random layers are left out.

    Parameters
    ----------
    model : keras.Model
        Functional or Sequential and built.

    Returns
    -------
    keras.Model
        Deterministic. Weights are shared with `model`: training one trains the other.
    """

    def call(operation, *args, **kwargs):
        if not is_random(operation):
            return operation(*args, **kwargs)
        if isinstance(operation, keras.Model) and _is_functional(operation):
            return without_dropout(operation)(*args, **kwargs)
        if hasattr(operation, "call_without_noise"):
            return operation.call_without_noise(*args, **kwargs)
        shape = tree.map_structure(lambda x: x.shape, args[0])
        if shape != operation.compute_output_shape(shape):
            raise ValueError(
                f"without_dropout: the random layer {operation.name!r} changes the shape of its input, so it can't "
                "be left out. Give it a method `call_without_noise`."
            )
        return args[0]

    return rebuild(model, call)


def structure(model):
    """Symbolic inputs and outputs of a built model, each in the structure it is called with."""
    if isinstance(model, keras.Sequential):
        return model.inputs[0], model.outputs[0]
    return model.input, model.output


def _is_functional(model):
    try:
        return model.inputs is not None and model.outputs is not None
    except (AttributeError, ValueError):
        return False


def rebuild(model, call):
    """The model that comes out when a model's graph runs again on symbolic inputs, each layer called by `call`.

    Parameters
    ----------
    model : keras.Model
        Functional or Sequential and built.
    call : callable
        Gets a layer or operation and its arguments, and gives a result.

    Returns
    -------
    keras.Model
    """
    if not isinstance(model, keras.Model):
        raise TypeError(f"A Keras model is needed, got {type(model).__name__}.")
    if not _is_functional(model):
        raise ValueError(
            f"The model {model.name!r} ({type(model).__name__}) has no graph: Monte Carlo inference needs a "
            "functional or Sequential Keras model that has been built (given an Input or called once)."
        )
    # A plain functional model over the same tensors: subclasses and `compile` settings stay out of it.
    plain = keras.Model(*structure(model), name=model.name)
    return keras.models.clone_model(plain, clone_function=lambda layer: layer, call_function=call)
