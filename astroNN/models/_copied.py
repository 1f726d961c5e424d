"""Pickles and copies of networks: settings and numbers travel, and the Keras model is built anew around them."""

import copy
import pickle
import sys
from io import BytesIO

import keras
import numpy as np

from astroNN.models.persistence.schema import KEYS
from astroNN.models.training.n_train import layers_with_n_train

__all__ = ["Copied", "untrained_copy"]

#: what a copy goes without: compiled functions, and the data of the last training
_LEFT_BEHIND = {"_engines": dict, "_derivatives": dict, "training_generator": None, "validation_generator": None}
_PLAIN = (str, bytes, int, float, bool, type(None), np.ndarray, np.generic)
_WITH_CONFIG = (keras.optimizers.Optimizer, keras.metrics.Metric, keras.losses.Loss)


class Copied:
    """Mixin of networks that can be pickled and copied.

    `pickle.dumps`, `copy.deepcopy` and `copy.copy` (which copies wholly, too: two networks that share their weights
    would train each other) keep weights, state of the optimizer and of the random numbers, settings, normalisers,
    calibration and history. Left behind are compiled functions, and the data of the last training.
    """

    def __getstate__(self):
        state = _state(self)
        if _pickled_by_others():
            return state
        for name, value in {**state["attributes"], **_compile_arguments(state)}.items():
            _check_can_be_pickled(self, name, value)
        return state

    def __setstate__(self, state):
        self.__dict__.update(state["attributes"])
        for name in _LEFT_BEHIND:
            self.__dict__[name] = _nothing(name)
        if state["model"] is None:
            return
        _build_again(self, state["model"]["built_with"])
        # Compiling has set some attributes to what a new network has.
        kept = {name: value for name, value in state["attributes"].items() if name not in state["rebuilt"]}
        self.__dict__.update(kept)
        _fill(self, state["model"])

    def __deepcopy__(self, memo):
        twin = type(self).__new__(type(self))
        memo[id(self)] = twin
        state = _state(self)
        attributes = state.pop("attributes")
        copied = copy.deepcopy(state, memo)
        copied["attributes"] = {name: _copy_of(self, name, value, memo) for name, value in attributes.items()}
        twin.__setstate__(copied)
        return twin

    def __copy__(self):
        return copy.deepcopy(self)


def untrained_copy(net):
    """A network of the same class and settings that has seen no data, whether the given one has or not."""
    blank = object.__new__(type(net))
    blank._forget_data()
    state = _state(net)
    twin = object.__new__(type(net))
    for name, value in state["attributes"].items():
        if name not in vars(blank):
            vars(twin)[name] = _copy_of(net, name, value, {id(net): twin})
    twin._forget_data()
    twin._before_training()
    for name in _LEFT_BEHIND:
        setattr(twin, name, _nothing(name))
    twin.folder_name = twin.fullfilepath = None
    return twin


class _ByConfig:
    """An object of Keras that comes back as a new one with the same configuration."""

    def __init__(self, thing):
        self.thing = thing

    def __reduce__(self):
        return type(self.thing).from_config, (self.thing.get_config(),)


def _nothing(name):
    return _LEFT_BEHIND[name]() if _LEFT_BEHIND[name] else None


def _state(net):
    """Everything that makes the network, in types that can be copied."""
    parts = _parts(net.keras_model)
    attributes, rebuilt = {}, []
    for name, value in vars(net).items():
        if _is_part(value, parts):
            attributes[name] = None
            rebuilt.append(name)
        elif name not in _LEFT_BEHIND:
            attributes[name] = _portable(value)
    model = None if net.keras_model is None else _model_state(net)
    return {"attributes": attributes, "rebuilt": rebuilt, "model": model}


def _model_state(net):
    model = net.keras_model
    optimizer = getattr(model, "optimizer", None)
    return {
        "built_with": dict(net._built_with),
        "backend": keras.backend.backend(),
        "variables": _arrays(model.variables),
        "trainable": [layer.trainable for layer in model._flatten_layers()],
        "n_train": [layer.n_train for layer in layers_with_n_train(model)],
        "optimizer": _arrays(optimizer.variables) if optimizer is not None and optimizer.built else None,
        "compiled": _portable(_compiled_with(model)),
    }


def _compiled_with(model):
    """Arguments of `keras.Model.compile` that make the model train as it does."""
    given = model._compile_config.config
    return {name: given[name] for name in ("loss", "loss_weights", "metrics", "weighted_metrics")} | {
        "optimizer": model.optimizer,
        "run_eagerly": model.run_eagerly,
        "steps_per_execution": model.steps_per_execution,
        "jit_compile": model.jit_compile,
    }


