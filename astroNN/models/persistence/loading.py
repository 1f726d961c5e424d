"""Reading a network's folder."""

from functools import partial
from pathlib import Path

import keras
import numpy as np

from astroNN.models.persistence.custom import find_class
from astroNN.models.persistence.ensemble import is_ensemble, load_members
from astroNN.models.persistence.folder import WEIGHTS_FILE
from astroNN.models.persistence.frozen import freeze_layers
from astroNN.models.persistence.hdf5 import read_weights, stored_shapes
from astroNN.models.persistence.legacy import built_otherwise
from astroNN.models.persistence.legacy_weights import LEGACY_WEIGHTS_FILES, legacy_shapes, read_legacy_weights
from astroNN.models.persistence.safety import weights_limited
from astroNN.models.persistence.schema import KEYS, PARAMETER_FILE, is_legacy, parse_parameters, read_parameters
from astroNN.models.persistence.training_state import read_training_state
from astroNN.nn.calibration import SpreadCalibration
from astroNN.nn.utilities.normalizer import Normalizer
from astroNN.shared.errors import FolderError
from astroNN.shared.files import filehash, previous_folder, recover_folder
from astroNN.shared.messages import logger, tell

__all__ = ["load_folder"]

_HARMLESS_SIZE = 1024  # a pool length or an unused setting need not be the size of an array


def load_folder(folder=None, custom_models=(), trust_custom_code=None):
    """Load a network, or an ensemble of networks, from the folder in which it was saved.

    The network is built anew from its class and the numbers in the folder; no stored configuration of Keras is run,
    and no code that came with the folder unless you say so.

    Parameters
    ----------
    folder : str or Path, optional
        The folder. Default: the current one.
    custom_models : class or list of classes, optional
        Your own classes, derived from a base of astroNN, among which the folder's class is looked for by name first;
        then among our networks, the classes of the session, and the files of ``custommodelpath`` in config.ini.
    trust_custom_code : bool, optional
        Run the Python files inside the folder to find its class there. Such code can do anything that you can: read
        it first. Default: what ``trust_custom_code`` in config.ini says, False unless you changed it.

    Returns
    -------
    NeuralNetMaster or DeepEnsemble
        Ready to predict, with the same weights bit for bit, and to be trained on.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist, or has no parameters or weights of astroNN.
    TypeError
        If its class is unknown.
    FolderError
        (a ValueError and an OSError) If a file in it is damaged or was changed.

    Examples
    --------
    >>> from astroNN.models import load_folder
    >>> net = load_folder("run")  # doctest: +SKIP
    >>> pred, pred_std = net.predict(spectra)  # doctest: +SKIP
    """
    wanted = Path.cwd() if folder is None else Path(folder).expanduser().absolute()
    path = _existing(wanted)
    # Code that came with an ensemble lies beside its members.
    find = partial(find_class, custom_models=custom_models, folder=path, trust_custom_code=trust_custom_code)
    stored = read_parameters(path / PARAMETER_FILE)
    loaded = _load_ensemble(path, stored, find) if is_ensemble(stored) else _load_network(path, find)
    loaded.folder_name, loaded.fullfilepath = wanted.name, str(path)
    tell(f"Loaded astroNN model, model type: {loaded.name} -> {stored['id']}", loaded.verbose)
    return loaded


def _load_ensemble(path, stored, find):
    from astroNN.models.deep_ensemble import DeepEnsemble

    return DeepEnsemble._of(*load_members(path, stored, lambda member: _load_network(member, find)))


def _load_network(path, find):
    parameters = parse_parameters(path / PARAMETER_FILE)
    net = find(parameters["id"])()
    _set_parameters(net, parameters)
    _set_normalizers(net, parameters)
    legacy = is_legacy(parameters)
    weights = _weights_file(path, LEGACY_WEIGHTS_FILES if legacy else [WEIGHTS_FILE])
    if not legacy and filehash(weights) != parameters.get("weights_sha256"):
        raise FolderError(
            f"The weights {weights} are truncated or were changed since they were saved: their checksum is not the "
            f"one in {PARAMETER_FILE}. Copy the folder anew from where it was saved."
        )
    shapes = legacy_shapes(weights) if legacy else stored_shapes(weights)
    _check_sizes(parameters, max((n for shape in shapes for n in shape), default=0))
    remark = built_otherwise(parameters["id"], weights) if legacy else ""
    _build(net, shapes, path / PARAMETER_FILE, remark)
    if legacy:
        _read_legacy(net, weights, remark)
    else:
        read_weights(net.keras_model, weights)
    freeze_layers(net.keras_model, parameters.get("frozen"))
    net._training_state = read_training_state(net, parameters, path)
    return net


