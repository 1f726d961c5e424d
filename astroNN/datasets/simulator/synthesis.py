"""From line strengths to spectra: Voigt profiles, the curve of growth, the instrument's resolution.

The flux of a Milne-Eddington atmosphere with the ratio eta of line to continuum opacity is
1 - A eta / (1 + eta): weak lines grow in proportion, strong ones saturate at the depth A, which is set by
the Planck functions of the surface and of the continuum. Opacities of blended lines add up.

References
----------
Gray 2005, The Observation and Analysis of Stellar Photospheres (Milne-Eddington, damping);
Harris 1948, ApJ 108, 112 (H = H0 + a H1); Holtzman et al. 2018, AJ 156, 125 (microturbulence of giants).
"""

from functools import lru_cache

import numpy as np
from scipy import sparse
from scipy.special import dawsn

from astroNN.datasets.simulator.atmosphere import (
    ATOMIC_LAYER,
    BOLTZMANN_EV,
    ELEMENTS,
    MOLECULAR_LAYER,
    MOLECULES,
    solve_layer,
)
from astroNN.datasets.simulator.grid import CHIPS, LIGHT_KMS, OVERSAMPLING, PIXEL_KMS, fine_wavelength
from astroNN.datasets.simulator.lines import line_list

__all__ = ["RESOLUTION", "isolated_depths", "line_strengths", "microturbulence", "spectra_from_labels"]

#: wavelength over full width at half maximum of the line spread function
RESOLUTION = 22500.0
REFERENCE_TEMPERATURE = 4500.0  # K in the layer; thermal widths of the tabulated profiles
TURBULENCE_NODES = (0.8, 1.6, 2.8)  # km/s; profiles in between are interpolated
CORE_WIDTHS = 3.5  # half width of a Doppler core in units of b
WING_KMS = 150.0  # half width of the damping wings
WING_STRENGTH = 2.0  # wings only for lines whose central eta exceeds this in a cool metal-rich giant
DAMPING_LOG = -7.2  # log10 of the van der Waals broadening per perturber at 10,000 K [rad/s cm3], all lines
DAMPING_RADIATION = 1e8  # rad/s
HYDROGEN_KMS = 60.0  # Doppler parameter that stands for the Stark broadening of the Brackett lines
HYDROGEN_TEMPERATURE = 1.05  # of Teff; hydrogen lines come from deeper, hotter layers
SURFACE, BOTTOM = 0.75, 1.0  # of Teff; where line cores and the continuum come from
# One layer overrates the column of gas that absorbs. This number was fitted so that lines are as strong as in the
# mean spectrum of 30,067 real giants; atoms, CO and OH each asked for the same value within 0.05 dex.
COLUMN_FACTOR = 0.3
CROSS_SECTION = 2.654e-2  # pi e^2 / (m c) [cm2 Hz]
PHOTON_K = 8992.0  # h nu / k at 16,000 Angstrom [K]
BLOCK = 128  # stars at a time: about 60 MB


def microturbulence(logg):
    """Microturbulence of a giant (Holtzman et al. 2018, giants of DR13).

    Parameters
    ----------
    logg : float or array
        Surface gravity [log10 cm/s2].

    Returns
    -------
    float or array
        In km/s.
    """
    return 10.0 ** (0.226 - 0.0228 * logg + 0.0297 * logg**2 - 0.0113 * logg**3)


def line_strengths(teff, atoms, molecules):
    """Line opacity, integrated over velocity, over the continuum's opacity [km/s].

    Parameters
    ----------
    teff : array, shape (n,)
        Effective temperature [K].
    atoms, molecules : Layer
        Where atomic and where molecular lines are formed.

    Returns
    -------
    array, shape (n_lines, n)
        In the order of `line_list`.
    """
    lines = line_list()
    temperature = np.empty((len(lines.species), len(teff)))
    absorbers = np.empty_like(temperature)
    for name in np.unique(lines.species):
        layer = molecules if name in MOLECULES else atoms
        here = lines.species == name
        absorbers[here] = layer.per_state[name] / layer.continuum
        temperature[here] = HYDROGEN_TEMPERATURE * teff if name == "H" else layer.temperature
    factor = COLUMN_FACTOR * CROSS_SECTION * lines.gf * lines.wavelength * 1e-8 * 1e-5  # Angstrom to cm, cm/s to km/s
    boltzmann = np.exp(-lines.energy[:, None] / (BOLTZMANN_EV * temperature))
    return factor[:, None] * absorbers * boltzmann * -np.expm1(-PHOTON_K / temperature)


