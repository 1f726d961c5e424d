"""What a Keras model is made of, as boxes and arrows that a page has room for.

Three steps: every operation of the model with those that it takes from, nested models opened; operations that stand
side by side and do the same put into one box, such as the 19 branches of a network that gives each element its own;
and activations, dropout and changes of shape written into the box of the layer in front of them.
"""

import re
from dataclasses import dataclass, field

import keras
from architecture_words import as_words, is_named, note_of, shape_text, together

__all__ = ["Box", "Graph", "read_graph"]

# So many of a kind side by side become one box.
_MANY = 3
_FOLDED = ("Activation", "ReLU", "Softmax", "Flatten", "Reshape", "StopGrad")


@dataclass
class Box:
    """One box of the figure: a layer, or several that stand side by side, with what is folded into them.

    Attributes
    ----------
    layers : list of str
        Names of all layers that it stands for.
    title, text, shape : str
        Name, what it does, and shape of what comes out, without the axis of the stars.
    notes : list of str
        What is folded in.
    n_weights, number : int
        Weights of all its layers, and how many stand side by side.
    role : {"input", "output", "weights", "plain"}
    outputs : list of str
        Names of the model's outputs that it gives.
    """

    layers: list
    title: str
    text: str
    shape: str
    n_weights: int
    number: int = 1
    notes: list = field(default_factory=list)
    role: str = "plain"
    outputs: list = field(default_factory=list)


@dataclass
class Graph:
    """Boxes, arrows between them as pairs of numbers, and inputs of the model that lead to none of its outputs."""

    boxes: list
    arrows: list
    aside: list


@dataclass
class _Step:
    """One call of a layer."""

    operation: object
    shapes: list
    parents: list
    outputs: list = field(default_factory=list)


def read_graph(model):
    """Boxes and arrows of a functional Keras model.

    Parameters
    ----------
    model : keras.Model

    Returns
    -------
    Graph
        The boxes in an order in which none stands before those that it takes from.
    """
    steps = _steps(model)
    reached = {id(step.operation) for step in steps.values()}
    aside = [tensor.name for tensor in model.inputs if id(tensor._keras_history.operation) not in reached]
    colours = _colours(steps)
    groups = {}
    for key in steps:
        groups.setdefault(colours[key], []).append(key)
    member_of = {}
    for colour, keys in groups.items():
        for key in keys:
            member_of[key] = colour if len(keys) >= _MANY else key
    return _folded(steps, member_of, aside)


def _steps(model):
    """Every call of an operation that leads to an output, by a key; those that come first, first."""
    steps = {}
    named = (
        model.output if isinstance(model.output, dict) else dict(zip(model.output_names, model.outputs, strict=True))
    )

    def source(tensor, given, path):
        """Key of the step that makes a symbolic tensor; `given` has what the inputs of a nested model are."""
        if id(tensor) in given:
            return given[id(tensor)]
        operation, node, index = tensor._keras_history
        call = operation._inbound_nodes[node]
        if isinstance(operation, keras.Model):
            outer = [source(each, given, path) for each in call.input_tensors]
            inner = dict(zip(map(id, operation.inputs), outer, strict=True))
            return source(operation.outputs[index], inner, (*path, id(operation), node))
        key = (id(operation), node, path)
        if key not in steps:
            parents = [source(each, given, path) for each in call.input_tensors]
            steps[key] = _Step(operation, [tuple(made.shape[1:]) for made in call.output_tensors], parents)
        return key

    for name, tensor in named.items():
        steps[source(tensor, {}, ())].outputs.append(name)
    return steps


def _colours(steps):
    """A number for every step, the same for those that can't be told apart but by their sizes and weights.

    Steps are told apart by what they are, by which output they give, and, again and again, by the colours of those
    in front of them and behind them (colour refinement of Weisfeiler and Leman).
    """
    children = {key: [] for key in steps}
    for key, step in steps.items():
        for parent in step.parents:
            children[parent].append(key)
    seen = {key: (type(step.operation).__name__, tuple(step.outputs)) for key, step in steps.items()}
    n_kinds = 0
    while True:
        numbers = {kind: number for number, kind in enumerate(sorted(set(seen.values()), key=repr))}
        colours = {key: numbers[kind] for key, kind in seen.items()}
        if len(numbers) == n_kinds:
            return colours
        n_kinds = len(numbers)
        seen = {
            key: (
                colours[key],
                tuple(colours[parent] for parent in step.parents),
                tuple(sorted(colours[child] for child in children[key])),
            )
            for key, step in steps.items()
        }


def _folded(steps, member_of, aside):
    """The graph of the boxes, small things written into the box in front of them."""
    members = {}
    for key in steps:
        members.setdefault(member_of[key], []).append(key)
    parents = {
        name: list(dict.fromkeys(member_of[parent] for key in keys for parent in steps[key].parents))
        for name, keys in members.items()
    }
    n_children = dict.fromkeys(members, 0)
    for above in parents.values():
        for parent in above:
            n_children[parent] += 1
    boxes, box_of, counted = [], {}, set()
    for name, keys in members.items():
        calls = [steps[key] for key in keys]
        above = parents[name]
        fold = (
            _is_small(calls[0].operation)
            and len(above) == 1
            and n_children[above[0]] == 1
            and len(members[above[0]]) == len(keys)
            and not boxes[box_of[above[0]]].outputs
        )
        if fold:
            box = boxes[box_of[above[0]]]
            box.notes += note_of(calls[0].operation, shape_text([step.shapes for step in calls]))
            box_of[name] = box_of[above[0]]
        else:
            box = _new_box(calls)
            box_of[name] = len(boxes)
            boxes.append(box)
        # A layer that is called twice has its weights once.
        layers = {id(step.operation): step.operation for step in calls if id(step.operation) not in counted}
        counted |= set(layers)
        box.n_weights += sum(
            layer.count_params() for layer in layers.values() if isinstance(layer, keras.layers.Layer)
        )
        box.layers += [step.operation.name for step in calls]
        box.outputs += [output for step in calls for output in step.outputs]
        box.role = _role(box, calls[0].operation if box.role == "plain" else None)
    arrows = {(box_of[parent], box_of[name]) for name, above in parents.items() for parent in above}
    return Graph(boxes, sorted((start, end) for start, end in arrows if start != end), aside)


def _new_box(calls):
    first = calls[0].operation
    words = together([as_words(step.operation) for step in calls])
    if not is_named(first):
        title, text = words, ""
    elif len(calls) == 1:
        title, text = first.name, words
    else:
        title, text = f"{first.name} ... {calls[-1].operation.name}", words
    shape = shape_text([step.shapes for step in calls])
    box = Box([], title, text, shape, 0, len(calls))
    activation = getattr(getattr(first, "activation", None), "__name__", "linear")
    if type(first).__name__ not in _FOLDED and activation != "linear":
        box.notes += note_of(keras.layers.Activation(activation), "")
    return box


def _is_small(operation):
    return type(operation).__name__ in _FOLDED or re.search("Dropout", type(operation).__name__) is not None


def _role(box, operation):
    if isinstance(operation, keras.layers.InputLayer) or box.role == "input":
        return "input"
    if box.outputs:
        return "output"
    return "weights" if box.n_weights else "plain"
