"""Line lists of CO, OH and CN in the H band, computed from molecular constants.

Level energies follow from a handful of constants per molecule, so a page of code replaces a list of
thousands of lines. Band heads come out by themselves: the R branch of CO turns back where the larger
moment of inertia of the upper state wins. Positions are good to about 0.1 Angstrom for CO and OH and to
a few tenths for CN; the band strengths are rounded and approximate. The constants were written down from
memory; those that had to be moved to meet observed lines say so.

References
----------
Huber & Herzberg 1979, Constants of Diatomic Molecules (this kind of constants, in cm-1);
Zare et al. 1973, J. Mol. Spectrosc. 46, 37 (matrix of a 2Pi state).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

__all__ = ["MolecularLines", "molecular_lines"]


@dataclass(frozen=True)
class MolecularLines:
    """Lines of one molecule.

    Attributes
    ----------
    molecule : str
        "CO", "OH" or "CN".
    wavelength : array
        In vacuum [Angstrom].
    energy : array
        Of the lower level above the ground state [cm-1].
    gf : array
        Statistical weight of the lower level times absorption oscillator strength.
    band : array of str
        Such as "3-0".
    """

    molecule: str
    wavelength: np.ndarray
    energy: np.ndarray
    gf: np.ndarray
    band: np.ndarray


# --- CO: X 1Sigma+, second overtone ---------------------------------------------------------------
_CO_STRENGTH = 5.6e-10  # f of the 3-0 band, rounded; f of (v+3)-v grows as (v+1)(v+2)(v+3)/6


def _co_energy(v, j):
    x, k = v + 0.5, j * (j + 1.0)
    vibration = (
        2169.81358 * x - 13.28831 * x**2 + 0.010511 * x**3 + 7e-5 * x**4
    )  # the last one fitted to bands 7-4, 8-5
    rotation = (1.93128 - 0.017504 * x + 5e-7 * x**2) * k - (6.1215e-6 - 1.15e-9 * x) * k**2 + 5.8e-12 * k**3
    return vibration + rotation


def _co_lines():
    for v in range(7):
        band_f = _CO_STRENGTH * (v + 1) * (v + 2) * (v + 3) / 6.0
        for j in range(111):
            lower = _co_energy(v, j)
            for upper_j, honl_london in ((j - 1, j), (j + 1, j + 1)):
                if upper_j >= 0:
                    wavenumber = _co_energy(v + 3, upper_j) - lower
                    yield wavenumber, lower - _co_energy(0, 0), band_f * honl_london, f"{v + 3}-{v}"


# --- 2Pi states: OH X, CN A -----------------------------------------------------------------------
@dataclass(frozen=True)
class _DoubletPi:
    """One vibrational level of a 2Pi state [cm-1]; `h` sextic distortion, `p`, `q` Lambda doubling."""

    origin: float
    b: float
    d: float
    h: float
    spin_orbit: float
    p: float = 0.0
    q: float = 0.0
    q_distortion: float = 0.0

    def energy(self, j, parity, component):
        """Energy of F1 (`component` 0) or F2 (1); `parity` +1 for e, -1 for f levels."""
        x = (j + 0.5) ** 2
        s = np.sqrt(max(x - 1.0, 0.0))
        n2 = np.array([[x - 2.0, -s], [-s, x]])  # N^2 in the basis (Omega = 3/2, 1/2)
        n4 = n2 @ n2
        matrix = self.b * n2 - self.d * n4 + self.h * n4 @ n2 + 0.5 * self.spin_orbit * np.diag([1.0, -1.0])
        t = 1.0 - parity * (j + 0.5)
        q = self.q + self.q_distortion * x
        off = -s * (self.p / 4.0 + q * t / 2.0)
        matrix += np.array([[q * (x - 1.0) / 2.0, off], [off, self.p * t / 2.0 + q * t**2 / 2.0]])
        if j < 1.0:  # Omega = 3/2 does not exist
            return self.origin + matrix[1, 1]
        return self.origin + np.linalg.eigvalsh(matrix)[component]


_OH_Q_DISTORTION = 1.62e-5
# Constants of v = 0 and 1, and the fine structure, rounded. Origin and B of v = 2 and 3 and the distortion of q
# were fitted to 32 wavelengths of P lines in the H band (remembered from Smith et al. 2013, ApJ 765, 16), which are
# met within 0.015 cm-1. The origin of v = 4 puts the 4-2 band onto the real mean spectrum of 30,067 giants.
_OH_LEVELS = {
    0: _DoubletPi(0.0, 18.53487, 1.9089e-3, 1.428e-7, -139.05, 0.2353, -0.0387, _OH_Q_DISTORTION),
    1: _DoubletPi(3569.64, 17.8239, 1.8703e-3, 1.386e-7, -139.32, 0.2246, -0.0369, _OH_Q_DISTORTION),
    2: _DoubletPi(6973.542, 17.11896, 1.8324e-3, 1.350e-7, -139.59, 0.2137, -0.0351, _OH_Q_DISTORTION),
    3: _DoubletPi(10213.910, 16.42440, 1.8021e-3, 1.310e-7, -139.85, 0.2028, -0.0334, _OH_Q_DISTORTION),
    4: _DoubletPi(13291.7, 15.7329, 1.7772e-3, 1.270e-7, -140.09, 0.1918, -0.0316, _OH_Q_DISTORTION),
}
_OH_STRENGTH = {(2, 0): 4.0e-7, (3, 1): 1.0e-6, (4, 2): 1.8e-6}  # absorption f, rounded


def _oh_lines():
    ground = min(_OH_LEVELS[0].energy(1.5, parity, 0) for parity in (1, -1))
    for (upper_v, lower_v), band_f in _OH_STRENGTH.items():
        for j in np.arange(0.5, 26.0):
            for component in (0, 1):
                omega2 = 2.25 if component == 0 else 0.25
                for upper_j, weight in _parallel_branches(j, omega2):
                    if component == 0 and min(j, upper_j) < 1.5:
                        continue
                    for parity in (1, -1):
                        upper_parity = parity if upper_j != j else -parity
                        lower = _OH_LEVELS[lower_v].energy(j, parity, component)
                        upper = _OH_LEVELS[upper_v].energy(upper_j, upper_parity, component)
                        yield upper - lower, lower - ground, band_f * weight, f"{upper_v}-{lower_v}"


def _parallel_branches(j, omega2):
    """Upper J and Honl-London factor of the P, Q and R line; the factors add up to 2J + 1."""
    if j >= 1.5:
        yield j - 1.0, (j**2 - omega2) / j
    yield j, (2.0 * j + 1.0) * omega2 / (j * (j + 1.0))
    yield j + 1.0, ((j + 1.0) ** 2 - omega2) / (j + 1.0)


# --- CN: red system A 2Pi - X 2Sigma+ -------------------------------------------------------------
# Effective absorption f, some 13 times below the physical ones (1 to 2e-3): a single layer leaves too much
# carbon free of CO, and the CN lines would be far stronger than those of real giants.
_CN_STRENGTH = {(0, 1): 0.8e-4, (1, 2): 1.25e-4, (2, 3): 1.4e-4}
# Fitted to the real mean spectrum of 30,067 giants, together with B and D of the upper state: origins of the
# bands, and half the spin splitting that the model leaves out [cm-1].
_CN_SHIFT = {(0, 1): 1.28, (1, 2): 1.45, (2, 3): 1.80}
_CN_SPIN = 0.085
_CN_BRANCHES = ((-1.0, 0.25), (0.0, 0.5), (1.0, 0.25))  # change of J, share of 2J + 1 (Hund's case b)


def _cn_ground(v, n):
    x, k = v + 0.5, n * (n + 1.0)
    return 2068.640 * x - 13.0971 * x**2 + (1.89978 - 0.017369 * x) * k - 6.40e-6 * k**2


def _cn_excited(v):
    x = v + 0.5
    origin = 9243.30 + 1813.288 * x - 12.7779 * x**2
    return _DoubletPi(origin, 1.71621 - 0.017166 * x, 6.18e-6, 0.0, -52.65)


def _cn_lines():
    zero = _cn_ground(0, 0)
    for (upper_v, lower_v), band_f in _CN_STRENGTH.items():
        state, shift = _cn_excited(upper_v), _CN_SHIFT[upper_v, lower_v]
        for n in range(1, 96):
            lower = _cn_ground(lower_v, n)
            for component, parity, j in ((0, 1, n + 0.5), (1, -1, n - 0.5)):
                for step, share in _CN_BRANCHES:
                    if j + step < (1.5 if component == 0 else 0.5):
                        continue
                    upper = state.energy(j + step, parity if step else -parity, component)
                    weight = band_f * share * (2.0 * j + 1.0)
                    yield (
                        upper - lower + shift + (2 * component - 1) * _CN_SPIN,
                        lower - zero,
                        weight,
                        f"{upper_v}-{lower_v}",
                    )


_GENERATORS = {"CO": _co_lines, "OH": _oh_lines, "CN": _cn_lines}


@lru_cache
def molecular_lines(molecule, first=15100.0, last=17000.0):
    """All computed lines of one molecule.

    Parameters
    ----------
    molecule : {"CO", "OH", "CN"}
        Which one.
    first, last : float
        Range of wavelengths, in vacuum [Angstrom].

    Returns
    -------
    MolecularLines
        Sorted by wavelength.
    """
    rows = [row for row in _GENERATORS[molecule]() if first < 1e8 / row[0] < last]
    wavenumber, energy, gf, band = (np.array(column) for column in zip(*rows, strict=True))
    order = np.argsort(-wavenumber)
    return MolecularLines(molecule, 1e8 / wavenumber[order], energy[order], gf[order], band[order])
