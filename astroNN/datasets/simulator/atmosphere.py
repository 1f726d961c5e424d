"""One layer of a red giant's atmosphere: pressures, ionisation, molecules, continuum opacity.

The layer lies at a fixed fraction of the effective temperature and at a fixed optical depth of the
H-band continuum. Hydrostatic balance, Saha's law for the metals that give the electrons, the
free-free opacity of H- and dissociation equilibrium of CO, OH, CN, N2 and H2 then fix everything else.
cgs units inside; densities per hydrogen nucleus where the name says so.

References
----------
Gray 2005, The Observation and Analysis of Stellar Photospheres (H- opacity, Saha's law);
Asplund et al. 2009, ARA&A 47, 481 (solar abundances). Ionisation and dissociation energies are the
usual rounded values; partition functions are single round numbers for about 4500 K.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["ELEMENTS", "ATOMIC_LAYER", "MOLECULAR_LAYER", "Atom", "Layer", "solve_layer"]

BOLTZMANN_EV = 8.617333e-5  # eV / K
BOLTZMANN = 1.380649e-16  # erg / K
ATOMIC_MASS = 1.660539e-24  # g
WAVENUMBER_K = 1.438777  # hc/k [cm K]
#: temperature over Teff, and optical depth of the H-band continuum, where lines of atoms of 2 to 9 eV excitation are
#: formed, roughly: deep in the photosphere
ATOMIC_LAYER = (0.97, 0.3)
#: the same of molecules, in the cool gas above
MOLECULAR_LAYER = (0.90, 0.1)
MEAN_WEIGHT = 1.4  # gas mass per hydrogen nucleus, in hydrogen masses (helium included)
HELIUM = 0.085  # helium atoms per hydrogen nucleus


@dataclass(frozen=True)
class Atom:
    """What the simulator knows of an element.

    Attributes
    ----------
    abundance : float
        Of the Sun, as log eps (H = 12).
    mass : float
        Atomic mass [u].
    ionisation : float
        First ionisation energy [eV].
    u_neutral, u_ion : float
        Partition functions of the neutral atom and of the ion.
    """

    abundance: float
    mass: float
    ionisation: float
    u_neutral: float
    u_ion: float


#: the 19 elements, by their symbols
ELEMENTS = {
    "C": Atom(8.43, 12.01, 11.26, 9.2, 6.0),
    "N": Atom(7.83, 14.01, 14.53, 4.1, 9.0),
    "O": Atom(8.69, 16.00, 13.62, 8.8, 4.0),
    "Na": Atom(6.24, 22.99, 5.14, 2.05, 1.0),
    "Mg": Atom(7.60, 24.31, 7.65, 1.02, 2.0),
    "Al": Atom(6.45, 26.98, 5.99, 5.9, 1.0),
    "Si": Atom(7.51, 28.09, 8.15, 9.5, 5.7),
    "P": Atom(5.41, 30.97, 10.49, 4.5, 8.0),
    "S": Atom(7.12, 32.06, 10.36, 8.3, 4.2),
    "K": Atom(5.03, 39.10, 4.34, 2.2, 1.0),
    "Ca": Atom(6.34, 40.08, 6.11, 1.2, 2.2),
    "Ti": Atom(4.95, 47.87, 6.83, 28.0, 55.0),
    "V": Atom(3.93, 50.94, 6.75, 46.0, 42.0),
    "Cr": Atom(5.64, 52.00, 6.77, 9.8, 7.0),
    "Mn": Atom(5.43, 54.94, 7.43, 6.4, 7.6),
    "Fe": Atom(7.50, 55.85, 7.90, 26.0, 42.0),
    "Co": Atom(4.99, 58.93, 7.88, 32.0, 28.0),
    "Ni": Atom(6.22, 58.69, 7.64, 30.0, 10.0),
    "Cu": Atom(4.19, 63.55, 7.73, 2.4, 1.0),
}
# dissociation energy [eV], rotational and vibrational constant [cm-1], electronic weight, symmetry number,
# reduced mass [u]
MOLECULES = {
    "CO": (11.09, 1.923, 2143.0, 1.0, 1.0, 6.86),
    "OH": (4.39, 18.53, 3570.0, 4.0, 1.0, 0.948),
    "CN": (7.72, 1.891, 2042.0, 2.0, 1.0, 6.46),
    "N2": (9.76, 1.990, 2330.0, 1.0, 2.0, 7.00),
    "H2": (4.48, 59.3, 4161.0, 1.0, 2.0, 0.504),
}


@dataclass(frozen=True)
class Layer:
    """The solved layer of n stars; every array has shape (n,).

    Attributes
    ----------
    temperature : array
        In K.
    hydrogen : array
        Hydrogen nuclei per cm3.
    electrons : array
        Free electrons per cm3.
    continuum : array
        Opacity of the continuum [cm2 per hydrogen nucleus].
    per_state : dict of arrays
        Absorbers per hydrogen nucleus divided by their partition function: "Fe" neutral iron,
        "Ti+" ionised titanium, "CO", "OH", "CN", "H".
    """

    temperature: np.ndarray
    hydrogen: np.ndarray
    electrons: np.ndarray
    continuum: np.ndarray
    per_state: dict


def solve_layer(teff, logg, abundances, layer=ATOMIC_LAYER):
    """Solve one layer of every star.

    Parameters
    ----------
    teff : array, shape (n,)
        Effective temperature [K].
    logg : array, shape (n,)
        Logarithm (base 10) of the surface gravity [cm/s2].
    abundances : dict of arrays, shape (n,)
        [X/H] of every element of `ELEMENTS`.
    layer : (float, float)
        Temperature over `teff`, and optical depth of the continuum.

    Returns
    -------
    Layer
        Its arrays have shape (n,).
    """
    temperature = layer[0] * teff
    number = {el: 10.0 ** (atom.abundance - 12.0 + abundances[el]) for el, atom in ELEMENTS.items()}
    saha = {el: _saha(temperature, a.ionisation, a.u_neutral, a.u_ion) for el, a in ELEMENTS.items()}
    saha_h = _saha(temperature, 13.598, 2.0, 1.0)
    opacity_per_pressure = _h_minus_free_free(temperature, 16000.0)
    target = 10.0**logg * MEAN_WEIGHT * ATOMIC_MASS * layer[1]

    def density(electrons):
        given = saha_h / (electrons + saha_h)
        for el in ELEMENTS:
            given = given + number[el] * saha[el] / (electrons + saha[el])
        return electrons / given

    # The weight of the gas above the layer (pressure / gravity) times its opacity must give the optical depth.
    low, high = np.full_like(temperature, 4.0), np.full_like(temperature, 18.0)
    for _ in range(50):
        middle = 0.5 * (low + high)
        electrons = 10.0**middle
        pressure = (density(electrons) * (1.0 + HELIUM) + electrons) * BOLTZMANN * temperature
        opacity = opacity_per_pressure * electrons * BOLTZMANN * temperature
        too_high = pressure * opacity > target
        low, high = np.where(too_high, low, middle), np.where(too_high, middle, high)
    electrons = 10.0 ** (0.5 * (low + high))
    hydrogen = density(electrons)
    continuum = opacity_per_pressure * electrons * BOLTZMANN * temperature

    per_state = _molecules(temperature, hydrogen, number)
    for el, atom in ELEMENTS.items():
        neutral = electrons / (electrons + saha[el])
        free = per_state.pop("free " + el, number[el])
        per_state[el] = free * neutral / atom.u_neutral
        per_state[el + "+"] = free * (1.0 - neutral) / atom.u_ion
    per_state["H"] = electrons / (electrons + saha_h) / 2.0
    return Layer(temperature, hydrogen, electrons, continuum, per_state)


def _saha(temperature, ionisation, u_neutral, u_ion):
    """n(ion) n(electron) / n(neutral) [cm-3]."""
    translation = 2.4146830e15 * temperature**1.5  # (2 pi m k T / h^2)^1.5
    return 2.0 * translation * u_ion / u_neutral * np.exp(-ionisation / (BOLTZMANN_EV * temperature))


def _h_minus_free_free(temperature, wavelength):
    """Opacity of H- free-free absorption [cm2 per H atom and dyne/cm2 of electron pressure].

    Gray 2005, eq. 8.13; `wavelength` in Angstrom. The bound-free part ends at 16,400 Angstrom and is
    small in the whole H band; it is left out.
    """
    x, t = np.log10(wavelength), np.log10(5040.0 / temperature)
    f0 = -2.2763 - 1.6850 * x + 0.76661 * x**2 - 0.053346 * x**3
    f1 = 15.2827 - 9.2846 * x + 1.99381 * x**2 - 0.142631 * x**3
    f2 = -197.789 + 190.266 * x - 67.9775 * x**2 + 10.6913 * x**3 - 0.625151 * x**4
    return 1e-26 * 10.0 ** (f0 + f1 * t + f2 * t**2)


def _partition(molecule, temperature):
    """Rigid rotor, harmonic oscillator, one electronic state."""
    _, rotation, vibration, weight, symmetry, _ = MOLECULES[molecule]
    return (
        weight
        * temperature
        / (WAVENUMBER_K * rotation * symmetry)
        / -np.expm1(-WAVENUMBER_K * vibration / temperature)
    )


def _dissociation(molecule, temperature, u_first, u_second):
    """n(first) n(second) / n(molecule) [cm-3], from statistical mechanics."""
    energy, *_, mass = MOLECULES[molecule]
    translation = 1.8793e20 * (mass * temperature) ** 1.5  # (2 pi mu k T / h^2)^1.5, mass in u
    boltzmann = np.exp(-energy / (BOLTZMANN_EV * temperature))
    return translation * u_first * u_second / _partition(molecule, temperature) * boltzmann


def _molecules(temperature, hydrogen, number):
    """Absorbers per hydrogen nucleus and state for CO, OH and CN, and the free C, N and O atoms."""
    u = {el: ELEMENTS[el].u_neutral for el in "CNO"} | {"H": 2.0}
    k = {m: _dissociation(m, temperature, u[m[0]], u[m[1]]) for m in ("CO", "OH", "CN")}
    k["N2"] = _dissociation("N2", temperature, u["N"], u["N"])
    k["H2"] = _dissociation("H2", temperature, 2.0, 2.0)
    total = {el: number[el] * hydrogen for el in "CNO"}
    atomic_h = _half_free(hydrogen, k["H2"])
    nitrogen = _half_free(total["N"], k["N2"])
    carbon = oxygen = None
    for _ in range(30):  # CO exactly, OH, CN and N2 by turns; converges quickly since CO binds most
        other_c = 1.0 + nitrogen / k["CN"]
        other_o = 1.0 + atomic_h / k["OH"]
        # n_C (other_c + n_O / K) = C and n_O (other_o + n_C / K) = O: a quadratic in n_O
        b = other_o * other_c * k["CO"] + total["C"] - total["O"]
        root = np.sqrt(b**2 + 4.0 * other_o * other_c * k["CO"] * total["O"])
        # both forms of the root, so that neither loses its digits to cancellation
        oxygen = np.where(b > 0, 2.0 * total["O"] * other_c * k["CO"] / (b + root), (root - b) / (2.0 * other_o))
        carbon = total["C"] / (other_c + oxygen / k["CO"])
        nitrogen = _half_free(total["N"], k["N2"], 1.0 + carbon / k["CN"])
    densities = {
        "CO": carbon * oxygen / k["CO"],
        "OH": oxygen * atomic_h / k["OH"],
        "CN": carbon * nitrogen / k["CN"],
    }
    result = {m: n / hydrogen / _partition(m, temperature) for m, n in densities.items()}
    free = {"C": carbon, "N": nitrogen, "O": oxygen}
    return result | {"free " + el: n / hydrogen for el, n in free.items()}


def _half_free(total, constant, other=1.0):
    """Free atoms x with other * x + 2 x^2 / constant = total."""
    return 2.0 * total / (other + np.sqrt(other**2 + 8.0 * total / constant))
