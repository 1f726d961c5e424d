"""Weights of GaMorNet, released or your own, into a network that is built here."""

import difflib
import warnings
from pathlib import Path

import keras
import numpy as np

from astroNN.gamornet._drop_in_checks import layer_choice
from astroNN.gamornet._keras2_weights import LAYER_NUMBERS, read_keras_weights
from astroNN.gamornet._released import RELEASED, fetch_released, survey_of
from astroNN.gamornet._tflearn_weights import read_tflearn_weights
from astroNN.models.base_master_nn import NeuralNetMaster
from astroNN.models.misc_models.gamornet import FIRST_SPREAD, FLAVOURS
from astroNN.shared.errors import FolderError

__all__ = ["existing_weights", "load_weights", "weighted_layers"]

_NAMES = tuple(RELEASED["keras"])
_CHECKPOINT_ENDINGS = (".index", ".meta", ".data-00000-of-00001")
_SPREADS = "variance_output"


def load_weights(network, source, load_layers=None):
    """Put weights of GaMorNet into a network.

    Parameters
    ----------
    network : GaMorNet, GaMorNetBCNN or keras.Model
        What takes them. A network of astroNN that is not built yet is built for the survey, if `source` names one;
        for a file call its `build` first. A Keras model must have the layers of one.
    source : str, Path, GaMorNet, GaMorNetBCNN or keras.Model
        Released weights by name, ``"SDSS_sim"``, ``"SDSS_tl"``, ``"CANDELS_sim"`` or ``"CANDELS_tl"``, in the flavour
        of the network: fetched the first time, and kept in ``~/.astroNN/gamornet``. Or the path of a file: HDF5 of
        Keras (a whole model or weights alone), an archive ``.keras``, or a checkpoint of TFLearn (what its files have
        in common, without their endings). Or another network.
    load_layers : sequence of 8 bool, or str, optional
        Which layers take weights, by their numbers in the paper: 2, 5, 8, 9, 10 (convolutions), 13, 15, 17 (dense).
        The others keep theirs. Or one of the names ``"load_bools_SDSS"`` (the convolutions) and
        ``"load_bools_CANDELS"`` (all but the last two). Default: all.

    Returns
    -------
    list of str
        Names of the layers that took weights.

    Raises
    ------
    FileNotFoundError
        If there is no such file, and no released weights of that name.
    ConnectionError
        If released weights can't be fetched; tells how to do so by hand.
    FolderError
        (a ValueError and an OSError) If the file is damaged, or its layers are not those of the network.
    ImportError
        For a checkpoint of TFLearn, if TensorFlow is not installed.
    ValueError, TypeError
        If the weights belong to the other flavour, `load_layers` is not of that form, or the network is no GaMorNet
        or not built.

    Notes
    -----
    Weights belong to images as their network took them: a warning tells if this network normalises them otherwise.
    The network is left as it was if anything is wrong. Nothing is built from what a file says, and none of its code
    runs. The head of a `GaMorNetBCNN` that predicts spreads of logits has no counterpart in the files: where the last
    layer is loaded, it starts anew with spreads of 0.02, next to none, for all images.

    Examples
    --------
    >>> from astroNN.gamornet import load_weights
    >>> from astroNN.models import GaMorNet
    >>> net = GaMorNet()
    >>> names = load_weights(net, "SDSS_tl")  # doctest: +SKIP
    >>> probabilities = net.predict(images)  # doctest: +SKIP

    The convolutions of one network, for another that is to be trained on other images:

    >>> net, other = GaMorNet(), GaMorNet()
    >>> for one in (net, other):
    ...     one.num_filters, one.num_hidden = [4, 4, 4, 4, 4], [8, 8]  # small, for the example
    ...     built = one.build("CANDELS")
    >>> load_weights(other, net, [True] * 5 + [False] * 3)
    ['conv_1', 'conv_2', 'conv_3', 'conv_4', 'conv_5']
    """
    chosen = _checked_choice(load_layers)
    if not (isinstance(source, str) and source in _NAMES):
        return _load(network, source, chosen)
    before = dict(vars(network)) if _is_unbuilt(network) else None
    path = fetch_released(network.flavour if before else weighted_layers(_keras_model("network", network))[1], source)
    try:
        if before:
            network.build(survey_of(source))
        return _load(network, path, chosen)
    except Exception:
        if before:
            vars(network).clear()
            vars(network).update(before)
        raise


