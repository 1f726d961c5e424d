"""The folder of an ensemble: one JSON file, and the folder of every member inside."""

import json

from astroNN.models.persistence.card import ensemble_card
from astroNN.models.persistence.folder import fill_folder, library_versions, put_in_place, warn_of_late_changes
from astroNN.models.persistence.schema import FORMAT_VERSION, PARAMETER_FILE
from astroNN.nn.calibration import SpreadCalibration
from astroNN.shared.errors import FolderError
from astroNN.shared.files import filehash

__all__ = ["ENSEMBLE", "MOST_MEMBERS", "is_ensemble", "load_members", "member_folder", "save_ensemble"]

ENSEMBLE = "DeepEnsemble"
MOST_MEMBERS = 1000
_KEYS = {"n_members", "n_done", "is_first_round", "interrupted", "seed", "members", "member_class"}


def member_folder(number):
    """Name of the folder of a member.

    Parameters
    ----------
    number : int
        From 0.

    Returns
    -------
    str
        From ``member_001`` on.

    Examples
    --------
    >>> member_folder(0)
    'member_001'
    """
    return f"member_{number + 1:03d}"


def save_ensemble(ensemble, name, if_exists):
    """Write an ensemble's folder, whole or not at all; see `DeepEnsemble.save`.

    Parameters
    ----------
    ensemble : DeepEnsemble
        With at least one member.
    name, if_exists : str
        As there.

    Returns
    -------
    Path
        The folder.
    """
    warn_of_late_changes(ensemble._nets[0])
    return put_in_place(ensemble, name, if_exists, lambda folder: _fill(ensemble, folder), "ensemble")


def _fill(ensemble, folder):
    nets, listed = ensemble._nets, []
    for number, net in enumerate(nets):
        inside = folder / member_folder(number)
        inside.mkdir()
        fill_folder(net, inside)
        listed.append({"folder": inside.name, "sha256": filehash(inside / PARAMETER_FILE)})
    parameters = {
        "id": ENSEMBLE,
        "format_version": FORMAT_VERSION,
        "member_class": nets[0]._model_identifier or type(nets[0]).__name__,
        "n_members": ensemble.n_members,
        "n_done": ensemble._n_done,
        "is_first_round": ensemble._is_first_round,
        "interrupted": ensemble._interrupted,
        "seed": ensemble.seed,
        "members": listed,
        "calibration": _stored(ensemble.calibration),
        "calibration_propagated": _stored(ensemble.calibration_propagated),
        "versions": library_versions(),
    }
    text = json.dumps(parameters, indent=4, sort_keys=True, allow_nan=False)
    (folder / PARAMETER_FILE).write_text(text + "\n", encoding="utf-8")
    (folder / "model_card.md").write_text(ensemble_card(ensemble, member_folder), encoding="utf-8")


def _stored(calibration):
    return None if calibration is None else calibration.to_dict()


def is_ensemble(parameters):
    """Whether the content of a parameter file is that of an ensemble.

    Parameters
    ----------
    parameters : dict
        Not checked yet.

    Returns
    -------
    bool
        By its ``id``, and the key ``members``.
    """
    return parameters["id"] == ENSEMBLE and "members" in parameters


def load_members(folder, parameters, load_member):
    """Members of an ensemble, and what its own file says.

    Parameters
    ----------
    folder : Path
        The ensemble's folder.
    parameters : dict
        Content of its parameter file; nothing in it is trusted.
    load_member : callable
        Gives the network in a folder.

    Returns
    -------
    nets : list of NeuralNetMaster
        In the order of their numbers.
    own : dict
        ``n_members``, ``n_done``, ``is_first_round``, ``interrupted``, ``seed``, ``calibration`` and
        ``calibration_propagated``.

    Raises
    ------
    FolderError
        If the file can't be that of an ensemble, a member was changed or put in the place of another, or the members
        are not of one kind.
    FileNotFoundError
        If a member is missing.
    """
    path = folder / PARAMETER_FILE
    _check(path, parameters)
    nets = []
    for number, entry in enumerate(parameters["members"]):
        inside = _checked_folder(folder, number, entry)
        nets.append(load_member(inside))
        _check_alike(inside, nets[0], nets[-1], parameters["member_class"])
    own = {name: parameters[name] for name in _KEYS - {"members", "member_class"}}
    for name in ("calibration", "calibration_propagated"):
        own[name] = _calibration(path, name, parameters.get(name), nets[0]._labels_shape["output"])
    return nets, own


