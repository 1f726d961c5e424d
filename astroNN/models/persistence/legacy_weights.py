"""Weights that version 1 saved: whole Keras models in HDF5 (1.0, 1.1) or in a Keras archive (1.2 in development).

Only arrays and the names of layers are read; the stored configuration of the model is not run, and its optimizer not
looked at. Layers that version 1 named are found by name. The others bore automatic names (``dense``, ``dense_1``),
whose numbers tell the order in which layers of a class were made, and nothing else: the file's order is by depth, and
the count goes on through a session. They are matched class by class in that order, and every shape must fit. So two
heads of equal shape can't be swapped, and an array without a place, or a layer without an array, is an error.
"""

import re

import keras
import numpy as np

from astroNN.models._weight_names import snake_case
from astroNN.models.persistence.legacy_files import opened_weights
from astroNN.models.persistence.safety import check_fits
from astroNN.shared.errors import FolderError

__all__ = ["LEGACY_WEIGHTS_FILES", "legacy_shapes", "read_legacy_weights"]

LEGACY_WEIGHTS_FILES = ("model_weights.h5", "model_weights.keras")


def read_legacy_weights(model, path, made_in_order=()):
    """Set all weights of a Keras model from a file of version 1; the model stays as it was if anything is wrong.

    Parameters
    ----------
    model : keras.Model
        Built from the class of the network; nested models are looked into.
    path : Path
        ``model_weights.h5`` or ``model_weights.keras``.
    made_in_order : sequence of str
        Layers of the model that had automatic names in version 1, in the order in which it made them.

    Raises
    ------
    FolderError
        If the file is damaged, or its arrays are not exactly those of the model.
    """
    layers = _layers_by_name(model, path)
    with opened_weights(path) as file:
        stored = _by_layer(file, model, layers, path)
        pairs = _matched(layers, stored, [name for name in made_in_order if name in layers], path)
        values = [
            (variable, array) for layer, datasets in pairs for variable, array in _arrays(layer, datasets, path)
        ]
    for variable, array in values:
        variable.assign(array)


def legacy_shapes(path):
    """Shapes of all weights in a file of version 1; no array is read.

    Parameters
    ----------
    path : Path
        ``model_weights.h5`` or ``model_weights.keras``.

    Returns
    -------
    list of tuple of int
        In the order of the file.

    Raises
    ------
    FolderError
        If the file can't be read, or holds anything but plain arrays.
    """
    with opened_weights(path) as file:
        return [dataset.shape for dataset in file.datasets.values()]


def _layers_by_name(model, path):
    layers = {}
    for layer in _weighted_layers(model):
        if layers.setdefault(layer.name, layer) is not layer:
            raise FolderError(
                f"The weights {path} can't be given to this network: two of its layers are called '{layer.name}'."
            )
    return layers


def _weighted_layers(model):
    """Layers that hold weights themselves, nested models opened."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _weighted_layers(layer)
        elif layer.weights:
            yield layer


def _by_layer(file, model, layers, path):
    """Layer name to its datasets by weight name."""
    nested = {layer.name for layer in model.layers if isinstance(layer, keras.Model)}
    stems = {_stem_of(layer) for layer in layers.values()}
    parents = {}
    for trail in file.datasets:
        parents.setdefault(trail[0], set()).add(trail[:-1])

    def is_model(group):
        is_layer = group in layers or _stem_in(group, stems) is not None
        return group in nested or (len(parents[group]) > 1 and not is_layer)

    by_layer = {}
    for trail, dataset in file.datasets.items():
        groups, key = trail[:-1], trail[-1].split(":")[0]
        if file.names is not None:
            layer = file.names[groups]
        elif groups:
            # Below the group of a layer stands its scope in TensorFlow, which may have got a number more.
            is_own = re.fullmatch(rf"{re.escape(groups[0])}(?:_\d+)?", groups[-1]) and not is_model(groups[0])
            layer = groups[0] if is_own else groups[-1]
        else:
            layer = ""
        if key in by_layer.setdefault(layer, {}):
            raise FolderError(f"The weights {path}: the layer '{layer}' has two arrays called '{key}'.")
        by_layer[layer][key] = dataset
    return by_layer


def _matched(layers, stored, made_in_order, path):
    """Pairs of a layer and its datasets; each of both sides exactly once."""
    automatic_layers, explicit_layers = _split(layers, {name: _stem_of(layer) for name, layer in layers.items()})
    for name in made_in_order:  # explicit here, automatic there
        explicit_layers.discard(name)
        automatic_layers.setdefault(_stem_of(layers[name]), []).append(name)
    stems = {_stem_of(layer) for layer in layers.values()}
    automatic_stored, explicit_stored = _split(stored, {name: _stem_in(name, stems) for name in stored})
    # An explicit name may look automatic: a layer that the class itself calls "dense_2".
    for stem, names in automatic_stored.items():
        taken = [name for name in names if name in explicit_layers]
        explicit_stored.update(taken)
        automatic_stored[stem] = [name for name in names if name not in taken]
    unused, lacking = sorted(explicit_stored - explicit_layers), sorted(explicit_layers - explicit_stored)
    for stem in {*automatic_layers, *automatic_stored}:
        ours, theirs = automatic_layers.get(stem, []), automatic_stored.get(stem, [])
        if len(ours) != len(theirs):
            lacking += ours
            unused += theirs
    if unused or lacking:
        raise FolderError(
            f"The weights {path} don't belong to this network: its layers {lacking or '(none)'} find no array there, "
            f"and the arrays of {unused or '(none)'} find no layer."
        )
    pairs = [(layers[name], stored[name]) for name in sorted(explicit_layers)]
    for stem, names in automatic_layers.items():
        pairs += [(layers[a], stored[b]) for a, b in zip(names, automatic_stored[stem], strict=True)]
    return pairs


def _split(names, stems):
    """Names made by Keras, by class in the order of their numbers; and the others."""
    automatic = {}
    for name in names:
        match = re.fullmatch(rf"{re.escape(stems[name])}(?:_(\d+))?", name) if stems[name] else None
        if match:
            automatic.setdefault(snake_case(stems[name]), []).append((int(match.group(1) or 0), name))
    explicit = set(names) - {name for numbered in automatic.values() for _, name in numbered}
    return {stem: [name for _, name in sorted(numbered)] for stem, numbered in automatic.items()}, explicit


def _stem_of(layer):
    """Automatic name of a layer's class."""
    return snake_case(type(layer).__name__)


def _stem_in(name, stems):
    # Layers of astroNN were called by their class, "PolyFit_1", before Keras 3.
    stem = re.sub(r"_\d+$", "", name)
    return stem if stem in stems or snake_case(stem) in stems else None


def _arrays(layer, datasets, path):
    """Variables of a layer with their arrays, by weight name or (Keras 3) by number."""
    numbered = all(name.isdigit() for name in datasets)
    variables = list(layer.weights)
    names = [str(i) if numbered else variable.name for i, variable in enumerate(variables)]
    if set(names) != set(datasets) or len(set(names)) < len(names):
        raise FolderError(
            f"The weights {path}: the layer '{layer.name}' needs the arrays {sorted(names)}, found "
            f"{sorted(datasets)}."
        )
    for variable, name in zip(variables, names, strict=True):
        check_fits(datasets[name], variable, f"'{name}' for the layer '{layer.name}'", path)
        yield variable, np.asarray(datasets[name][()])
