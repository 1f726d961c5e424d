"""Sersic profiles of unit flux: their intensity on a plane, and the radial transform of their inner part.

A profile of index n has no sharp edge and, for n above 1, a cusp in its middle that no grid of pixels can sample. A
smooth window cuts it in two. It is a function of the elliptical radius m alone,

    window(m) = exp(-x) (1 + x + x^2 / 2),    x = m^2 / (2 scale^2),

flat in the middle and Gaussian outside. What is inside it has a Fourier transform that depends on one number, which
`inner_transforms` integrates; what is outside is smooth and vanishes in the middle, so that `outer_intensity` can be
sampled.

References
----------
Graham & Driver 2005, PASA 22, 118 (Sersic profiles); Bracewell 2000, The Fourier Transform and Its Applications,
chapter 13 (Hankel transforms).
"""

from functools import lru_cache

import numpy as np
from scipy.special import gammaincinv, gammaln, j0

__all__ = ["WINDOW_REACH", "central_intensity", "inner_transforms", "outer_intensity", "sersic_b"]

#: the window is below 3e-6 beyond so many scales
WINDOW_REACH = 6.0
_NODES = 64  # of the radial integral, where it does not oscillate
_NODES_PER_FREQUENCY = 25.0  # and so many more for each unit of frequency; 15 give the same single-precision numbers
_STEP = 7e-4  # of the root of the frequency in the table; linear interpolation errs by 1e-5 of the flux at most


def sersic_b(index):
    """The number b of a Sersic profile exp(-b (r / r_half)^(1/n)) that makes r_half the half-light radius.

    Parameters
    ----------
    index : float or array_like
        Sersic index n.

    Returns
    -------
    float or float64 array
        About 2 n - 1/3.
    """
    return gammaincinv(2.0 * np.asarray(index, dtype=np.float64), 0.5)


def central_intensity(index, radius, axis_ratio):
    """Intensity in the middle of a profile whose flux, out to infinity, is 1.

    Parameters
    ----------
    index : array
        Sersic index.
    radius : array
        Half-light radius along the major axis [pixels].
    axis_ratio : array
        Minor over major axis.

    Returns
    -------
    float64 array
        In 1 / pixel^2.
    """
    b = sersic_b(index)
    log_integral = gammaln(2.0 * index) - 2.0 * index * np.log(b)
    return np.exp(-log_integral) / (2.0 * np.pi * index * axis_ratio * radius**2)


def outer_intensity(squared_radius, index, radius, axis_ratio, scale):
    """Intensity of profiles of unit flux outside the window.

    Parameters
    ----------
    squared_radius : float32 array, shape (n, rows, columns)
        Square of the elliptical radius, which along the major axis is the distance from the centre [pixels^2]. Its
        place in memory is used for the intensities.
    index, radius, axis_ratio, scale : array, shape (n,)
        Sersic index, half-light radius, axis ratio, scale of the window [pixels].

    Returns
    -------
    float32 array, shape (n, rows, columns)
        In 1 / pixel^2.
    """
    central = central_intensity(index, radius, axis_ratio)
    exponent, radius, central, scale, b = (
        np.asarray(a, dtype=np.float32)[:, None, None] for a in (0.5 / index, radius, central, scale, sersic_b(index))
    )
    # In single precision 1 - window is wrong by 6e-8, which counts nowhere but within 0.01 pixel of the cusp.
    outside = 1.0 - _window(squared_radius / (2.0 * scale**2))
    intensity = np.maximum(squared_radius, np.float32(1e-30), out=squared_radius)
    intensity /= radius**2
    np.log(intensity, out=intensity)
    intensity *= exponent
    np.exp(intensity, out=intensity)
    intensity *= -b
    np.exp(intensity, out=intensity)
    intensity *= outside
    intensity *= central
    return intensity


def inner_transforms(index, radius, scale, highest):
    """Fourier transforms of profiles of unit flux inside the window, tabulated.

    The transform of an elliptical profile at the frequency (along the major axis, along the minor axis) is that of
    the round one at hypot(first, axis_ratio * second).

    Parameters
    ----------
    index, radius, scale : array, shape (n,)
        Sersic index, half-light radius and scale of the window [pixels].
    highest : float
        Highest frequency of the table, times the scale.

    Returns
    -------
    table : float32 array, shape (n, n_frequencies)
        Transforms; at frequency 0 the flux inside the window.
    step : float
        Entry i belongs to the frequency (i * step)^2 / scale [cycles per pixel].
    """
    nodes, weights, bessel = _hankel(highest)
    m = nodes * np.asarray(scale, dtype=np.float64)[:, None]
    index, radius = index[:, None], radius[:, None]
    profile = np.exp(-sersic_b(index) * (m / radius) ** (1.0 / index)) * _window(0.5 * nodes**2)
    profile *= central_intensity(index, radius, 1.0) * m * (2.0 * np.pi * scale[:, None] * weights)
    return profile.astype(np.float32) @ bessel, _STEP


def _window(x):
    window = np.exp(-x)
    window *= 1.0 + x * (1.0 + 0.5 * x)
    return window


@lru_cache(maxsize=1)  # one is in use at a time, and it may hold many megabytes
def _hankel(highest):
    """Nodes and weights of the radial integral, in scales of the window, and the Bessel functions there."""
    # With m = u^4 a profile of index 4 is smooth in u, down to the smallest bulge.
    u, weights = np.polynomial.legendre.leggauss(_NODES + int(np.ceil(_NODES_PER_FREQUENCY * highest)))
    end = WINDOW_REACH**0.25
    u = 0.5 * end * (u + 1.0)
    frequency = (np.arange(int(np.ceil(np.sqrt(highest) / _STEP)) + 2) * _STEP) ** 2
    bessel = np.empty((len(u), len(frequency)), np.float32)
    for row, node in zip(bessel, u, strict=True):  # in double precision they would need much memory at once
        row[:] = j0(2.0 * np.pi * node**4 * frequency)
    return u**4, 0.5 * end * weights * 4.0 * u**3, bessel