def _check(path, parameters):
    missing = sorted(_KEYS - set(parameters))
    if missing:
        raise FolderError(f"{path} lacks {', '.join(f'`{name}`' for name in missing)}, which every ensemble has.")
    members = parameters["members"]
    if not isinstance(members, list) or not 1 <= len(members) <= MOST_MEMBERS:
        raise FolderError(f"{path}: `members` must be a list of 1 to {MOST_MEMBERS} members.")
    for name in ("is_first_round", "interrupted"):
        if not isinstance(parameters[name], bool):
            raise FolderError(f"{path}: `{name}` must be true or false.")
    n_members, n_done, seed = (parameters[name] for name in ("n_members", "n_done", "seed"))
    if not _is_count(n_members) or not max(2, len(members)) <= n_members <= MOST_MEMBERS:
        raise FolderError(f"{path}: `n_members` must lie from the number of members to {MOST_MEMBERS}.")
    if not _is_count(n_done) or n_done > len(members):
        raise FolderError(f"{path}: `n_done` must be a number of members.")
    begun = n_done + 1 if parameters["is_first_round"] else n_members
    if len(members) not in (begun, n_done if parameters["is_first_round"] else n_members):
        raise FolderError(f"{path}: {len(members)} members, of which {n_done} are finished, can't be.")
    if not _is_count(seed):
        raise FolderError(f"{path}: `seed` must be a whole number, not negative.")
    if not isinstance(parameters["member_class"], str):
        raise FolderError(f"{path}: `member_class` must be the name of a class.")


def _is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63


def _checked_folder(folder, number, entry):
    """Folder of a member whose parameter file is the one that was saved; it names the hash of its weights."""
    name = member_folder(number)
    # The names are known beforehand, so that none can lead elsewhere.
    if not isinstance(entry, dict) or entry.get("folder") != name:
        raise FolderError(f"{folder / PARAMETER_FILE}: member {number + 1} must be in the folder '{name}'.")
    inside = folder / name
    if inside.is_symlink() or any(file.is_symlink() for file in inside.glob("*")):
        raise FolderError(f"{inside} is or holds a link, which is never followed.")
    file = inside / PARAMETER_FILE
    if not file.is_file():
        raise FileNotFoundError(f"The ensemble {folder} lacks {name}/{PARAMETER_FILE}. Copy the folder anew.")
    if filehash(file) != entry.get("sha256"):
        raise FolderError(
            f"{file} was changed since the ensemble was saved: its checksum is not the one in {PARAMETER_FILE}. Copy "
            "the folder anew from where it was saved."
        )
    return inside


def _check_alike(inside, first, net, member_class):
    if (net._model_identifier or type(net).__name__) != member_class:
        raise FolderError(f"{inside} holds a {type(net).__name__}; the members of this ensemble are {member_class}.")
    for shape in ("_input_shape", "_labels_shape"):
        if dict(getattr(net, shape).items()) != dict(getattr(first, shape).items()):
            raise FolderError(f"{inside} was built for other inputs or labels than the first member.")


def _calibration(path, name, stored, n_labels):
    if stored is None:
        return None
    try:
        calibration = SpreadCalibration.from_dict(stored)
    except (ValueError, TypeError) as error:
        raise FolderError(f"{path}: `{name}` is damaged: {error}") from error
    if len(calibration.factor) != n_labels:
        raise FolderError(f"{path}: `{name}` has {len(calibration.factor)} factors for {n_labels} labels.")
    return calibration
