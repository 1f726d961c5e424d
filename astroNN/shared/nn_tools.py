"""Small tools around networks: names for folders of runs."""

import datetime
from pathlib import Path

__all__ = ["folder_runnum"]


def folder_runnum(parent="."):
    """Name of the next run's folder: ``astroNN_MMDD_runNNN``, the first that does not exist.

    Parameters
    ----------
    parent : str or Path, optional
        Folder to look in, default the current one.

    Returns
    -------
    str
    """
    today = datetime.date.today()
    number = 1
    while True:
        name = f"astroNN_{today:%m%d}_run{number:03d}"
        if not (Path(parent) / name).exists():
            return name
        number += 1
