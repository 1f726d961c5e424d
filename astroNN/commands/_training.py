"""The training of ``astronn train``: a network with the settings of a file, trained, and saved with that file."""

import inspect
import math
import re
import traceback

from astroNN import models
from astroNN.commands._training_config import refused, similar
from astroNN.models.persistence.folder import library_versions
from astroNN.models.persistence.schema import KEYS
from astroNN.models.training.run import run_training
from astroNN.nn.utilities.normalizer import MODES
from astroNN.shared.files import atomic_folder, discard, recover_folder
from astroNN.shared.messages import tell
from astroNN.shared.parts import PartsFolder

__all__ = ["SETTINGS_FILE", "describe", "make_network", "train"]

SETTINGS_FILE = "training_settings.toml"
#: begins the lines that we put before the user's own
_OURS = "#: "
_TRAINED_BY = "Trained by `astronn train`"
_NO_SEED = "No seed was given"
_CHECKPOINT = "checkpoint"
#: settings that may change while a training is stopped
_FREE = {"verbose", "checkpoint_epochs"}
#: attributes of networks that say how they are trained, yet are no numbers or texts of a file
_ELSEWHERE = {
    "targetname": "the names come from `labels` of [data]",
    "target_units": "the units come from the `table` of [data]",
    "checkpoint": "this command keeps its own beside `out`; `checkpoint_epochs` says how often it is renewed",
    "autosave": "this command always saves",
    "optimizer": "it takes an object of Keras; train in Python to use another",
    "metrics": "they take objects of Keras; train in Python to use others",
    "callbacks": "they are objects of Keras; train in Python to use some",
    "initializer": "it takes an object of Keras; train in Python to use another",
    "init_w": "it takes an array; train in Python to use it",
}


def _is_norm_mode(value):
    if isinstance(value, dict):
        return bool(value) and all(map(_is_norm_mode, value.values()))
    return not isinstance(value, bool) and str(value) in MODES


#: settings that a folder does not hold, or not under the same kind
_ALLOWED = {
    "verbose": (lambda value: type(value) is int and 0 <= value <= 2, "0, 1 or 2"),
    "checkpoint_epochs": (lambda value: type(value) is int and value > 0, "a whole number, 1 or more"),
    "input_norm_mode": (_is_norm_mode, f"one of {', '.join(MODES)}, or a table of them by input"),
    "labels_norm_mode": (_is_norm_mode, f"one of {', '.join(MODES)}"),
    "epsilon_std": (lambda value: type(value) in (int, float) and 0 < value < math.inf, "a number above 0"),
} | {key.attribute: (key.allowed, key.needed) for key in KEYS.values()}


def make_network(config):
    """An untrained network, or ensemble, with the settings of a file.

    Parameters
    ----------
    config : TrainingConfig

    Returns
    -------
    NeuralNetMaster or DeepEnsemble

    Raises
    ------
    ValueError
        If there is no such network, or it can't have one of the settings, or not be given some of the data.
    """
    net = _class_of(config)()
    _check_settings(config, net)
    _set(net, config.settings)
    try:
        net._check_settings()
    except (RuntimeError, ValueError) as error:
        raise refused(config, "[settings]", error) from error
    _check_data(config, net)
    return net if config.n_members is None else models.DeepEnsemble(net, config.n_members)


def train(config, data, replace=False, restart=False, quiet=False):
    """Train, going on where an earlier call was stopped, and save.

    Parameters
    ----------
    config : TrainingConfig
    data : TrainingData
    replace : bool, optional
        Put the folder in the place of the one that stands there.
    restart : bool, optional
        Throw away what an unfinished call has left.
    quiet : bool, optional
        Say nothing.
    """
    out = config.out.absolute()
    untrained = make_network(config)
    with PartsFolder(out, _known_by(config, data), restart, "train") as place:
        checkpoint = place.folder / _CHECKPOINT
        recover_folder(checkpoint)
        resume = checkpoint.exists()
        net = models.load_folder(checkpoint) if resume else untrained
        _set(net, config.settings | ({"verbose": 0} if quiet else {}))
        _keep_checkpoints(net, checkpoint)
        tell(f"Going on with the training in {checkpoint}" if resume else describe(config, data), net.verbose)
        _fit(net, data, resume)
        _save(net, config, out, replace)
        discard(place.folder)


def describe(config, data):
    """What is going to be trained, on what, in words."""
    kind = config.network if config.n_members is None else f"{config.n_members} {config.network}"
    names = config.data.labels
    parts = [f"Training {kind} on {data.n_stars} spectra of shape {data.shape[1:]} in {config.data.file}"]
    if names is not None:
        parts.append(f"labels {', '.join(names) if isinstance(names, list) else names}")
    parts.append(f"bad pixels from {data.mask!r}" if data.mask else "no mask")
    return "; ".join(parts)