def _compile_arguments(state):
    return state["model"]["compiled"] if state["model"] else {}


def _build_again(net, built_with):
    """Build the Keras model with the settings that it was built with, whatever they are today."""
    for name, value in built_with.items():
        # None: the format of folders has no words for the value, or it is None already.
        if value is not None:
            setattr(net, KEYS[name].attribute, value)
    net.compile()


def _fill(net, stored):
    """Give a model, just built, the numbers of the original."""
    model = net.keras_model
    layers, counted = list(model._flatten_layers()), layers_with_n_train(model)
    shapes = [tuple(variable.shape) for variable in model.variables]
    if shapes != [array.shape for array in stored["variables"]] or len(layers) != len(stored["trainable"]):
        raise TypeError(
            f"{type(net).__name__} can't be copied: its method `model()` doesn't build the network again that it "
            "holds. Either `keras_model` was replaced, or a setting that `model()` uses changed after the training."
        )
    for layer, trainable in zip(layers, stored["trainable"], strict=True):
        if layer.trainable != trainable:
            layer.trainable = trainable
    for layer, n_train in zip(counted, stored["n_train"], strict=True):
        layer.n_train = n_train
    arguments = dict(stored["compiled"])
    if stored["backend"] != keras.backend.backend() and arguments["jit_compile"]:
        arguments["jit_compile"] = "auto"
    model.compile(**arguments)
    _assign(model.variables, stored["variables"])
    if stored["optimizer"] is not None:
        model.optimizer.build(model.trainable_variables)
        _assign(model.optimizer.variables, stored["optimizer"])


def _arrays(variables):
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def _assign(variables, arrays):
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def _parts(model):
    """Identities of the layers of a model, and of the model."""
    return set() if model is None else {id(model), *(id(layer) for layer in model._flatten_layers())}


def _is_part(value, parts):
    """Whether a value is made by `model()`: the graph, its layers, a graph that shares layers, a symbol, or lists."""
    if isinstance(value, keras.KerasTensor):
        return True
    if isinstance(value, keras.layers.Layer):
        return any(id(layer) in parts for layer in value._flatten_layers())
    if isinstance(value, dict):
        value = list(value.values())
    return isinstance(value, list | tuple) and len(value) > 0 and all(_is_part(entry, parts) for entry in value)


def _portable(value):
    """The value without ties to a Keras model; the very value where it has none."""
    if isinstance(value, keras.callbacks.Callback):
        return _detached(value)
    if isinstance(value, _WITH_CONFIG):
        return _ByConfig(value)
    if type(value) is dict:
        entries = {key: _portable(entry) for key, entry in value.items()}
        return entries if any(entries[key] is not value[key] for key in value) else value
    if type(value) in (list, tuple):
        entries = type(value)(map(_portable, value))
        return entries if any(new is not old for new, old in zip(entries, value, strict=True)) else value
    return value


def _detached(callback):
    """The callback, with what it has seen, but without the model that it watched."""
    free = object.__new__(type(callback))
    free.__dict__.update(vars(callback))
    free._model = None
    return free


def _copy_of(net, name, value, memo):
    try:
        return copy.deepcopy(value, memo)
    except (TypeError, AttributeError, pickle.PicklingError) as error:
        raise TypeError(
            f"{type(net).__name__} can't be copied: its attribute `{name}` can't ({error}). Set it to None, "
            "copy, and set it again on both."
        ) from error


def _check_can_be_pickled(net, name, value):
    """Raise for what Python's pickle would fail at somewhere inside, with an error that names no attribute."""
    if isinstance(value, _PLAIN):
        return

    class Probe(pickle.Pickler):
        def persistent_id(self, thing):
            # A callback may know its network: that is what is being pickled.
            return "network" if thing is net else None

    try:
        Probe(BytesIO()).dump(value)
    except (TypeError, AttributeError, pickle.PicklingError) as error:
        raise TypeError(
            f"{type(net).__name__} can't be pickled: its attribute `{name}` can't ({error}). Set it to None first. "
            "A function can be pickled if it is defined by `def` in a module, not inside another function; `save` "
            "needs none of this."
        ) from error


def _pickled_by_others():
    """Whether the pickler is cloudpickle (joblib, dask and ray have it) or dill, which take more than Python's."""
    frame = sys._getframe(1)
    while frame is not None:
        if any(name in frame.f_globals.get("__name__", "") for name in ("cloudpickle", "dill")):
            return True
        frame = frame.f_back
    return False
