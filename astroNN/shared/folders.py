"""Where files of a survey lie: in the folder that an environment variable names, or in one of ours."""

import os
import warnings
from pathlib import Path

from astroNN import config
from astroNN.shared.callers import users_level

__all__ = ["data_folder", "download_root"]

_warned = set()


def data_folder(variable, holds, room):
    """Folder that an environment variable names.

    Parameters
    ----------
    variable : str
        Its name.
    holds : str
        What is in the folder, for the warning.
    room : str
        Where downloads go if the variable is not set: this folder within ``~/.astroNN``.

    Returns
    -------
    str or None
        None if the variable is not set. Once in a process, and unless ``environmentvariablewarning`` is False in
        the configuration file, a warning says so.
    """
    folder = os.environ.get(variable)
    if folder:
        return folder
    if variable not in _warned and config.ENVVAR_WARN_FLAG:
        _warned.add(variable)
        warnings.warn(
            f"The environment variable {variable} is not set: downloads go to {_own_folder(room)}. Set it to the "
            f"folder of your {holds}, or set `environmentvariablewarning = False` in {config.config_path()}.",
            stacklevel=users_level(),
        )
    return None


def download_root(folder, room):
    """Folder that downloads go to: the one given, or else one within ``~/.astroNN``.

    Parameters
    ----------
    folder : str or None
        What `data_folder` gives.
    room : str
        Folder within ``~/.astroNN``.

    Returns
    -------
    pathlib.Path
        With ``~`` expanded; it need not exist.
    """
    return Path(folder).expanduser() if folder else _own_folder(room)


def _own_folder(room):
    return Path(config.astroNN_CACHE_DIR) / room