def _load(network, source, chosen):
    """`load_weights` from what is there, into a network that is built."""
    model = _keras_model("network", network)
    layers, flavour = weighted_layers(model)
    shapes = [_shapes(layer) if wanted else None for layer, wanted in zip(layers, chosen, strict=True)]
    if isinstance(source, NeuralNetMaster | keras.Model):
        arrays = _of_network(source, shapes, flavour)
    else:
        arrays = _read(existing_weights(source), shapes, flavour)
    _check_meaning(network, source, chosen)
    for number, pair in zip(LAYER_NUMBERS, arrays, strict=True):
        if pair is not None and not all(np.isfinite(array).all() for array in pair):
            raise FolderError(f"`source`: layer {number} has weights that are NaN or infinite; its training failed.")
    if isinstance(network, NeuralNetMaster):
        network._before_training()
        network._training_state = None
    _assign(layers, arrays)
    if chosen[-1] and any(layer.name == _SPREADS for layer in model.layers):
        _start_spreads(model.get_layer(_SPREADS))
    return [layer.name for layer, wanted in zip(layers, chosen, strict=True) if wanted]


def weighted_layers(model, argument="network"):
    """The eight layers of a GaMorNet that have weights, and its flavour.

    Parameters
    ----------
    model : keras.Model
        As `GaMorNet` or `GaMorNetBCNN` builds it.
    argument : str, optional
        Name of the user's argument, for the error.

    Returns
    -------
    layers : list of 8 keras.layers.Layer
        In the order of the layers 2, 5, 8, 9, 10, 13, 15, 17 of the paper.
    flavour : {"keras", "tflearn"}

    Raises
    ------
    ValueError
        If the model is no GaMorNet.
    """
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense) and layer.name != _SPREADS]
    flavours = [name for name, f in FLAVOURS.items() if any(isinstance(x, f.normalisation) for x in model.layers)]
    if (len(convolutions), len(dense), len(flavours)) != (5, 3, 1):
        raise ValueError(
            f"`{argument}` must be a GaMorNet, with 5 convolutions, 3 dense layers and one kind of local response "
            f"normalisation; got {len(convolutions)}, {len(dense)} and {len(flavours)}."
        )
    return [*convolutions, *dense], flavours[0]


def existing_weights(source):
    """Path of a file, or prefix of a checkpoint, that is there.

    Raises
    ------
    FileNotFoundError
        If it is not.
    TypeError
        If `source` is no path.
    """
    if not isinstance(source, str | Path):
        raise TypeError(
            f"`source` must be a path or one of {', '.join(map(repr, _NAMES))}, got {type(source).__name__}."
        )
    path = Path(source).expanduser().absolute()
    for ending in _CHECKPOINT_ENDINGS:
        path = Path(str(path).removesuffix(ending))
    if _is_checkpoint(path) or path.is_file():
        return path
    if path.is_dir():
        raise FileNotFoundError(
            f"{path} is a folder, no file of weights. A network that was saved by astroNN is loaded by "
            "astroNN.models.load_folder."
        )
    similar = difflib.get_close_matches(str(source), _NAMES, n=1)
    hint = f" Did you mean {similar[0]!r}?" if similar else ""
    raise FileNotFoundError(
        f"There is no file {path}, nor {path.name}.index of a checkpoint. Released weights are called "
        f"{', '.join(map(repr, _NAMES))}.{hint}"
    )


def _is_unbuilt(network):
    return isinstance(network, NeuralNetMaster) and not network.has_model and hasattr(network, "flavour")


