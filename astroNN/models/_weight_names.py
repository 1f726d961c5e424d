"""Names of a network's weights that are the same in every process and on every backend."""

import re

__all__ = ["snake_case", "stable_names", "weights_by_key"]

_OF_THE_MODEL = "model"  # group of weights that no layer holds


def weights_by_key(model):
    """Variables by ``<layer>/<weight>``, the same in every process."""
    layers = [layer for layer in model.layers if layer.weights]
    names = stable_names(layers)
    grouped = [(names[layer.name], layer.weights) for layer in layers]
    of_layers = {id(variable) for layer in layers for variable in layer.weights}
    # Those that a user's subclass of keras.Model has by itself.
    grouped.append((_OF_THE_MODEL, [variable for variable in model.weights if id(variable) not in of_layers]))
    keyed = {}
    for group, variables in grouped:
        for variable in variables:
            key = f"{group}/{variable.name}"
            number = 1
            while key in keyed:
                number += 1
                key = f"{group}/{variable.name}_{number}"
            keyed[key] = variable
    return keyed


def stable_names(layers):
    """Layer names, in which automatic numbers count the layers of a class through this model.

    Keras numbers unnamed layers through the whole process: ``dense_4`` here is ``dense`` elsewhere. They are counted
    in the order of the graph, which is the same everywhere, not in that of the numbers: a user may have given a layer
    a name that looks automatic.

    Parameters
    ----------
    layers : list of keras.layers.Layer
        In the order of the model.
    """
    names, counts = {}, {}
    for layer in layers:
        stem = snake_case(type(layer).__name__)
        names[layer.name] = layer.name
        if re.fullmatch(rf"{stem}(_\d+)?", layer.name):
            rank = counts[stem] = counts.get(stem, -1) + 1
            names[layer.name] = f"{stem}_{rank}" if rank else stem
    return names


def snake_case(name):
    """Name of a class as Keras turns it into names of layers."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
