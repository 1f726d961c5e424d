"""Writing a network's folder."""

import json
import platform
import warnings
from pathlib import Path

import keras
import numpy as np

from astroNN import __version__
from astroNN.models._weight_names import weights_by_key
from astroNN.models.persistence.card import hyper_parameter_text, model_card
from astroNN.models.persistence.frozen import frozen_layers
from astroNN.models.persistence.hdf5 import write_arrays
from astroNN.models.persistence.schema import FORMAT_VERSION, KEYS, PARAMETER_FILE
from astroNN.models.persistence.training_state import write_training_state
from astroNN.models.training.state import copies
from astroNN.shared.errors import ConfigurationError
from astroNN.shared.files import atomic_folder, filehash
from astroNN.shared.messages import tell
from astroNN.shared.nn_tools import folder_runnum
from astroNN.shared.setting_checks import check_one_of

__all__ = [
    "WEIGHTS_FILE",
    "build_settings",
    "fill_folder",
    "library_versions",
    "put_in_place",
    "refuse_to_replace_other_things",
    "save_network",
    "warn_of_late_changes",
]

WEIGHTS_FILE = "model.weights.h5"
_ACTIVATIONS = ("activation", "_last_layer_activation")


def save_network(net, name, model_plot, if_exists, training_state=None):
    """Write a network's folder, whole or not at all; see `NeuralNetMaster.save`.

    Parameters
    ----------
    net : NeuralNetMaster
        Built, with normalisers.
    name, model_plot, if_exists, training_state : str, bool, str, bool
        As there.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ConfigurationError
        (a ValueError) If the state of a training is asked for, and there is none.
    """
    if training_state and net._training_state is None:
        raise ConfigurationError(
            "save: training_state=True, but this network has no training that could be resumed: call `fit` first."
        )
    warn_of_late_changes(net)
    return put_in_place(net, name, if_exists, lambda folder: fill_folder(net, folder, model_plot, training_state))


def put_in_place(saved, name, if_exists, fill, kind="network"):
    """Write the folder of a network or an ensemble, whole or not at all.

    Parameters
    ----------
    saved : NeuralNetMaster or DeepEnsemble
        Its ``folder_name`` and ``fullfilepath`` tell afterwards where it stands.
    name, if_exists : str or Path, str
        As in `NeuralNetMaster.save`.
    fill : callable
        Writes everything into the empty folder that it is given.
    kind : str, optional
        What it is, for messages.

    Returns
    -------
    Path
        The folder, which has another name if the wanted one was taken.
    """
    check_one_of("if_exists", if_exists, ("rename", "error", "replace"))
    name = name or saved.folder_name or folder_runnum()
    wanted = Path(name).expanduser().absolute()
    if if_exists == "replace":
        refuse_to_replace_other_things(wanted)
    with atomic_folder(wanted, if_exists) as draft:
        fill(draft.folder)
    if draft.path != wanted:
        warnings.warn(
            f"The folder {wanted} exists already; the {kind} was saved in {draft.path} instead. To put it in the "
            "old one's place say save(..., if_exists='replace').",
            stacklevel=4,
        )
    saved.folder_name = draft.path.name
    saved.fullfilepath = str(draft.path)
    tell(f"Saved the {kind} in {draft.path}", saved.verbose)
    return draft.path


def build_settings(net):
    """Settings that a network is built with.

    Parameters
    ----------
    net : NeuralNetMaster
        Built or not.

    Returns
    -------
    dict
        By their names in the folder, in types that can be stored.
    """
    return {name: _storable(key, getattr(net, key.attribute, None)) for name, key in KEYS.items() if key.builds}


def warn_of_late_changes(net):
    """Warn of settings that changed after the network was built.

    Parameters
    ----------
    net : NeuralNetMaster
        Built.

    Warns
    -----
    UserWarning
        Naming them.
    """
    built, now = net._built_with, build_settings(net)
    changed = [KEYS[name].attribute for name in built if built[name] != now[name]]
    if changed:
        warnings.warn(
            f"{', '.join(changed)} changed after the network was built, which has no effect on it; the folder "
            "holds the settings that it was built with.",
            stacklevel=4,
        )


