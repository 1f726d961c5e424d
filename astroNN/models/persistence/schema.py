"""What stands in ``astroNN_model_parameter.json``: the keys of the established format, and ours.

One table names, for every key, the attribute of the network and what values are allowed; writing and reading both
go by it.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from astroNN.models._label_facts import are_label_facts
from astroNN.models.persistence.legacy import modern_parameters
from astroNN.nn.utilities.normalizer import MODES
from astroNN.shared.errors import FolderError

__all__ = ["FORMAT_VERSION", "KEYS", "PARAMETER_FILE", "is_legacy", "parse_parameters", "read_parameters"]

PARAMETER_FILE = "astroNN_model_parameter.json"
FORMAT_VERSION = 2
_SIZE_LIMIT = 1 << 28  # bytes of JSON that are read at most
_STARS_LIMIT = 100_000_000  # in a list of row numbers
_PIXELS_LIMIT = 1 << 25  # in one star
_INTEGER_LIMIT = 1 << 63
_NAME_LIMIT = 1000  # characters


def _is_number(value):
    if isinstance(value, int):
        return not isinstance(value, bool) and abs(value) < _INTEGER_LIMIT
    return isinstance(value, float) and math.isfinite(value)


def _is_shape_table(value):
    return isinstance(value, dict) and all(map(_is_array_name, value)) and all(map(_is_shape, value.values()))


def _is_array_name(name):
    # Keras allows no slash in the name of an input, and nobody needs the others.
    return name.isprintable() and not set(name) & set("/\\") and name.strip(". ") != "" and len(name) < _NAME_LIMIT


def _is_shape(value):
    values = value if isinstance(value, list) else [value]
    return bool(values) and all(isinstance(n, int) and not isinstance(n, bool) and 0 < n < 1 << 31 for n in values)


def _is_sizes(value):
    values = value if isinstance(value, list) else [value]
    flat = [v for entry in values for v in (entry if isinstance(entry, list) else [entry])]
    return all(_is_count(v) and v > 0 for v in flat)


def _is_fraction(value):
    return _is_number(value) and 0 <= value < 1


def _size(shape):
    return math.prod(shape) if isinstance(shape, list) else shape


def _is_text(value):
    return isinstance(value, str)


def _is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _INTEGER_LIMIT


def _is_names(value):
    return all(map(_is_name, value if isinstance(value, list) else [value]))


def _is_name(value):
    """A label's name may be ``[C/H]``, but nothing that leads to another folder, as plots are named after labels."""
    is_text = isinstance(value, str) and value.isprintable() and len(value) < _NAME_LIMIT
    return is_text and not value.startswith(("/", "\\")) and ".." not in value.replace("\\", "/").split("/")


def _is_units(value):
    return isinstance(value, list) and all(unit is None or _is_name(unit) for unit in value)


def _is_flag(value):
    return isinstance(value, bool)


def _is_flag_or_text(value):
    return isinstance(value, bool | str)


def _is_list_of_counts(value):
    return isinstance(value, list) and all(map(_is_count, value))


@dataclass(frozen=True)
class Key:
    """One key of the JSON file: where it lives on the network, and what it may hold."""

    attribute: str
    allowed: Callable
    needed: str
    required: bool = False
    builds: bool = False  # whether the network is built with it, so that a later change means nothing
    nullable: bool = False  # whether null is a value of its own; else it means: the default of the class


