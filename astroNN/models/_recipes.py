"""What `model()` of a recipe may return, in today's form and in those of older versions, and what it may not."""

import functools
import inspect
import warnings
from dataclasses import dataclass

import keras

from astroNN.nn.layers import VAESampling

__all__ = [
    "Autoencoder", "autoencoder_parts", "one_graph", "rebuilt", "refuse_custom_steps", "refuse_symbolic_losses",
    "training_class", "two_graphs", "warn_of_unused",
]  # fmt: skip

_OWN_LOSS = (
    "To train with a loss of your own return a subclass of keras.Model from `model()` and override `compute_loss`, "
    "which gets the inputs (of Bayesian networks with the label errors), the labels and all outputs of a batch."
)
_LATENT = ("z_mean", "z_log_var", "z")


def one_graph(returned, owner):
    """The Keras model that a recipe without uncertainties returned, alone or in front of other things."""
    return _checked_graph(returned[0] if isinstance(returned, list | tuple) and returned else returned, owner)


def two_graphs(returned, owner):
    """Training and prediction graph of a Bayesian recipe, from the one to four objects that it returned.

    Version 1 returned two losses behind the graphs. Those of astroNN are passed over, as the training has them
    anyway.

    Raises
    ------
    TypeError
        If a graph is none, or a loss holds symbolic tensors and is not one of astroNN's.
    """
    objects = list(returned) if isinstance(returned, list | tuple) else [returned]
    training, prediction = (
        _checked_graph(graph, owner) for graph in (objects * 2 if len(objects) == 1 else objects)[:2]
    )
    foreign = [loss for loss in objects[2:] if callable(loss) and not _is_ours(loss)]
    refuse_symbolic_losses(foreign, f"`model()` of {owner} returned")
    if foreign:
        warnings.warn(
            f"The loss functions that `model()` of {owner} returned are not used: a Bayesian network is trained with "
            f"loss of its task, which uses the label errors. {_OWN_LOSS}",
            stacklevel=6,
        )
    return training, prediction


@dataclass(frozen=True)
class Autoencoder:
    """Parts of an autoencoder: inputs, latent variables and decoder, and the class and graph that train them."""

    inputs: dict
    latent: dict
    decoder: keras.Model
    training_class: type
    whole: keras.Model | None


def autoencoder_parts(returned, owner, default_class):
    """Parts of an autoencoder: from (encoder, decoder), or (whole, encoder, decoder) as in version 1.0.

    The encoder gives z_mean, z_log_var and z, in a list or a dictionary. In version 1.0 it gave the mean alone: then
    the other two are those of the `VAESampling` layer of the whole network.

    Raises
    ------
    ValueError, TypeError
        If the objects are no such models.
    """
    if not isinstance(returned, list | tuple) or len(returned) not in (2, 3):
        raise ValueError(f"`model()` of {owner} must return the encoder and the decoder, two Keras models.")
    whole = _checked_graph(returned[0], owner) if len(returned) == 3 else None
    encoder, decoder = _checked_graph(returned[-2], owner), returned[-1]
    if not isinstance(decoder, keras.Model):
        raise TypeError(f"`model()` of {owner} must return the decoder as a Keras model, got {_kind(decoder)}.")
    latent = _latent_by_name(encoder.output) or _latent_of_whole(whole)
    if latent is None:
        got = keras.tree.map_structure(lambda tensor: tensor.shape, encoder.output)
        raise ValueError(
            f"The encoder that `model()` of {owner} returns must have the outputs z_mean, z_log_var and z (a list in "
            f"this order, or a dictionary), got {got}. If it gives the mean alone, as in version 1.0, the whole "
            "network in front of it must draw z by a layer of astroNN.nn.layers.VAESampling."
        )
    inputs = {tensor.name: tensor for tensor in encoder.inputs}
    return Autoencoder(inputs, latent, decoder, training_class(whole, default_class), whole)


def training_class(graph, default):
    """Class of the model to train: the user's own, if it says how to train or what the loss is, else `default`."""
    for method in ("compute_loss", "train_step"):
        if graph is not None and getattr(type(graph), method) is not getattr(keras.Model, method):
            return type(graph)
    return default