def doppler_widths(turbulence):
    """Doppler parameter b of every line [km/s] at the reference temperature."""
    lines = line_list()
    thermal2 = 2.0 * 8.314463e-3 * REFERENCE_TEMPERATURE / lines.mass  # 2 k T / m, km2/s2
    return np.where(lines.species == "H", HYDROGEN_KMS, np.sqrt(thermal2 + turbulence**2))


def _profile_matrix(turbulence, half_widths, shape):
    """Sparse (fine pixels, lines): `shape(v / b) / (sqrt(pi) b)` within `half_widths` km/s of every line."""
    lines, fine = line_list(), fine_wavelength()
    b = doppler_widths(turbulence)
    log_fine = np.log(fine)
    step = log_fine[1] - log_fine[0]
    rows, columns, values = [], [], []
    for k in np.flatnonzero(half_widths > 0):
        centre = (np.log(lines.wavelength[k]) - log_fine[0]) / step
        reach = half_widths[k] / LIGHT_KMS / step
        row = np.arange(max(0, int(np.ceil(centre - reach))), min(len(fine) - 1, int(centre + reach)) + 1)
        v = (row - centre) * step * LIGHT_KMS / b[k]
        rows.append(row)
        columns.append(np.full(len(row), k))
        values.append(shape(v) / (np.sqrt(np.pi) * b[k]))
    data = np.concatenate(values).astype(np.float32), (np.concatenate(rows), np.concatenate(columns))
    return sparse.csr_matrix(data, shape=(len(fine), len(lines.wavelength)))


def _harris(v):
    """H1(v) of the Voigt function H(a, v) = exp(-v^2) + a H1(v)."""
    return -2.0 / np.sqrt(np.pi) * (1.0 - 2.0 * v * dawsn(v))


@lru_cache
def _profiles():
    """For every node of the turbulence: Doppler cores and damping wings."""
    teff, logg, rich = np.array([3800.0]), np.array([1.0]), {el: np.array([0.3]) for el in ELEMENTS}
    strongest = line_strengths(teff, *_layers(teff, logg, rich))[:, 0]
    result = []
    for node in TURBULENCE_NODES:
        b = doppler_widths(node)
        wings = np.where((strongest / (np.sqrt(np.pi) * b) > WING_STRENGTH) & (b < HYDROGEN_KMS), WING_KMS, 0.0)
        core = _profile_matrix(node, CORE_WIDTHS * b, lambda v: np.exp(-(v**2)))
        result.append((core, _profile_matrix(node, wings, _harris)))
    return result


@lru_cache
def _instrument(resolution):
    """Sparse (7514, fine pixels): the Gaussian line spread function of full width c / resolution."""
    sigma = LIGHT_KMS / resolution / np.sqrt(8.0 * np.log(2.0)) / (PIXEL_KMS / OVERSAMPLING)
    offset = np.arange(-int(np.ceil(4.5 * sigma)), int(np.ceil(4.5 * sigma)) + 1)
    kernel = np.exp(-0.5 * (offset / sigma) ** 2)
    pixel = np.concatenate([np.arange(first, last) for first, last in CHIPS])
    columns = OVERSAMPLING * pixel[:, None] + offset
    indptr = np.arange(len(pixel) + 1) * len(offset)
    values = np.tile((kernel / kernel.sum()).astype(np.float32), len(pixel))
    return sparse.csr_matrix((values, columns.ravel(), indptr), shape=(len(pixel), len(fine_wavelength())))


def _layers(teff, logg, abundances):
    return [solve_layer(teff, logg, abundances, layer) for layer in (ATOMIC_LAYER, MOLECULAR_LAYER)]


