"""Weights that version 1 saved: whole Keras models in HDF5 (1.0, 1.1) or in a Keras 3 archive (1.2 in development).

Only arrays are read; the stored configuration of the model and its optimizer are not. Layers that version 1 named are
found by name. The others bore automatic names (``dense``, ``dense_1``), whose numbers tell the order in which layers
of a class were made, and nothing else: the file's order is by depth, and the count goes on through a session. They
are matched class by class in that order, and every shape must fit. So two heads of equal shape can't be swapped, and
an array without a place, or a layer without an array, is an error.
"""

import io
import re
import zipfile
from contextlib import contextmanager

import h5py
import keras
import numpy as np

from astroNN.models.persistence.hdf5 import snake_case
from astroNN.shared.errors import FolderError

__all__ = ["LEGACY_WEIGHTS_FILES", "legacy_dimensions", "read_legacy_weights"]

LEGACY_WEIGHTS_FILES = ("model_weights.h5", "model_weights.keras")
_ARCHIVE_LIMIT = 1 << 32  # bytes of weights in an archive that are unpacked at most
_DEPTH_LIMIT = 8  # groups inside groups
_NO_LAYERS = ("optimizer", "optimizer_weights", "vars")
_HDF5_MAGIC = b"\x89HDF"


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
    with _opened(path) as file:
        stored = _stored_layers(file, path)
        layers = {layer.name: layer for layer in _weighted_layers(model)}
        pairs = _matched(layers, stored, [name for name in made_in_order if name in layers], path)
        values = [
            (variable, array) for layer, datasets in pairs for variable, array in _arrays(layer, datasets, path)
        ]
    for variable, array in values:
        variable.assign(array)


def legacy_dimensions(path):
    """Longest axis of any array in a file of version 1, 0 without any."""
    with _opened(path) as file:
        layers = _stored_layers(file, path)
        return max((n for datasets in layers.values() for d in datasets.values() for n in d.shape), default=0)


@contextmanager
def _opened(path):
    """The HDF5 file, or the one inside a Keras archive; by content: Keras 2 wrote HDF5 under ``.keras``, too."""
    try:
        with open(path, "rb") as stream:
            is_hdf5 = stream.read(4) == _HDF5_MAGIC
        with h5py.File(path if is_hdf5 else _unpacked(path), "r") as file:
            yield file
    except FolderError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise FolderError(
            f"The weights {path} can't be read: {error}. The file is truncated, or neither HDF5 nor a Keras archive; "
            "copy the folder anew from where it was saved."
        ) from error


def _unpacked(path):
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo("model.weights.h5")
        if member.file_size > _ARCHIVE_LIMIT:
            raise FolderError(
                f"The weights {path} would take {member.file_size} bytes; this is no network of astroNN."
            )
        return io.BytesIO(archive.read(member))


def _stored_layers(file, path):
    """Layer name to its datasets by weight name, nested models opened."""
    layers = {}

    def walk(group, trail):
        if len(trail) > _DEPTH_LIMIT:
            raise FolderError(f"The weights {path} are nested too deep to be a network of astroNN.")
        for key in group:
            here = "/".join((*trail, key))
            if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                raise FolderError(f"The weights {path}: '{here}' is a link, which is never followed.")
            node = group[key]
            if isinstance(node, h5py.Group):
                if trail or key not in _NO_LAYERS:
                    walk(node, (*trail, key))
                continue
            _refuse_unless_plain(node, here, path)
            layers.setdefault(_layer_name(group, trail), {})[key.split(":")[0]] = node

    walk(file["model_weights"] if "model_weights" in file else file, ())
    # States of random number generators are no weights.
    return {name: datasets for name, datasets in layers.items() if not _is_generator(datasets)}


def _layer_name(group, trail):
    """Keras 2 calls the group by its layer; Keras 3 by the class, and writes the name beside it."""
    name = group.attrs.get("name", trail[-1] if trail else "")
    return name.decode() if isinstance(name, bytes) else str(name)


def _is_generator(datasets):
    return all(d.shape == (2,) and d.dtype.kind in "iu" for d in datasets.values())


def _refuse_unless_plain(node, name, path):
    plain = isinstance(node, h5py.Dataset) and not node.is_virtual and not node.external
    if not plain or node.dtype.kind not in "fiub":
        raise FolderError(f"The weights {path}: '{name}' is no plain array of numbers.")


def _weighted_layers(model):
    """Layers that hold weights themselves, nested models opened."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _weighted_layers(layer)
        elif layer.weights:
            yield layer


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
    if set(names) != set(datasets):
        raise FolderError(
            f"The weights {path}: the layer '{layer.name}' needs the arrays {sorted(names)}, found "
            f"{sorted(datasets)}."
        )
    for variable, name in zip(variables, names, strict=True):
        dataset = datasets[name]
        if tuple(dataset.shape) != tuple(variable.shape):
            raise FolderError(
                f"The weights {path}: '{name}' for the layer '{layer.name}' has the shape {dataset.shape}, but the "
                f"network needs {tuple(variable.shape)}."
            )
        yield variable, np.asarray(dataset[()])