def refuse_to_replace_other_things(path):
    """Raise for a folder that holds files but no network: it was not ours to delete, whatever its name.

    Parameters
    ----------
    path : Path
        What is to be replaced; need not exist.

    Raises
    ------
    FileExistsError
        Then.
    """
    if path.is_dir() and any(path.iterdir()) and not (path / PARAMETER_FILE).is_file():
        raise FileExistsError(
            f"{path} exists and holds no network of astroNN (no {PARAMETER_FILE}), so it is not replaced and nothing "
            "was written. Give another name, or delete it yourself."
        )


def fill_folder(net, folder, model_plot=False, training_state=None, weights=None):
    """Write everything that a network's folder holds.

    Parameters
    ----------
    net : NeuralNetMaster
        Built, with normalisers.
    folder : Path
        Empty folder.
    model_plot : bool, optional
        Also draw the layers. Default False.
    training_state : bool, optional
        Also write what it takes to go on with the last training. Default: if that has not come to its end.
    weights : list of arrays, optional
        In the order of `weights_by_key`. Default: those of the network.
    """
    named = weights_by_key(net.keras_model)
    weights = copies(named.values()) if weights is None else weights
    write_arrays(folder / WEIGHTS_FILE, dict(zip(named, weights, strict=True)))
    parameters = network_parameters(net) | {"weights_sha256": filehash(folder / WEIGHTS_FILE)}
    if _is_unfinished(net) if training_state is None else training_state:
        parameters["training_state"] = write_training_state(net, folder, weights)
    text = json.dumps(parameters, indent=4, sort_keys=True, allow_nan=False)
    (folder / PARAMETER_FILE).write_text(text + "\n", encoding="utf-8")
    (folder / "hyperparameter.txt").write_text(hyper_parameter_text(net), encoding="utf-8")
    (folder / "model_card.md").write_text(model_card(net), encoding="utf-8")
    if net.virtual_cvslogger is not None:
        net.virtual_cvslogger.savefile(folder)
    if model_plot:
        _plot(net, folder)


def _is_unfinished(net):
    state = net._training_state
    return state is not None and not state.stopped and state.epoch < net.max_epochs


def network_parameters(net):
    """Everything a folder's JSON says of a network, but for the hash of its weights."""
    values = {name: _storable(key, getattr(net, key.attribute, None)) for name, key in KEYS.items()}
    return (
        values
        | net._built_with
        | {
            "id": net._model_identifier or type(net).__name__,
            "input": {name: list(shape) for name, shape in net._input_shape.items()},
            "labels": {name: _plain(shape) for name, shape in net._labels_shape.items()},
            **_normalizer_parameters("input", net.input_normalizer, net._input_shape.keys()),
            **_normalizer_parameters("labels", net.labels_normalizer, net._labels_shape.keys()),
            "val_idx": _plain(net.val_idx),
            "frozen": frozen_layers(net.keras_model),
            "calibration": _calibration(net, "calibration"),
            "calibration_propagated": _calibration(net, "calibration_propagated"),
            "format_version": FORMAT_VERSION,
            "versions": library_versions(),
        }
    )


def library_versions():
    """Versions of what writes a folder.

    Returns
    -------
    dict of str
        By name.
    """
    return {
        "astroNN": __version__,
        "keras": keras.__version__,
        "keras_backend": keras.backend.backend(),
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def _normalizer_parameters(side, normalizer, names):
    def listed(statistics):
        return {name: np.atleast_1d(statistics[name]).tolist() for name in names if name in statistics}

    return {
        f"{side}_mean": listed(normalizer.mean_labels),
        f"{side}_std": listed(normalizer.std_labels),
        f"{side}_fill": {name: np.asarray(fill).tolist() for name, fill in normalizer.fill.items()},
        f"{side}_norm_mode": normalizer.modes_as_text(names),
    }


def _calibration(net, attribute):
    calibration = getattr(net, attribute, None)
    return None if calibration is None else calibration.to_dict()


def _storable(key, value):
    """Value of a key; None, the default of the class, for what the format has no words for (a learning schedule)."""
    value = keras.activations.serialize(value) if key.attribute in _ACTIVATIONS and callable(value) else _plain(value)
    return value if key.allowed(value) else None


def _plain(value):
    """Value in the types of JSON."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, tuple | list):
        return [_plain(entry) for entry in value]
    return value


def _plot(net, folder):
    try:
        keras.utils.plot_model(net.keras_model, to_file=str(folder / "model.png"), show_shapes=True)
    except ImportError as error:
        warnings.warn(f"model.png was not drawn: {error}", stacklevel=5)
