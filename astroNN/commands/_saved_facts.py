"""What the files of a saved folder say, read as data: without Keras, and without trusting them.

Loading (`astroNN.models.load_folder`) checks far more, and takes seconds to import. Here every value is taken for
what it is, and left out where it is not what it should be.
"""

import csv
import io
import json

from astroNN.commands._saved_weights import count_weights
from astroNN.shared.errors import FolderError
from astroNN.shared.files import filehash, previous_folder
from astroNN.shared.label_names import label_style

__all__ = ["ENSEMBLE", "FORMAT_VERSION", "PARAMETER_FILE", "STATE_FILE", "WEIGHTS_FILES", "facts_of"]

# As in astroNN.models.persistence, which can't be imported without Keras; a test compares them.
PARAMETER_FILE = "astroNN_model_parameter.json"
FORMAT_VERSION = 2
WEIGHTS_FILES = {False: ("model.weights.h5",), True: ("model_weights.h5", "model_weights.keras")}  # by: is it legacy
STATE_FILE = "training_state.h5"
ENSEMBLE = "DeepEnsemble"

_HISTORY_FILE, _CARD_FILE = "training_history.csv", "hyperparameter.txt"
# Bytes of JSON that are read at most: less than `load_folder` takes, as they become twenty times as many in memory.
_SIZE_LIMIT = 1 << 25
_TEXT_LIMIT = 1 << 24
_MOST_VALUES = 1_000_000  # of a history
_MOST_MEMBERS = 1000
_HUGE = 1e300
# What version 1 counted among inputs and labels.
_NOT_INPUTS, _NOT_LABELS = {"input_err", "labels_err"}, {"variance_output"}
#: by which epochs are judged, in this order, where the folder does not say
_MONITORS = ("val_output_mean_absolute_error", "val_loss", "loss")


def facts_of(folder):
    """All that can be said of a saved folder, in the types of JSON.

    Parameters
    ----------
    folder : Path
        Of a network or an ensemble, of this version or an earlier one.

    Returns
    -------
    dict
        ``problems`` lists what is wrong with its files; None stands for what the folder does not tell.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or it holds no network.
    FolderError
        (a ValueError) If its parameters can't be read.
    """
    path = _existing(folder)
    stored = _read_json(path / PARAMETER_FILE)
    about = _facts_of_ensemble if stored["id"] == ENSEMBLE and "members" in stored else _facts_of_network
    facts = {"folder": str(folder), "class": stored["id"], **about(path, stored)}
    return facts | {"files": _files(path), "problems": facts.pop("problems")}


def _existing(folder):
    # The root of a disk has no name, and nothing beside it.
    beside = [previous_folder(folder.absolute())] if folder.absolute().name else []
    candidates = [path for path in (folder, *beside) if path.is_dir()]
    if not candidates:
        what = "is a file" if folder.exists() else "does not exist"
        raise FileNotFoundError(f"{folder} {what}: give the folder of a network.{_unfinished(folder)}")
    if not (candidates[0] / PARAMETER_FILE).is_file():
        raise FileNotFoundError(f"{folder} holds no network of astroNN: it has no {PARAMETER_FILE}.")
    return candidates[0]


def _unfinished(folder):
    """Hint at what `astronn train` has left of a folder that is to be."""
    checkpoint = folder.with_name(f".{folder.name}.parts") / "checkpoint"
    return f" An unfinished training stands in {checkpoint}." if checkpoint.is_dir() else ""


def _read_json(path):
    if path.stat().st_size > _SIZE_LIMIT:
        raise FolderError(f"{path} is larger than {_SIZE_LIMIT >> 20} MiB, too large for `astronn info`.")
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise FolderError(f"{path} is damaged: {error}. Copy the folder anew from where it was saved.") from error
    if not isinstance(stored, dict) or not isinstance(stored.get("id"), str):
        raise FolderError(f"{path} is no parameter file of astroNN: it has no `id`.")
    version = stored.get("format_version")
    if "format_version" in stored and version != FORMAT_VERSION:
        raise FolderError(f"{path} has the format version {version!r:.40}; this version of astroNN reads 2.")
    return stored


# A network ------------------------------------------------------------------------------------------------------


def _facts_of_network(path, stored):
    card, problems = _card(path), []
    is_legacy = "format_version" not in stored
    weights = _weights(path, stored, is_legacy, problems)
    history = _history(path, problems)
    inputs, labels = _shapes(stored.get("input"), "input"), _labels(stored)
    if not inputs or not labels:
        problems.append(f"{PARAMETER_FILE} does not tell the shapes of {'labels' if inputs else 'inputs'}")
    return {
        "kind": "network",
        "type": card.get("Model"),
        "task": _text(stored.get("task")),
        "format_version": None if is_legacy else FORMAT_VERSION,
        "written_by": _versions(stored, card),
        "inputs": inputs,
        "labels": labels,
        "weights": weights,
        "training": _training(stored, card, history),
        "monte_carlo": _monte_carlo(stored, card),
        "calibration": _calibration(stored.get("calibration")),
        "calibration_propagated": _calibration(stored.get("calibration_propagated")),
        "resume": _resume(path, stored, problems),
        "problems": problems,
    }


