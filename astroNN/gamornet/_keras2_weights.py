"""Weights of GaMorNet in the files of Keras: HDF5 of Keras 2 (whole models or weights alone), and those of Keras 3.

Arrays are found by the order of the layers, as the numbers in their names depend on what else the process that wrote
them had built. Nothing is built from the configuration in a file, which is not even read.
"""

import re

import h5py
import numpy as np

from astroNN.models._weight_names import snake_case
from astroNN.models.misc_models.gamornet import FLAVOURS
from astroNN.models.persistence.legacy_files import opened_weights
from astroNN.shared.errors import FolderError

__all__ = ["FLAVOUR_MARK", "LAYER_NUMBERS", "read_keras_weights"]

#: the layers with weights, by their numbers in the table of the paper: 5 convolutions and 3 dense layers
LAYER_NUMBERS = (2, 5, 8, 9, 10, 13, 15, 17)
#: attribute of the files that the drop-in modules write
FLAVOUR_MARK = "astroNN_gamornet_flavour"
_N_CONVOLUTIONS, _N_DENSE = 5, 3
_NAMES = {"kernel": "kernel", "bias": "bias", "0": "kernel", "1": "bias"}
_MOST_LAYERS = 10_000


def read_keras_weights(path, shapes, flavour):
    """Kernels and biases of chosen layers.

    Parameters
    ----------
    path : Path
        HDF5 file or archive of Keras.
    shapes : list of 8 (tuple of two shapes, or None)
        Of kernel and bias in the network; None for a layer that is not wanted.
    flavour : str
        Of the network that the weights are for.

    Returns
    -------
    list of 8 (tuple of two arrays, or None)

    Raises
    ------
    FolderError
        (a ValueError and an OSError) If the file is damaged, or holds no GaMorNet, or one of another shape.
    ValueError
        If the file is of one flavour, as those of Keras 2 are, and the network of another.
    """
    with opened_weights(path) as stored:
        if not stored.datasets:
            raise FolderError(f"{path} holds no weights.")
        layers = _in_order(stored, path)
        _check_flavour(stored, flavour, path)
        found = _gamornet_layers(layers, path)
        return [
            None if wanted is None else _arrays(layer, wanted, number, path)
            for layer, wanted, number in zip(found, shapes, LAYER_NUMBERS, strict=True)
        ]


def _in_order(stored, path):
    """Layers that have weights, as (name, {"kernel": dataset, "bias": dataset}), in the order of the network."""
    layers = {}
    for trail, dataset in stored.datasets.items():
        # Keras 3: layers/<class>_<number>/vars/0; Keras 2: <layer>/<layer>/kernel:0
        layer = trail[:-1] if stored.names is not None else trail[0]
        name = _NAMES.get(trail[-1].removesuffix(":0"))
        if name is None or name in layers.setdefault(layer, {}):
            raise FolderError(
                f"{path}: the array '{'/'.join(trail)}' is neither kernel nor bias of a layer of GaMorNet."
            )
        layers[layer][name] = dataset
    if stored.names is not None:
        return [("/".join(layer), layers[layer]) for layer in sorted(layers, key=_by_number)]
    order = _layer_names(next(iter(stored.datasets.values())).file, path)
    unknown = sorted(set(layers) - set(order))
    if unknown:
        raise FolderError(f"{path}: the attribute `layer_names` does not name {unknown}, which have weights.")
    return [(name, layers[name]) for name in order if name in layers]


def _by_number(groups):
    """Keras 3 counts the layers of a class from 0, and leaves that number out."""
    stem, number = re.fullmatch(r"(.*?)(?:_(\d+))?", groups[-2]).groups()
    return stem, int(number or 0)