def _build(net, shapes, path, remark):
    """Build the network that the settings describe, if it is of the size of the weights."""
    try:
        with weights_limited(shapes, path):
            net.compile()
    except FolderError:
        raise
    except Exception as error:
        raise FolderError(
            f"{type(net).__name__} can't be built with the settings in {path}: {error}{remark}"
        ) from error


def _read_legacy(net, weights, remark):
    try:
        read_legacy_weights(net.keras_model, weights, net._made_in_order)
    except FolderError as error:
        if not remark:
            raise
        raise FolderError(f"{error}{remark}") from error


def _weights_file(path, names):
    for name in names:
        if (path / name).is_file():
            return path / name
    raise FileNotFoundError(f"The folder {path} has no weights: {' or '.join(names)} is missing. Copy it anew.")


def _check_sizes(parameters, largest):
    """Refuse sizes that no array of the file has: they may cost time and memory beside the weights."""
    limit = max(largest, _HARMLESS_SIZE)
    for name in ("hidden", "filternum", "filterlen", "pool_length"):
        sizes = parameters.get(name)
        sizes = keras.tree.flatten(sizes) if sizes is not None else []
        if sizes and max(sizes) > limit:
            raise FolderError(
                f"{PARAMETER_FILE}: `{name}` holds {max(sizes)}, more than any array of the weights has."
            )


def _existing(path):
    if not path.is_dir():
        path = _recovered(path)
    if not (path / PARAMETER_FILE).is_file():
        raise FileNotFoundError(f"Are you sure this is an astroNN generated folder? {path} has no {PARAMETER_FILE}.")
    return path


def _recovered(path):
    """The old network, whole, after a kill between the two renames of a replacing save."""
    try:
        recover_folder(path)
    except OSError as error:
        logger.debug("%s can't be put back (%s): it is read where it lies", previous_folder(path), error)
    for candidate in (path, previous_folder(path)):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"Folder not exists: {path}")


def _set_parameters(net, parameters):
    for name, key in KEYS.items():
        if parameters.get(name) is not None or (key.nullable and name in parameters):
            setattr(net, key.attribute, parameters[name])
    net._input_shape = _in_order(parameters["input"], net.input_names)
    net._labels_shape = _in_order(parameters["labels"], net.output_names)
    if parameters.get("val_idx") is not None:
        net.val_idx = np.asarray(parameters["val_idx"], dtype=int)
        net.train_idx = np.setdiff1d(np.arange(net.num_train + net.val_num), net.val_idx)
        net.has_val = net.val_num > 0
    for attribute in ("calibration", "calibration_propagated"):
        if parameters.get(attribute) is not None:
            setattr(net, attribute, _calibration(parameters[attribute], net._labels_shape["output"]))


def _in_order(shapes, names):
    """Shapes in the order that they had in the training, which JSON has lost: a recipe may loop over them."""
    known = [name for name in names or () if name in shapes]
    return {
        name: tuple(shapes[name]) if isinstance(shapes[name], list) else shapes[name]
        for name in dict.fromkeys([*known, *shapes])
    }


def _calibration(stored, n_labels):
    try:
        calibration = SpreadCalibration.from_dict(stored)
    except ValueError as error:
        raise FolderError(f"{PARAMETER_FILE} is damaged: {error}") from error
    if len(calibration.factor) != n_labels:
        raise FolderError(f"{PARAMETER_FILE} is damaged: {len(calibration.factor)} factors for {n_labels} labels.")
    return calibration


def _set_normalizers(net, parameters):
    net.input_norm_mode, net.labels_norm_mode = parameters["input_norm_mode"], parameters["labels_norm_mode"]
    net.input_normalizer = _normalizer(net, parameters, "input")
    net.labels_normalizer = _normalizer(net, parameters, "labels")
    net._publish_statistics()


def _normalizer(net, parameters, side):
    normalizer = Normalizer(parameters[f"{side}_norm_mode"], net.verbose)
    for attribute, suffix in (("mean_labels", "mean"), ("std_labels", "std"), ("fill", "fill")):
        table = parameters.get(f"{side}_{suffix}") or {}
        setattr(normalizer, attribute, {name: np.asarray(values, "float32") for name, values in table.items()})
    return normalizer
