"""The lines of the simulator: atoms from a table, hydrogen from Rydberg's formula, molecules computed."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from astroNN.data import air_to_vacuum, hband_lines
from astroNN.datasets.simulator.atmosphere import ELEMENTS
from astroNN.datasets.simulator.molecules import molecular_lines

__all__ = ["LineList", "air_to_vacuum", "brackett_wavelength", "line_list"]

EV_PER_WAVENUMBER = 1.239842e-4
RYDBERG_H = 109677.5834  # cm-1, for hydrogen
MOLECULAR_MASS = {"CO": 28.0, "OH": 17.0, "CN": 26.0}
MOLECULAR_FLOOR = 3e-3  # lines weaker than this share of their molecule's strongest at 3,900 K are left out


@dataclass(frozen=True)
class LineList:
    """All lines; every array has shape (n_lines,).

    Attributes
    ----------
    species : array of str
        "Fe" neutral iron, "Ti+" ionised titanium, "CO", "H".
    wavelength : array
        In vacuum [Angstrom].
    energy : array
        Excitation of the lower level [eV].
    gf : array
        Statistical weight times absorption oscillator strength.
    mass : array
        Of the absorber [u].
    """

    species: np.ndarray
    wavelength: np.ndarray
    energy: np.ndarray
    gf: np.ndarray
    mass: np.ndarray


def brackett_wavelength(upper):
    """Wavelength of the hydrogen line between n = 4 and n = `upper`.

    Parameters
    ----------
    upper : int or array_like of int
        Principal quantum number of the upper level, above 4.

    Returns
    -------
    float or float64 array
        In vacuum [Angstrom].
    """
    return 1e8 / (RYDBERG_H * (1.0 / 16.0 - 1.0 / np.asarray(upper, dtype=np.float64) ** 2))


def _atomic():
    atoms = hband_lines()
    mass = np.array([ELEMENTS[element].mass for element in atoms.element])
    species = [element + "+" * (ion - 1) for element, ion in zip(atoms.element, atoms.ion, strict=True)]
    return LineList(np.array(species), atoms.wavelength, atoms.energy, 10.0**atoms.log_gf, mass)


def _hydrogen():
    upper = np.arange(11, 21)
    # Kramers' semi-classical oscillator strength; n = 4 has the weight 2 n^2 = 32
    f = 32.0 / (3.0 * np.pi * np.sqrt(3.0)) / 4.0**5 / upper**3 / (1.0 / 16.0 - 1.0 / upper**2) ** 3
    energy = 13.5984 * (1.0 - 1.0 / 16.0)
    n = len(upper)
    return LineList(np.array(["H"] * n), brackett_wavelength(upper), np.full(n, energy), 32.0 * f, np.full(n, 1.008))


def _molecular(molecule):
    lines = molecular_lines(molecule)
    energy = lines.energy * EV_PER_WAVENUMBER
    relative = lines.gf * 10.0 ** (-energy * 5040.0 / 3900.0)
    keep = relative > MOLECULAR_FLOOR * relative.max()
    mass = np.full(int(keep.sum()), MOLECULAR_MASS[molecule])
    return LineList(np.full(len(mass), molecule), lines.wavelength[keep], energy[keep], lines.gf[keep], mass)


@lru_cache
def line_list():
    """The whole line list: the table of atoms, Brackett lines 11 to 20, CO, OH and CN.

    Returns
    -------
    LineList
        The same at every call.
    """
    parts = [_atomic(), _hydrogen(), *(_molecular(m) for m in ("CO", "OH", "CN"))]
    names = ("species", "wavelength", "energy", "gf", "mass")
    return LineList(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