def _layer_names(file, path):
    """Names in the order in which Keras 2 made the layers; HDF5 itself sorts dense_10 before dense_9."""
    group = file["model_weights"] if "model_weights" in file else file
    names = None
    if "layer_names" in group.attrs and group.attrs.get_id("layer_names").shape[:1] < (_MOST_LAYERS,):
        names = np.ravel(group.attrs["layer_names"]).tolist()
    if names is None or not all(isinstance(name, str | bytes) for name in names):
        raise FolderError(
            f"{path} is HDF5, but no file of Keras: the attribute `layer_names`, which gives the order of the "
            "layers, is missing."
        )
    return [name.decode(errors="replace") if isinstance(name, bytes) else name for name in names]


def _check_flavour(stored, flavour, path):
    """Raise for weights in a network whose normalisation is another one, where the file tells whose they are."""
    file = next(iter(stored.datasets.values())).file
    written, version = _text(file, FLAVOUR_MARK), _text(file, "keras_version")
    if version is None and isinstance(file.get("model_weights"), h5py.Group):
        version = _text(file["model_weights"], "keras_version")
    how = "as the file says"
    if written is None and version is not None and version.startswith("2."):
        # Of the two earlier versions of the network only one was of Keras.
        written, how = "keras", f"written by Keras {version}"
    if written is None:
        names = _layer_names(file, path) if stored.names is None else list(file["layers"])
        written, how = _flavour_of_layers(names), "by the layers of normalisation among them"
    if written not in (None, flavour):
        raise ValueError(
            f"{path}: its weights, {how}, belong to the flavour {written!r}; this network has the flavour "
            f"{flavour!r}, whose normalisation would silently give other probabilities. Make the network with "
            f"flavour={written!r}, or use the functions of astroNN.gamornet.{written}_module."
        )


def _flavour_of_layers(names):
    """Whose normalisation is among layers, which have no weights but names; None if they don't tell."""
    kinds = {flavour: snake_case(f.normalisation.__name__) for flavour, f in FLAVOURS.items()}
    found = [flavour for flavour, kind in kinds.items() if any(name.startswith(kind) for name in names)]
    return found[0] if len(found) == 1 else None


def _text(group, name):
    """An attribute that is a text; None if it is not there, or none."""
    value = group.attrs.get(name)
    value = value.decode(errors="replace") if isinstance(value, bytes) else value
    return value if isinstance(value, str) else None


def _gamornet_layers(layers, path):
    """The five convolutions and three dense layers."""
    for name, arrays in layers:
        if set(arrays) != {"kernel", "bias"}:
            lacking = ({"kernel", "bias"} - set(arrays)).pop()
            raise FolderError(f"{path}: the layer '{name}' has no {lacking}. The file is damaged or no GaMorNet.")
    convolutions = [layer for layer in layers if layer[1]["kernel"].ndim == 4]
    dense = [layer for layer in layers if layer[1]["kernel"].ndim == 2]
    if (len(convolutions), len(dense), len(layers)) != (_N_CONVOLUTIONS, _N_DENSE, _N_CONVOLUTIONS + _N_DENSE):
        told = ", ".join(f"{name} {layer['kernel'].shape}" for name, layer in layers[:20])
        raise FolderError(
            f"{path} does not hold the {_N_CONVOLUTIONS} convolutions and {_N_DENSE} dense layers of GaMorNet, but "
            f"{len(convolutions)} and {len(dense)} among {len(layers)} layers with weights: {told}."
        )
    return [*convolutions, *dense]


def _arrays(layer, wanted, number, path):
    name, datasets = layer
    arrays = []
    for kind, shape in zip(("kernel", "bias"), wanted, strict=True):
        dataset = datasets[kind]
        if tuple(dataset.shape) != tuple(shape) or dataset.dtype.kind != "f":
            raise FolderError(
                f"{path}: the {kind} of layer {number} ('{name}') is {dataset.dtype} of shape {dataset.shape}, but "
                f"the network needs {tuple(shape)}. The input shape of the network decides that of layer 13: (167, "
                "167, 1) for SDSS, (83, 83, 1) for CANDELS. With `load_layers` layers can be left out."
            )
        arrays.append(np.asarray(dataset[()], dtype="float32"))
    return tuple(arrays)