KEYS = {
    "hidden": Key("num_hidden", _is_sizes, "positive integers", builds=True),
    "filternum": Key("num_filters", _is_sizes, "positive integers", builds=True),
    "filterlen": Key("filter_len", _is_sizes, "positive integers", builds=True),
    "pool_length": Key("pool_length", _is_sizes, "positive integers", builds=True),
    "task": Key("task", _is_text, "a text", builds=True),
    "activation": Key("activation", _is_text, "a text", builds=True),
    "last_layer_activation": Key("_last_layer_activation", _is_text, "a text", builds=True),
    "valsize": Key("val_size", _is_fraction, "a fraction below 1", nullable=True),
    "targetname": Key("targetname", _is_names, "names", nullable=True),
    "dropout_rate": Key("dropout_rate", _is_fraction, "a fraction below 1", builds=True),
    "l1": Key("l1", _is_number, "a number", builds=True, nullable=True),
    "l2": Key("l2", _is_number, "a number", builds=True, nullable=True),
    "maxnorm": Key("maxnorm", _is_number, "a number", builds=True, nullable=True),
    "batch_size": Key("batch_size", _is_count, "an integer", required=True),
    "inv_tau": Key("inv_model_precision", _is_number, "a number"),
    "length_scale": Key("length_scale", _is_number, "a number"),
    "aux_length": Key("aux_length", _is_count, "an integer", builds=True),
    "latent": Key("latent_dim", _is_count, "an integer", builds=True),
    "input_names": Key("input_names", _is_names, "names"),
    "output_names": Key("output_names", _is_names, "names"),
    # Ours, beyond the established format.
    "target_units": Key("target_units", _is_units, "a list of units", nullable=True),
    "license": Key("license", _is_text, "a text", nullable=True),
    "training_labels": Key("_training_labels", are_label_facts, "counts and statistics of labels"),
    "lr": Key("lr", _is_number, "a number"),
    "max_epochs": Key("max_epochs", _is_count, "an integer"),
    "beta_1": Key("beta_1", _is_fraction, "a fraction below 1"),
    "beta_2": Key("beta_2", _is_fraction, "a fraction below 1"),
    "optimizer_epsilon": Key("optimizer_epsilon", _is_number, "a number"),
    "reduce_lr_epsilon": Key("reduce_lr_epsilon", _is_number, "a number", nullable=True),
    "reduce_lr_min": Key("reduce_lr_min", _is_number, "a number", nullable=True),
    "reduce_lr_patience": Key("reduce_lr_patience", _is_count, "an integer", nullable=True),
    "early_stopping": Key("early_stopping", _is_flag, "true or false"),
    "early_stopping_min_delta": Key("early_stopping_min_delta", _is_number, "a number"),
    "early_stopping_patience": Key("early_stopping_patience", _is_count, "an integer"),
    "keep_best": Key("keep_best", _is_flag_or_text, "true, false or the name of a logged value"),
    "mc_num": Key("mc_num", _is_count, "an integer"),
    "seed": Key("seed", _is_count, "an integer"),
    "num_train": Key("num_train", _is_count, "an integer"),
    "val_num": Key("val_num", _is_count, "an integer"),
    "disable_dropout": Key("disable_dropout", _is_flag, "true or false", builds=True),
    "use_xbias": Key("use_xbias", _is_flag, "true or false", builds=True),
    "flavour": Key("flavour", _is_text, "a text", builds=True),
    "momentum": Key("momentum", _is_fraction, "a fraction below 1"),
    "nesterov": Key("nesterov", _is_flag, "true or false"),
}


def parse_parameters(path):
    """Content of a parameter file, checked.

    Parameters
    ----------
    path : Path
        The JSON file.

    Returns
    -------
    dict
        With the keys of the present format, whichever the file has.

    Raises
    ------
    FolderError
        If the file is no JSON, or a key is missing or holds what it can't.
    """
    parameters = read_parameters(path)
    try:
        if is_legacy(parameters):
            parameters = modern_parameters(parameters)
        _check(path, parameters)
    except RecursionError as error:
        raise FolderError(f"{path} is damaged: its lists are nested too deep.") from error
    return parameters


