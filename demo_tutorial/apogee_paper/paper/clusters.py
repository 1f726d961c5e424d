"""The benchmark of open and globular clusters: its table, and what a network says of the members."""

from pathlib import Path

import numpy as np
from astropy.table import Table

__all__ = ["COLUMNS", "read_benchmark"]

#: columns of table 4 of Meszaros et al. 2013 (AJ 146, 133), separated by blanks; "_cal" are the corrected ones
COLUMNS = (
    "APOGEE_ID", "cluster", "vhelio", "teff", "teff_cal", "logg", "logg_cal", "M_H", "M_H_cal", "C_M", "N_M",
    "alpha_M", "snr", "J", "H", "K", "teff_cal_err", "M_H_cal_err",
)  # fmt: skip


def read_benchmark(path):
    """Read the table.

    Parameters
    ----------
    path : str or Path
        Lines of 18 columns separated by blanks.

    Returns
    -------
    Table
        With the columns of `COLUMNS`.

    Raises
    ------
    SystemExit
        If there is no such file, or a line does not have the columns.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise SystemExit(f"--clusters: there is no file {path}.")
    rows = [line.split() for line in path.read_text(encoding="ascii").splitlines() if line.strip()]
    for number, row in enumerate(rows, 1):
        if len(row) != len(COLUMNS) or not row[0].startswith("2M"):
            raise SystemExit(
                f"--clusters: line {number} of {path} has {len(row)} columns and begins with {row[0]!r}; needed are "
                f"{len(COLUMNS)} separated by blanks, first the 2MASS name, as in table 4 of Meszaros et al. 2013."
            )
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return Table([*columns[:2], *(column.astype("float64") for column in columns[2:])], names=COLUMNS)