def _class_of(config):
    found = getattr(models, config.network, None) if config.network in models.__all__ else None
    is_network = isinstance(found, type) and issubclass(found, models.NeuralNetMaster)
    if not is_network or inspect.isabstract(found):
        known = [name for name in models.__all__ if isinstance(getattr(models, name), type)]
        raise refused(
            config,
            "network",
            f"{config.network!r} is no network of astroNN.models.{similar(config.network, known)} Networks of your "
            "own are trained in Python.",
        )
    return found


def _check_settings(config, net):
    """Raise for a setting that is unknown or of a wrong kind."""
    blank = object.__new__(type(net))
    blank._forget_data()
    known = {name for name in vars(net) if not name.startswith("_")} - set(vars(blank))
    known = (known & set(_ALLOWED)) - set(_ELSEWHERE) | {"seed"}
    for name, value in config.settings.items():
        key = f"[settings] {name}"
        if name in _ELSEWHERE:
            raise refused(config, key, f"this can't be set here: {_ELSEWHERE[name]}.")
        if name not in known:
            raise refused(config, key, f"{config.network} has no such setting.{similar(name, sorted(known))}")
        allowed, needed = _ALLOWED[name]
        if not allowed(value):
            raise refused(config, key, f"it must be {needed}; got {value!r}.")


def _check_data(config, net):
    """Raise for data that this kind of network has no use for."""
    taken = inspect.signature(net.fit).parameters
    data = config.data
    if data.labels is None and "labels" in taken:
        raise refused(config, "[data] labels", f"this key is missing; {config.network} learns labels.")
    for key, argument in (("labels", "labels"), ("labels_err", "labels_err"), ("spectra_err", "inputs_err")):
        if getattr(data, key) and argument not in taken:
            raise refused(config, f"[data] {key}", f"{config.network} has no use for it; leave it out.")


def _set(net, settings):
    for name, value in settings.items():
        setattr(net, name, value)


def _known_by(config, data):
    """What an unfinished training must have in common with one that goes on with it."""
    # A single network may be trained on for longer; the members of an ensemble must all be alike.
    free = _FREE | (set() if config.n_members else {"max_epochs"})
    sections = {name: config.plain.get(name) for name in ("network", "data", "ensemble")}
    sections["settings"] = {name: value for name, value in config.settings.items() if name not in free}
    return sections | {"content of the files": data.fingerprint()}


def _keep_checkpoints(net, folder):
    if isinstance(net, models.DeepEnsemble):
        # Members have no checkpoints; an ensemble is saved whenever one is trained, where it was saved before.
        net.autosave, net.folder_name = True, str(folder)
    else:
        net.checkpoint = folder


def _fit(net, data, resume):
    with data.opened() as file:
        spectra = file[data.config.data.spectra]
        try:
            net.fit(spectra, **data.arguments(file), resume=resume)
        except KeyboardInterrupt:
            if isinstance(net, models.DeepEnsemble) and net._nets:
                net.save(net.fullfilepath or net.folder_name, if_exists="replace")
            raise
        except (ValueError, TypeError, ImportError) as error:
            if _has_begun(error):
                # No fault of the settings: whoever mends it needs the traceback, which `told` shows of this type.
                raise RuntimeError(f"the training failed on the way: {error}") from error
            raise


def _has_begun(error):
    """Whether an error was raised once all checks were passed."""
    return any(frame.f_code is run_training.__code__ for frame, _ in traceback.walk_tb(error.__traceback__))


def _save(net, config, out, replace):
    """The folder of the network with the settings in it, whole or not at all."""
    verbose, net.verbose = net.verbose, 0  # the folder that `save` would name is not the one that it ends as
    net.folder_name = out.name
    with atomic_folder(out, "replace" if replace else "error") as draft:
        net.save(draft.folder, if_exists="replace")
        (draft.folder / SETTINGS_FILE).write_text(_with_versions(config, net), encoding="utf-8")
    tell(f"Saved the network in {out}", verbose)


def _with_versions(config, net):
    """The user's file, behind lines that tell what it was run with; those of an earlier run are dropped."""
    versions = ", ".join(f"{name} {version}" for name, version in library_versions().items())
    lines = [f"{_TRAINED_BY} with {versions}."]
    if "seed" not in config.settings:
        lines.append(f"{_NO_SEED}, and {net.seed} was drawn: `seed = {net.seed}` in [settings] repeats this.")
    # At the top alone: the user may begin lines with the same signs.
    own = re.sub(rf"\A{_OURS}{_TRAINED_BY}.*\n(?:{_OURS}{_NO_SEED}.*\n)?", "", config.text)
    return "".join(f"{_OURS}{line}\n" for line in lines) + own
