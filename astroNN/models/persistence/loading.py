"""Reading a network's folder."""

from pathlib import Path

import keras
import numpy as np

from astroNN.models.persistence.custom import find_class
from astroNN.models.persistence.folder import WEIGHTS_FILE
from astroNN.models.persistence.hdf5 import largest_dimension, read_weights
from astroNN.models.persistence.legacy_weights import LEGACY_WEIGHTS_FILES, legacy_dimensions, read_legacy_weights
from astroNN.models.persistence.schema import KEYS, PARAMETER_FILE, is_legacy, parse_parameters
from astroNN.nn.calibration import SpreadCalibration
from astroNN.nn.utilities.normalizer import Normalizer
from astroNN.shared.errors import FolderError
from astroNN.shared.files import filehash, previous_folder, recover_folder
from astroNN.shared.messages import logger, tell

__all__ = ["load_folder"]

_HARMLESS_SIZE = 1024  # a pool length or an unused setting need not be the size of an array


def load_folder(folder=None, custom_models=(), trust_custom_code=None):
    """Load a network from the folder in which it was saved.

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
    NeuralNetMaster
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
    parameters = parse_parameters(path / PARAMETER_FILE)
    net = find_class(parameters["id"], custom_models, path, trust_custom_code)()
    _set_parameters(net, parameters)
    _set_normalizers(net, parameters)
    legacy = is_legacy(parameters)
    weights = _weights_file(path, LEGACY_WEIGHTS_FILES if legacy else [WEIGHTS_FILE])
    if not legacy and filehash(weights) != parameters.get("weights_sha256"):
        raise FolderError(
            f"The weights {weights} are truncated or were changed since they were saved: their checksum is not the "
            f"one in {PARAMETER_FILE}. Copy the folder anew from where it was saved."
        )
    _check_sizes(parameters, legacy_dimensions(weights) if legacy else largest_dimension(weights))
    try:
        net.compile()
    except Exception as error:
        raise FolderError(
            f"{type(net).__name__} can't be built with the settings in {path / PARAMETER_FILE}: {error}"
        ) from error
    if legacy:
        read_legacy_weights(net.keras_model, weights, net._made_in_order)
    else:
        read_weights(net.keras_model, weights)
    net.folder_name, net.fullfilepath = wanted.name, str(path)
    tell(f"Loaded astroNN model, model type: {net.name} -> {parameters['id']}", net.verbose)
    return net


def _weights_file(path, names):
    for name in names:
        if (path / name).is_file():
            return path / name
    raise FileNotFoundError(f"The folder {path} has no weights: {' or '.join(names)} is missing. Copy it anew.")


def _check_sizes(parameters, largest):
    """Refuse sizes that no array of the file has, before a network of that size takes memory."""
    limit = max(largest, _HARMLESS_SIZE)
    for name in ("hidden", "filternum", "filterlen", "pool_length", "labels"):
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
    net._input_shape = {name: tuple(shape) for name, shape in parameters["input"].items()}
    net._labels_shape = {
        name: tuple(shape) if isinstance(shape, list) else shape for name, shape in parameters["labels"].items()
    }
    if parameters.get("val_idx") is not None:
        net.val_idx = np.asarray(parameters["val_idx"], dtype=int)
        net.train_idx = np.setdiff1d(np.arange(net.num_train + net.val_num), net.val_idx)
        net.has_val = net.val_num > 0
    for attribute in ("calibration", "calibration_propagated"):
        if parameters.get(attribute) is not None:
            setattr(net, attribute, _calibration(parameters[attribute], net._labels_shape["output"]))


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
