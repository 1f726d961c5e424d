"""The stars: a joint distribution of temperature, gravity and 19 abundances of red giants.

Thin disc, thick disc and a few metal-poor stars, each with its metallicities and [alpha/M] sequence; giant
branch or red clump. The relations between Teff, logg and [Fe/H] are rounded fits to 1,801 APOGEE giants,
the public training set of The Cannon (Ness et al. 2015, ApJ 808, 16).
"""

import numpy as np

from astroNN.datasets.simulator.atmosphere import ELEMENTS

__all__ = ["LABEL_NAMES", "UNIFORM_DRAWS", "NORMAL_DRAWS", "draw_stars", "label_errors"]

#: all labels of the simulator
LABEL_NAMES = ("teff", "logg", "M", "alpha", *ELEMENTS)
ALPHA_ELEMENTS = ("O", "Mg", "Si", "S", "Ca", "Ti")
#: uniform random numbers that a star uses
UNIFORM_DRAWS = 5
#: normal ones that it uses
NORMAL_DRAWS = 4 + len(ELEMENTS)

POPULATION_SHARES = (0.62, 0.28, 0.10)  # thin disc, thick disc, metal-poor
CLUMP_SHARE = 0.40
LOGG_RANGE = (0.4, 3.6)
TEFF_RANGE = (3600.0, 5500.0)
# [X/Fe] = slope_alpha [alpha/M] + slope_fe [Fe/H] + offset, with a scatter [dex]: rough trends of disc giants
TRENDS = {
    "C": (0.6, 0.0, -0.12, 0.06),
    "N": (0.0, 0.1, 0.22, 0.10),
    "Na": (0.2, 0.15, 0.0, 0.08),
    "Al": (0.8, 0.0, 0.0, 0.06),
    "P": (0.5, 0.0, 0.0, 0.10),
    "K": (0.6, 0.0, 0.0, 0.06),
    "V": (0.3, 0.0, 0.0, 0.08),
    "Cr": (0.0, 0.05, 0.0, 0.04),
    "Mn": (-0.2, 0.22, 0.0, 0.04),
    "Fe": (0.0, 0.0, 0.0, 0.0),
    "Co": (0.4, 0.05, 0.0, 0.08),
    "Ni": (0.15, 0.03, 0.0, 0.03),
    "Cu": (0.2, 0.25, 0.0, 0.10),
    "O": (1.0, 0.0, 0.0, 0.04),
    "Mg": (1.1, 0.0, 0.0, 0.03),
    "Si": (0.8, 0.0, 0.0, 0.03),
    "S": (0.8, 0.0, 0.0, 0.06),
    "Ca": (0.6, 0.0, 0.0, 0.03),
    "Ti": (0.7, 0.0, 0.0, 0.05),
}
# Error of one label [K or dex]: floor and the part that goes as 1 / SNR
ERROR_FLOOR = {"teff": 25.0, "logg": 0.04, "Fe": 0.015, "M": 0.015, "alpha": 0.012}
ERROR_PHOTON = {"teff": 1500.0, "logg": 3.0, "Fe": 1.0, "M": 1.0, "alpha": 1.0}
ELEMENT_FLOOR, ELEMENT_PHOTON = 0.03, 2.0


def draw_stars(uniform, normal):
    """Turn random numbers into stars.

    Parameters
    ----------
    uniform : array, shape (n, UNIFORM_DRAWS)
        Uniform numbers in [0, 1).
    normal : array, shape (n, NORMAL_DRAWS)
        Standard normal numbers.

    Returns
    -------
    dict of arrays, shape (n,)
        All of `LABEL_NAMES`: "teff" [K], "logg" [log10 cm/s2], "M" = [Fe/H], "alpha" = [alpha/M], and [X/H]
        under the name of each element.
    """
    population = np.searchsorted(np.cumsum(POPULATION_SHARES)[:2], uniform[:, 0], side="right")
    clump = (uniform[:, 1] < CLUMP_SHARE) & (population < 2)
    metal_poor = -2.1 + 1.2 * uniform[:, 2]
    feh = np.select(
        [population == 0, population == 1],
        [-0.02 + 0.19 * normal[:, 0], -0.40 + 0.26 * normal[:, 0]],
        metal_poor,
    )
    feh = np.clip(feh, -2.4, 0.5)
    alpha = np.select(
        [population == 0, population == 1],
        [0.056 - 0.121 * feh + 0.025 * normal[:, 1], np.minimum(0.158 - 0.170 * feh, 0.235) + 0.025 * normal[:, 1]],
        0.19 + 0.045 * normal[:, 1],
    )
    logg = np.where(clump, 2.45 + 0.10 * normal[:, 2], _branch_gravity(uniform[:, 3], population))
    x = logg - 2.5
    branch = 4625.0 + 457.0 * x - 32.0 * x**2 - 101.0 * feh + 54.0 * feh**2 + 62.0 * feh * x
    red_clump = 4778.0 + 565.0 * (logg - 2.45) - 252.0 * feh + 40.0 * feh**2
    teff = np.clip(np.where(clump, red_clump, branch) + 62.0 * normal[:, 3], *TEFF_RANGE)
    stars = {"teff": teff, "logg": logg, "M": feh, "alpha": alpha}
    # Mixing on the giant branch turns carbon into nitrogen, more so in massive stars: one number moves both.
    mixing = 0.08 * (2.0 * uniform[:, 4] - 1.0) + 0.04 * np.clip(2.5 - logg, 0.0, 2.0)
    for k, el in enumerate(ELEMENTS):
        by_alpha, by_feh, offset, scatter = TRENDS[el]
        stars[el] = feh + by_alpha * alpha + by_feh * feh + offset + scatter * normal[:, 4 + k]
    stars["C"] = stars["C"] - mixing
    stars["N"] = stars["N"] + 2.0 * mixing
    return stars


def _branch_gravity(u, population):
    """Exponential towards high gravity, cut at `LOGG_RANGE`; metal-poor giants are seen further up the branch."""
    scale = np.where(population == 2, 0.9, 0.60)
    top = np.where(population == 2, 2.6, 3.5)
    lowest = np.exp(-(top - LOGG_RANGE[0]) / scale)
    return top + scale * np.log(lowest + (1.0 - lowest) * u)


def label_errors(names, stars, snr):
    """Size of the catalogue errors: a floor and a photon part, larger where lines are weak.

    Parameters
    ----------
    names : sequence of str
        Labels, of `LABEL_NAMES`.
    stars : dict of arrays, shape (n,)
        As `draw_stars` gives them; "M" is used.
    snr : array, shape (n,)
        Signal-to-noise ratio per pixel.

    Returns
    -------
    array, shape (n, n_labels)
        Standard deviations [K or dex].
    """
    floor = np.array([ERROR_FLOOR.get(name, ELEMENT_FLOOR) for name in names])
    photon = np.array([ERROR_PHOTON.get(name, ELEMENT_PHOTON) for name in names])
    weak_lines = 10.0 ** (-0.15 * stars["M"])
    return np.hypot(floor, photon / snr[:, None]) * weak_lines[:, None]
