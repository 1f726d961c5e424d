"""The table of atomic lines of the H band, ``hband_lines.csv``; its head says how far it can be trusted."""

import csv
import functools
from importlib import resources
from typing import NamedTuple

import numpy as np

__all__ = ["HBandLines", "air_to_vacuum", "hband_lines"]


class HBandLines(NamedTuple):
    """Atomic lines; arrays of shape (n_lines,), not to be written into."""

    element: np.ndarray
    """Symbols."""
    ion: np.ndarray
    """1 neutral, 2 singly ionised."""
    wavelength: np.ndarray
    """In vacuum [Angstrom]."""
    energy: np.ndarray
    """Excitation of the lower level [eV]."""
    log_gf: np.ndarray
    """log10 of statistical weight times oscillator strength, fitted to one mean spectrum of giants."""


def air_to_vacuum(wavelength):
    """Vacuum wavelength of a wavelength in standard air.

    Parameters
    ----------
    wavelength : float or array_like
        In air [Angstrom].

    Returns
    -------
    float or ndarray
        In vacuum [Angstrom].

    Notes
    -----
    Refraction by Birch & Downs 1994 as adopted for VALD3 and close to Ciddor 1996 (better than 1e-8 in the
    near infrared); the small difference between air and vacuum wavelength in its argument is ignored.
    """
    s2 = (1e4 / np.asarray(wavelength, dtype=np.float64)) ** 2
    return wavelength * (1.0 + 8.34254e-5 + 2.406147e-2 / (130.0 - s2) + 1.5998e-4 / (38.9 - s2))


@functools.lru_cache(maxsize=1)
def hband_lines():
    """The table of atomic lines, in its order: by element and wavelength.

    Returns
    -------
    HBandLines
        The same arrays at every call, not to be written into.

    Examples
    --------
    >>> lines = hband_lines()
    >>> lines.wavelength[lines.element == "Al"].round(1).tolist()
    [16723.5, 16755.1, 16767.9]
    """
    with resources.files("astroNN.data").joinpath("hband_lines.csv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(line for line in table if not line.startswith("#")))
    air, energy, log_gf = (
        np.array([float(row[key]) for row in rows]) for key in ("air_wavelength", "energy_ev", "log_gf")
    )
    element, ion = np.array([row["element"] for row in rows]), np.array([int(row["ion"]) for row in rows])
    lines = HBandLines(element, ion, air_to_vacuum(air), energy, log_gf)
    for array in lines:
        array.setflags(write=False)
    return lines
