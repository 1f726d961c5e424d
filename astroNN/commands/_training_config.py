"""The file of settings of ``astronn train``: read and checked, with an error that names the key. Nothing heavy."""

import difflib
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["DataConfig", "TrainingConfig", "read_config", "refused", "similar"]


@dataclass(frozen=True)
class DataConfig:
    """The section ``[data]``: names of data sets in an HDF5 file, None where there is none."""

    file: Path
    spectra: str = "spectra"
    labels: list | str | None = None
    labels_err: bool = False
    table: Path | None = None
    #: None: the data set "mask", where the file has it; False: none
    mask: str | bool | None = None
    spectra_err: str | None = None
    sample_weight: str | None = None
    groups: str | None = None


@dataclass(frozen=True)
class TrainingConfig:
    """A file of settings; `text` is what stands in it, `plain` the same as dictionaries."""

    path: Path
    text: str
    plain: dict
    network: str
    out: Path
    data: DataConfig
    settings: dict
    n_members: int | None


@dataclass(frozen=True)
class _Key:
    """What a key may hold."""

    allowed: Callable
    needed: str
    required: bool = False


def _is_text(value):
    return isinstance(value, str) and value.strip() != ""


def _is_labels(value):
    if isinstance(value, list):
        return bool(value) and all(map(_is_text, value)) and len(set(value)) == len(value)
    return _is_text(value)


def _is_mask(value):
    return value is False or _is_text(value)


def _is_flag(value):
    return isinstance(value, bool)


def _is_section(value):
    return isinstance(value, dict)


def _is_member_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 2


_NAME = _Key(_is_text, "a text in quotes, the name of a data set")
_SECTION = _Key(_is_section, "a section, a line of its own with its name in brackets")
_KEYS = {
    "": {
        "network": _Key(_is_text, "a text in quotes, the name of a class in astroNN.models", required=True),
        "out": _Key(_is_text, "a text in quotes, the folder for the network", required=True),
        "data": _Key(_is_section, _SECTION.needed, required=True),
        "settings": _SECTION,
        "ensemble": _SECTION,
    },
    "data": {
        "file": _Key(_is_text, "a text in quotes, an HDF5 file", required=True),
        "spectra": _NAME,
        "labels": _Key(_is_labels, 'a list of names, each once, such as ["teff", "logg"]'),
        "labels_err": _Key(_is_flag, "true or false"),
        "table": _Key(_is_text, "a text in quotes, the file of a table"),
        "mask": _Key(_is_mask, "a text in quotes, the name of a data set, or false"),
        "spectra_err": _NAME,
        "sample_weight": _NAME,
        "groups": _NAME,
    },
    "ensemble": {"n_members": _Key(_is_member_count, "a whole number, 2 or more", required=True)},
}


def read_config(path):
    """Read a file of settings; what the network thinks of ``[settings]`` is not checked yet.

    Parameters
    ----------
    path : Path
        A TOML file. Relative names of files in it belong to the working folder.

    Returns
    -------
    TrainingConfig

    Raises
    ------
    FileNotFoundError
        If it is not there.
    ValueError
        If it is no TOML, or a key is unknown, missing, or of a wrong kind.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}. `astronn train --example` prints one.")
    try:
        text = path.read_text(encoding="utf-8")
        plain = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no TOML: {error}") from error
    _check(path, "", plain)
    for section in ("data", "ensemble"):
        if section in plain:
            _check(path, section, plain[section])
    data = dict(plain["data"])
    for name in {"file", "table"} & set(data):
        data[name] = Path(data[name]).expanduser()
    n_members = plain["ensemble"]["n_members"] if "ensemble" in plain else None
    settings, out = plain.get("settings", {}), Path(plain["out"]).expanduser()
    config = TrainingConfig(path, text, plain, plain["network"], out, DataConfig(**data), settings, n_members)
    _check_labels(config)
    return config


def refused(config, key, message):
    """The error for a key of a file of settings: ``raise refused(...)``."""
    return ValueError(f"{config.path}: {key}: {message}")


def similar(name, known):
    """A hint at the known name that is meant, "" if there is none like it."""
    found = difflib.get_close_matches(name, known, n=1) or [k for k in known if k.lower() == name.lower()]
    return f" Did you mean {found[0]!r}?" if found else ""


def _check(path, section, given):
    place = f"[{section}] " if section else ""
    known = _KEYS[section]
    for name, value in given.items():
        if name not in known:
            hint = similar(name, known) or f" Known are {', '.join(known)}."
            raise ValueError(f"{path}: {place}{name}: there is no such key.{hint}")
        if not known[name].allowed(value):
            raise ValueError(f"{path}: {place}{name}: it must be {known[name].needed}; got {_shortened(value)}.")
    for name, key in known.items():
        if key.required and name not in given:
            raise ValueError(f"{path}: {place}{name}: this key is missing; it is {key.needed}.")


def _check_labels(config):
    data = config.data
    if data.table is not None and not isinstance(data.labels, list):
        raise refused(config, "[data] labels", "with a `table` it must be the list of columns that are the labels.")
    if data.labels_err and data.labels is None:
        raise refused(config, "[data] labels_err", "there are no `labels` to which errors could belong.")


def _shortened(value):
    text = repr(value)
    return text if len(text) < 80 else text[:77] + "..."