def isolated_depths(teff, logg, abundances):
    """Depth of every line if it stood alone, at the resolution of the instrument.

    The curve of growth of a Gaussian line, its width that of the instrument; wings are left out.

    Parameters
    ----------
    teff, logg : array, shape (n,)
        Of the stars [K] and [log10 cm/s2].
    abundances : dict of arrays, shape (n,)
        [X/H] of every element of `ELEMENTS`.

    Returns
    -------
    array, shape (n_lines, n)
        As a share of the continuum.
    """
    eta = line_strengths(teff, *_layers(teff, logg, abundances))
    v = np.linspace(-CORE_WIDTHS, CORE_WIDTHS, 57)
    b = doppler_widths(TURBULENCE_NODES[1])[:, None]
    width = np.zeros_like(eta)
    for x in v:
        opacity = eta / (np.sqrt(np.pi) * b) * np.exp(-(x**2))
        width += opacity / (1.0 + opacity) * b * (v[1] - v[0])  # equivalent width [km/s]
    sigma = np.hypot(LIGHT_KMS / RESOLUTION / np.sqrt(8.0 * np.log(2.0)), b / np.sqrt(2.0))
    return _largest_depth(teff) * width / (np.sqrt(2.0 * np.pi) * sigma)


def _largest_depth(teff):
    """Depth of a fully saturated line: the surface's Planck function against the continuum's."""
    return 1.0 - np.expm1(PHOTON_K / (BOTTOM * teff)) / np.expm1(PHOTON_K / (SURFACE * teff))


def _node_weights(turbulence):
    """Linear interpolation between the nodes, (n_nodes, n)."""
    nodes = np.array(TURBULENCE_NODES)
    return np.stack([np.interp(turbulence, nodes, unit) for unit in np.eye(len(nodes))])


def _block(teff, logg, abundances, resolution):
    lines = line_list()
    layer, molecules = _layers(teff, logg, abundances)
    strength = line_strengths(teff, layer, molecules)
    gamma = DAMPING_RADIATION + 10.0**DAMPING_LOG * layer.hydrogen * (layer.temperature / 1e4) ** 0.3
    # The thermal width follows the star's temperature as iron's does.
    excess = 2.0 * 8.314463e-3 / 55.85 * (layer.temperature - REFERENCE_TEMPERATURE)
    weights = _node_weights(np.sqrt(microturbulence(logg) ** 2 + excess))
    opacity = 0.0
    for (core, wings), turbulence, weight in zip(_profiles(), TURBULENCE_NODES, weights, strict=True):
        damping = lines.wavelength * 1e-13 / (4.0 * np.pi * doppler_widths(turbulence))  # a = damping * gamma
        scaled = strength * weight
        opacity = opacity + core @ scaled.astype(np.float32)
        opacity += wings @ (scaled * damping[:, None] * gamma).astype(np.float32)
    # H1 is negative within the core, where the expansion in a ends to hold for the strongest lines.
    np.maximum(opacity, 0.0, out=opacity)
    flux = 1.0 - _largest_depth(teff).astype(np.float32) * (opacity / (1.0 + opacity))
    return (_instrument(resolution) @ flux).T


def spectra_from_labels(teff, logg, abundances, resolution=RESOLUTION, block=BLOCK):
    """Noiseless continuum-normalised spectra.

    Parameters
    ----------
    teff, logg : array, shape (n,)
        [K] and log10 [cm/s2].
    abundances : dict of arrays, shape (n,)
        [X/H] of every element in `ELEMENTS`.
    resolution : float
        Wavelength over the full width at half maximum of the line spread function.
    block : int
        Stars worked on together; changes memory, not the result.

    Returns
    -------
    float32 array, shape (n, 7514)
        Flux over the continuum.
    """
    spectra = np.empty((len(teff), sum(last - first for first, last in CHIPS)), np.float32)
    for start in range(0, len(teff), block):
        part = slice(start, start + block)
        chosen = {el: x[part] for el, x in abundances.items()}
        spectra[part] = _block(teff[part], logg[part], chosen, resolution)
    return spectra
