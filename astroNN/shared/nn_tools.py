"""Small tools around networks: names for folders of runs, and GPUs."""

import datetime
import warnings
from pathlib import Path

from astroNN.shared import _devices

__all__ = ["cpu_fallback", "folder_runnum", "gpu_availability", "gpu_memory_manage"]

IN_TIME = "Call it before anything looks for GPUs: before a computation and, on torch, before Keras is imported."


def cpu_fallback(flag=True):
    """Hide the GPUs from the backend, or show them again.

    Parameters
    ----------
    flag : bool, optional
        True (default) hides them, False shows them. Call it before anything was computed.

    Raises
    ------
    ValueError
        If `flag` is neither.

    Warns
    -----
    UserWarning
        If it is too late.
    """
    if flag not in (True, False, 0, 1):
        raise ValueError(f"cpu_fallback: `flag` must be True (hide the GPUs) or False (show them), got {flag!r}.")
    try:
        _devices.hide() if flag else _devices.show()
    except RuntimeError as error:
        warnings.warn(
            f"cpu_fallback: too late, the GPUs stay as they are ({error}). {IN_TIME}",
            stacklevel=2,
        )


def gpu_memory_manage(ratio=True, log_device_placement=False):
    """Take memory of the GPU as it is needed, instead of all at once.

    Parameters
    ----------
    ratio : bool or float, optional
        True (default): as it is needed. A fraction, from 0 to 1: at most that part of it (JAX and torch). False: what
        the backend does by itself.
    log_device_placement : bool, optional
        Accepted for established scripts; without effect.

    Raises
    ------
    ValueError
        If `ratio` is none of these, or a fraction on TensorFlow.

    Warns
    -----
    UserWarning
        If it is too late.
    """
    if ratio is False:
        return
    if ratio is not True and not (isinstance(ratio, int | float) and 0 < ratio <= 1):
        raise ValueError(f"gpu_memory_manage: `ratio` must be True, False, or a fraction from 0 to 1, got {ratio!r}.")
    try:
        _devices.limit_memory(ratio)
    except RuntimeError as error:
        warnings.warn(
            f"gpu_memory_manage: too late, memory is taken as before ({error}). {IN_TIME}",
            stacklevel=2,
        )


def gpu_availability():
    """Whether the backend of Keras sees a GPU.

    Returns
    -------
    bool
        False, too, once they were hidden by `cpu_fallback`.
    """
    return _devices.available()


def folder_runnum(parent="."):
    """Name of the next run's folder: ``astroNN_MMDD_runNNN``, the first that does not exist.

    Parameters
    ----------
    parent : str or Path, optional
        Folder to look in, default the current one.

    Returns
    -------
    str
        The name alone; the folder is not made.
    """
    today = datetime.date.today()
    number = 1
    while True:
        name = f"astroNN_{today:%m%d}_run{number:03d}"
        if not (Path(parent) / name).exists():
            return name
        number += 1