def _weights(path, stored, is_legacy, problems):
    """File, numbers in it, and whether it is the one that was saved (None: nobody noted which that was)."""
    names = WEIGHTS_FILES[is_legacy]
    file = next((path / name for name in names if (path / name).is_file()), None)
    if file is None:
        problems.append(f"it has no weights, {' or '.join(names)} is missing")
        return None
    told = _text(stored.get("weights_sha256"))
    agrees = None if told is None else filehash(file) == told
    if agrees is False:
        problems.append(f"{file.name} is not the file that was saved: its SHA-256 is another")
    try:
        count = count_weights(file)
    except FolderError as error:
        problems.append(str(error))
        count = None
    return {"file": file.name, "numbers": count, "sha256_agrees": agrees}


def _labels(stored):
    """Names and units of the labels, those that `as_table` gives them; what has no names by its shape."""
    shapes = _shapes(stored.get("labels"), "output")
    names, units = stored.get("targetname"), stored.get("target_units")
    is_named = isinstance(names, list) and shapes.get("output") == [len(names)]
    if not is_named or not all(isinstance(name, str) for name in names):
        names, others = [], shapes
    else:
        others = {name: shape for name, shape in shapes.items() if name != "output"}
    units = units if isinstance(units, list) and len(units) == len(names) else [None] * len(names)
    is_regression = stored.get("task") in (None, "regression")
    return [
        {"name": name, "unit": _text(unit) or (label_style(name).unit or None if is_regression else None)}
        for name, unit in zip(names, units, strict=True)
    ] + [{"name": name, "unit": None, "shape": shape} for name, shape in others.items() if name not in _NOT_LABELS]


def _shapes(shapes, main):
    """Shapes by name; version 1.0 wrote a single one."""
    named = shapes if isinstance(shapes, dict) else {main: shapes}
    listed = {name: shape if isinstance(shape, list) else [shape] for name, shape in named.items()}
    return {
        name: shape
        for name, shape in listed.items()
        if name not in _NOT_INPUTS and all(_count(n) is not None for n in shape)
    }


def _training(stored, card, history):
    settings = {name: _number(stored.get(name)) for name in ("max_epochs", "lr", "batch_size", "seed")}
    stars = {"num_train": _count(stored.get("num_train")), "val_num": _count(stored.get("val_num"))}
    for name, line in (("num_train", "Number of Training Data"), ("val_num", "Number of Validation Data")):
        stars[name] = _count(_whole(card.get(line))) if stars[name] is None else stars[name]
    kept = stored.get("keep_best")
    monitor = kept if isinstance(kept, str) else next((name for name in _MONITORS if _known(history, name)), None)
    return {
        "stars": stars["num_train"],
        "validation_stars": stars["val_num"],
        "epochs": len(history) or None,
        **settings,
        "last_epoch": _epoch(history, len(history) - 1) if history else None,
        "best_epoch": _best(history, monitor),
        "weights_of_best_epoch": bool(kept),
    }


def _monte_carlo(stored, card):
    passes = _count(stored.get("mc_num"))
    if passes is None and card.get("Model Type") != "BCNN":
        return None
    return {"passes": passes, "dropout_rate": _number(stored.get("dropout_rate"))}


def _calibration(stored):
    """Factors on the spreads of every label, with their errors."""
    if not isinstance(stored, dict):
        return None
    factors, errors = (_numbers(stored.get(name)) for name in ("factor", "factor_err"))
    return {"factor": factors, "factor_err": errors, "varies": "slope" in stored}


def _resume(path, stored, problems):
    """Where the training stands whose state is stored, None if there is none."""
    state = stored.get("training_state")
    if not isinstance(state, dict):
        return None
    file = path / STATE_FILE
    is_there = file.is_file()
    is_whole = is_there and filehash(file) == state.get("sha256")
    if is_there and not is_whole:
        problems.append(f"{STATE_FILE} is not the file that was saved: its SHA-256 is another")
    done, of = _count(state.get("epoch")), _count(stored.get("max_epochs"))
    unfinished = None not in (done, of) and done < of and state.get("stopped") is not True
    return {"possible": is_whole, "unfinished": unfinished, "epochs_done": done}


# An ensemble ----------------------------------------------------------------------------------------------------