def rebuilt(graph, kind, inputs, outputs, name, owner):
    """A model of class `kind` with the layers of a graph and other inputs or outputs.

    What the user has set in the graph goes along, if it is of that class.

    Raises
    ------
    TypeError
        If the class has an ``__init__`` of its own, whose arguments nobody knows, or weights of its own.
    """
    if graph is None:
        return kind(inputs=inputs, outputs=outputs, name=name)
    if _has_own_init(kind):
        raise TypeError(
            f"`model()` of {owner} returned a {kind.__name__}, a subclass of keras.Model whose `__init__` is its "
            f"own. It has to be made anew with other inputs and outputs (by name, with label errors), without the "
            "arguments that you gave. Leave `__init__` out: set attributes of the model after it is made, or use "
            "attributes of the class. (A network without uncertainties that has one output, and a dictionary of "
            "inputs by name, is taken as it is.)"
        )
    model = kind(inputs=inputs, outputs=outputs, name=name)
    if isinstance(graph, kind) and kind is not keras.Model:
        theirs = {key: value for key, value in vars(graph).items() if key not in vars(model) and key[0] != "_"}
        for key, value in theirs.items():
            setattr(model, key, value)
    of_layers = {id(variable) for layer in graph.layers for variable in layer.variables}
    if any(id(variable) not in of_layers for variable in graph.weights):
        raise TypeError(
            f"`model()` of {owner} returned a {type(graph).__name__} with weights of its own, which can't go along "
            "when it is made anew with other inputs and outputs (by name, with label errors). Put them into a layer "
            "of the network."
        )
    return model


def _has_own_init(kind):
    for cls in kind.__mro__:
        if cls.__module__.split(".")[0] in ("keras", "astroNN"):
            return False
        if "__init__" in vars(cls):
            return True
    return False


def refuse_symbolic_losses(losses, whose):
    """Raise for losses that hold symbolic tensors of the network, as those of version 1 did.

    Parameters
    ----------
    losses : callable, str, None, or a list or dictionary of them
        As given to `keras.Model.compile`.
    whose : str
        Begins the message: where they come from.

    Raises
    ------
    TypeError
        Naming `compute_loss`.
    """
    for loss in keras.tree.flatten(losses):
        if _holds_symbols(loss, set()):
            name = getattr(loss, "__name__", type(loss).__name__)
            raise TypeError(
                f"{whose} the loss {name!r}, which holds symbolic tensors of the network. Keras 3 can't compute with "
                f"them outside the network. {_OWN_LOSS}"
            )


def warn_of_unused(owner, **arguments):
    """Warn of arguments of `compile` or `recompile` that a kind of network does not use.

    Parameters
    ----------
    owner : str
        The kind of network; begins the message.
    **arguments
        By name; None if not given.
    """
    given = [name for name, value in arguments.items() if value is not None]
    if given:
        warnings.warn(
            f"{owner} has a loss of its own; {' and '.join(f'`{name}`' for name in given)} given to `compile` or "
            f"`recompile` are not used. {_OWN_LOSS}",
            stacklevel=5,
        )


def refuse_custom_steps(net, base):
    """Raise for a class that brings training steps of its own, which nothing calls."""
    for step in ("custom_train_step", "custom_test_step"):
        if getattr(type(net), step) is not getattr(base, step):
            raise NotImplementedError(
                f"`{step}` of {type(net).__name__} is not supported: it was written for the inside of Keras 2. "
                f"{_OWN_LOSS} A `train_step` of that class is used, too."
            )


def _checked_graph(graph, owner):
    if not isinstance(graph, keras.Model) or getattr(graph, "inputs", None) is None:
        raise TypeError(
            f"`model()` of {owner} must return functional Keras models, keras.Model(inputs=..., outputs=...), got "
            f"{_kind(graph)}."
        )
    return graph


def _kind(thing):
    return "None (is a `return` missing?)" if thing is None else f"an object of class {type(thing).__name__}"


def _is_ours(function):
    return getattr(function, "__module__", "").startswith("astroNN.nn.losses")


def _holds_symbols(thing, seen):
    """Whether a function has symbolic tensors in its closure, defaults or arguments, however deep."""
    if isinstance(thing, keras.KerasTensor):
        return True
    if id(thing) in seen:
        return False
    seen.add(id(thing))
    return any(_holds_symbols(part, seen) for part in _parts(thing))


def _parts(thing):
    if isinstance(thing, list | tuple):
        return thing
    if isinstance(thing, dict):
        return thing.values()
    if isinstance(thing, functools.partial):
        return [thing.func, *thing.args, *thing.keywords.values()]
    if isinstance(thing, keras.losses.Loss):
        return [value for name, value in vars(thing).items() if not name.startswith("_")]
    if inspect.ismethod(thing):
        return [thing.__func__]
    if not inspect.isfunction(thing):
        return []
    names = inspect.getclosurevars(thing).nonlocals if thing.__closure__ else {}
    return [*names.values(), *(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()]


def _latent_by_name(outputs):
    named = outputs if isinstance(outputs, dict) else dict(zip(_LATENT, keras.tree.flatten(outputs), strict=False))
    return {name: named[name] for name in _LATENT} if set(_LATENT) <= set(named) else None


def _latent_of_whole(whole):
    layers = [] if whole is None else whole._flatten_layers()
    for layer in layers:
        if isinstance(layer, VAESampling):
            return dict(zip(_LATENT, [*layer.input, layer.output], strict=True))
    return None