def _check_meaning(network, source, chosen):
    """Whether the weights mean the same in this network: its images as they come, and its classes."""
    mode, means = _normalisation(network)
    other_mode, other_means = _normalisation(source)
    if mode != other_mode or (mode != "0" and not np.array_equal(means, other_means)):
        warnings.warn(
            f"load_weights: `network` takes images with input_norm_mode {mode}, `source` with {other_mode}, or with "
            "other means; weights see other numbers than they were trained on. Train on, or keep input_norm_mode 0 "
            "in both (`load_folder` gives a network with its own).",
            stacklevel=5,
        )
    names, others = (getattr(one, "targetname", None) for one in (network, source))
    if chosen[-1] and names and others and list(names) != list(others):
        raise ValueError(
            f"`source` has the classes {list(others)}, `network` {list(names)}: the last layer would give one for "
            "the other. Set `targetname` alike, or leave the last layer out with `load_layers`."
        )


def _normalisation(network):
    """Mode and means; files and plain models, as the published ones, do not normalise."""
    if not isinstance(network, NeuralNetMaster) or network.input_normalizer is None:
        return "0", None
    normalizer = network.input_normalizer
    return normalizer.modes_as_text(["input"])["input"], normalizer.mean_labels.get("input")


def _keras_model(argument, network):
    if isinstance(network, keras.Model):
        return network
    if not isinstance(network, NeuralNetMaster):
        raise TypeError(
            f"`{argument}` must be a GaMorNet, a GaMorNetBCNN or a Keras model of one, got {type(network).__name__}."
        )
    if not network.has_model:
        raise ValueError(
            f"`{argument}` is not built yet, and the shape of its images not known: call "
            f'{type(network).__name__}.build, for instance net.build("SDSS") or net.build((64, 64, 1)), first.'
        )
    return network.keras_model


def _checked_choice(load_layers):
    if load_layers is None:
        return [True] * len(LAYER_NUMBERS)
    choice = layer_choice("load_layers", load_layers)
    if not any(choice):
        raise ValueError("`load_layers` is False for every layer: there is nothing to load.")
    return choice


def _is_checkpoint(path):
    return Path(f"{path}.index").is_file()


def _of_network(source, shapes, flavour):
    """Weights of the layers wanted, of another network."""
    layers, other_flavour = weighted_layers(_keras_model("source", source), "source")
    if other_flavour != flavour:
        raise ValueError(
            f"`source` has the flavour {other_flavour!r}, `network` the flavour {flavour!r}, whose normalisation "
            "would silently give other probabilities. Make both with the same flavour."
        )
    for number, layer, wanted in zip(LAYER_NUMBERS, layers, shapes, strict=True):
        if wanted is not None and _shapes(layer) != wanted:
            raise ValueError(
                f"`source`: layer {number} has weights of the shapes {_shapes(layer)}, but `network` needs {wanted}. "
                "Leave it out with `load_layers`, or build `network` for images of the same shape."
            )
    return [None if wanted is None else layer.get_weights() for layer, wanted in zip(layers, shapes, strict=True)]


def _shapes(layer):
    return tuple(tuple(weight.shape) for weight in (layer.kernel, layer.bias))


def _read(path, shapes, flavour):
    if not _is_checkpoint(path):
        return read_keras_weights(path, shapes, flavour)
    if flavour != "tflearn":
        raise ValueError(
            f"{path} is a checkpoint of TFLearn, whose weights belong to the flavour 'tflearn'; this network has the "
            f"flavour {flavour!r}, whose normalisation would silently give other probabilities. Make the network "
            "with flavour='tflearn'."
        )
    return read_tflearn_weights(path, shapes)


def _assign(layers, arrays):
    for layer, pair in zip(layers, arrays, strict=True):
        if pair is not None:
            layer.kernel.assign(pair[0])
            layer.bias.assign(pair[1])


def _start_spreads(head):
    head.kernel.assign(np.zeros(head.kernel.shape, "float32"))
    head.bias.assign(np.full(head.bias.shape, FIRST_SPREAD, "float32"))