def _facts_of_ensemble(path, stored):
    problems, members = [], []
    listed = stored["members"] if isinstance(stored["members"], list) else []
    for number, entry in enumerate(listed[:_MOST_MEMBERS]):
        name = f"member_{number + 1:03d}"
        found = _member(path / name, entry, problems)
        members.append({"folder": name} | found if found else None)
    whole = [member for member in members if member]
    if not listed:
        problems.append("it lists no members")
    shared = {key: whole[0].pop(key) for key in ("task", "inputs", "labels", "monte_carlo")} if whole else {}
    for member in whole[1:]:
        for key in shared:
            del member[key]
    n_members, n_done = _count(stored.get("n_members")), _count(stored.get("n_done"))
    return {
        "kind": "ensemble",
        "type": f"Deep ensemble of {_text(stored.get('member_class'))}",
        "format_version": FORMAT_VERSION,
        "written_by": _versions(stored, {}),
        **shared,
        "calibration": _calibration(stored.get("calibration")),
        "calibration_propagated": _calibration(stored.get("calibration_propagated")),
        "seed": _count(stored.get("seed")),
        "n_members": n_members,
        "n_trained": n_done,
        "resume": None if n_done == n_members else {"possible": True, "unfinished": True},
        "members": whole,
        "problems": problems,
    }


def _member(path, entry, problems):
    """Facts of one member, what is wrong with it among the problems of all; None if it can't be read."""
    file = path / PARAMETER_FILE
    if path.is_symlink() or not file.is_file():
        problems.append(f"{path.name} is missing")
        return None
    if not isinstance(entry, dict) or filehash(file) != entry.get("sha256"):
        problems.append(f"{path.name}/{PARAMETER_FILE} is not the file that was saved: its SHA-256 is another")
    try:
        facts = _facts_of_network(path, _read_json(file))
    except FolderError as error:
        problems.append(str(error))
        return None
    problems += [f"{path.name}: {problem}" for problem in facts.pop("problems")]
    for key in ("kind", "type", "format_version", "written_by", "calibration", "calibration_propagated"):
        del facts[key]
    return facts


# Files ----------------------------------------------------------------------------------------------------------


def _card(path):
    """The lines ``Key: value`` of hyperparameter.txt; nobody guarantees them."""
    text = _read_text(path / _CARD_FILE)
    pairs = (line.partition(":") for line in text.splitlines())
    return {key.strip(): value.strip() for key, colon, value in pairs if colon}


def _versions(stored, card):
    versions = stored.get("versions")
    if isinstance(versions, dict):
        return {name: value for name, value in sorted(versions.items()) if isinstance(value, str)}
    lines = {"astroNN": "astroNN Version", "keras": "Keras Version", "tensorflow": "Tensorflow Version"}
    told = {name: card.get(line) for name, line in lines.items()}
    told["python"] = card.get("Python Version", "").split(" ")[0]
    return {name: value for name, value in told.items() if value}


def _history(path, problems):
    """Rows of the history: logged values of each epoch."""
    try:
        names, *rows = _whole_rows(_read_text(path / _HISTORY_FILE))
    except csv.Error as error:
        problems.append(f"{_HISTORY_FILE} can't be read ({error})")
        return []
    return [{name: _float(text) for name, text in zip(names, row, strict=True) if name} for row in rows]


def _whole_rows(text):
    """Head of a table and its rows; those that are cut off, or too long, are left out."""
    rows = csv.reader(io.StringIO(text))
    whole = [next(rows, [])]
    n_columns = len(whole[0])
    for row in rows if n_columns else ():
        if len(row) == n_columns:
            whole.append(row)
        if len(whole) * n_columns > _MOST_VALUES:
            raise csv.Error(f"more than {_MOST_VALUES:,} values")
    return whole


def _known(history, name):
    return any(_number(row.get(name)) is not None for row in history)


def _epoch(history, place):
    """One epoch, counted from 1, and what was logged."""
    row = history[place]
    first = row.get("epoch")
    values = {name: value for name, value in row.items() if name != "epoch" and value is not None}
    return {"epoch": int(first if first is not None else place) + 1} | values


def _best(history, monitor):
    if monitor is None or not _known(history, monitor):
        return None
    sign = -1 if "acc" in monitor else 1
    places = [place for place, row in enumerate(history) if row.get(monitor) is not None]
    best = min(places, key=lambda place: sign * history[place][monitor])
    return {"epoch": _epoch(history, best)["epoch"], "judged_by": monitor, "value": history[best][monitor]}


def _files(path):
    """All files with their sizes, those of members included."""
    files = [file for file in sorted(path.rglob("*")) if file.is_file() and not file.is_symlink()]
    return [{"name": file.relative_to(path).as_posix(), "bytes": file.stat().st_size} for file in files]


def _read_text(path):
    if not path.is_file() or path.stat().st_size > _TEXT_LIMIT:
        return ""
    return path.read_text(encoding="utf-8", errors="replace")


# Values, or None for what they are not --------------------------------------------------------------------------


def _text(value):
    return value if isinstance(value, str) and value else None


def _count(value):
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _number(value):
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # Not isfinite, which can't take whole numbers of hundreds of digits; NaN is smaller than nothing.
    return value if is_number and abs(value) < _HUGE else None


def _numbers(values):
    return [_number(value) for value in values] if isinstance(values, list) else []


def _whole(text):
    return int(text) if text is not None and text.isdecimal() and len(text) < 20 else None


def _float(text):
    try:
        return _number(float(text))
    except (TypeError, ValueError):
        return None