def read_parameters(path):
    """Content of a parameter file in a known version of the format.

    Parameters
    ----------
    path : Path
        The JSON file.

    Returns
    -------
    dict
        Keys are not checked yet, but for ``id``.

    Raises
    ------
    FolderError
        If the file is too large, damaged, no parameter file, or of a later format.
    """
    if path.stat().st_size > _SIZE_LIMIT:
        raise FolderError(f"{path} is larger than 256 MiB: this is no parameter file of astroNN.")
    try:
        parameters = _parsed(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise FolderError(f"{path} is damaged: {error}. Copy the folder anew from where it was saved.") from error
    if not isinstance(parameters, dict) or not isinstance(parameters.get("id"), str):
        raise FolderError(f"{path} is no parameter file of astroNN: it has no `id`.")
    if not is_legacy(parameters):
        _check_version(path, parameters)
    return parameters


def is_legacy(parameters):
    """Whether parameters come from version 1 of astroNN, which knew no version of its format.

    Parameters
    ----------
    parameters : dict
        Content of a parameter file.

    Returns
    -------
    bool
        True for version 1.
    """
    return "format_version" not in parameters


def _parsed(text):
    constants = []

    def constant(word):
        constants.append(word)
        return float(word)

    parameters = json.loads(text, parse_constant=constant, object_pairs_hook=_without_doubles)
    # Version 1 wrote NaN for statistics that it could not take; anywhere else the checks refuse it.
    if constants and not (isinstance(parameters, dict) and is_legacy(parameters)):
        raise ValueError(f"it holds {constants[0]}, which is no number")
    return parameters


def _without_doubles(pairs):
    table = {}
    for key, value in pairs:
        if key in table:
            raise ValueError(f"it holds the key {_shortened(key)} twice")
        table[key] = value
    return table


def _check_version(path, parameters):
    if parameters["format_version"] != FORMAT_VERSION:
        version = _shortened(parameters["format_version"])
        raise FolderError(
            f"{path} has the format version {version}; this version of astroNN reads {FORMAT_VERSION}. "
            "Use the version that wrote it, or a newer one."
        )


def _check(path, parameters):
    for name, key in KEYS.items():
        value = parameters.get(name)
        if value is None and not key.required:
            continue
        if name not in parameters:
            raise FolderError(f"{path} lacks the key `{name}`.")
        if not key.allowed(value):
            raise FolderError(f"{path}: `{name}` must be {key.needed}, got {_shortened(value)}.")
    for name, main in (("input", "input"), ("labels", "output")):
        shapes = parameters.get(name)
        if name == "input" and isinstance(shapes, dict):
            shapes = {key: shape if isinstance(shape, list) else None for key, shape in shapes.items()}
        is_sound = _is_shape_table(shapes) and main in shapes
        if not is_sound or max(map(_size, shapes.values())) > _PIXELS_LIMIT:
            raise FolderError(f"{path}: `{name}` must give the shape of every array, got {_shortened(shapes)}.")
        modes = parameters.get(f"{name}_norm_mode")
        is_sound = isinstance(modes, dict) and set(modes) == set(shapes) and all(map(_is_text, modes.values()))
        if not is_sound or not set(modes.values()) <= set(MODES):
            raise FolderError(f"{path}: `{name}_norm_mode` must give every array's mode, got {_shortened(modes)}.")
        for statistic in ("mean", "std", "fill"):
            _check_statistics(path, parameters, f"{name}_{statistic}", shapes)
    _check_split(path, parameters)


def _check_statistics(path, parameters, name, shapes):
    table = parameters.get(name)
    if not isinstance(table, dict) or set(table) != set(shapes):
        raise FolderError(f"{path}: `{name}` must have numbers for {sorted(shapes)}, got {_shortened(table)}.")
    for key, values in table.items():
        if not _is_finite_array(values, np.prod(shapes[key]), positive=name.endswith("_std")):
            raise FolderError(
                f"{path}: `{name}` for '{key}' must be one finite number or one a feature (a std: positive), got "
                f"{_shortened(values)}."
            )


def _is_finite_array(values, n_features, positive):
    try:
        array = np.asarray(values, dtype="float64")
    except (TypeError, ValueError, OverflowError):
        return False
    with np.errstate(over="ignore"):
        array = array.astype("float32")
    in_range = np.isfinite(array).all() and (not positive or (array > 0).all())
    return array.size in (1, n_features) and bool(in_range)


def _check_split(path, parameters):
    rows, sizes = parameters.get("val_idx"), [parameters.get(name) for name in ("num_train", "val_num")]
    if rows is None:
        return
    is_sound = _is_list_of_counts(rows) and None not in sizes and len(rows) == sizes[1]
    if not is_sound or max(rows, default=0) >= sum(sizes) or sum(sizes) > _STARS_LIMIT:
        raise FolderError(f"{path}: `val_idx` must list the `val_num` rows held back, got {_shortened(rows)}.")


def _shortened(value):
    text = repr(value)
    return text if len(text) < 80 else text[:77] + "..."
