"""The pixel grid of APOGEE and its three chips.

A combined spectrum has 8575 pixels at vacuum wavelengths 10**(4.179 + 6e-6 i) Angstrom (Nidever et al. 2015,
AJ 150, 173). The chips (blue, green, red) cover part of it; networks see the covered pixels alone.
"""

import warnings
from typing import NamedTuple

import numpy as np
from astropy import units as u

from astroNN.apogee.apogee_shared import apogee_default_dr
from astroNN.shared.missing import data_and_mask, one_array

__all__ = [
    "N_APSTAR_PIXELS",
    "ChipLimits",
    "PixelCountError",
    "apstar_wavelength",
    "chip_slices",
    "chips_pix_info",
    "chips_split",
    "gap_delete",
    "remove_gaps",
    "wavelength_solution",
]

#: pixels of combined spectra, gaps between the chips included
N_APSTAR_PIXELS = 8575
LOG10_WAVELENGTH_START = 4.179  # log10 of Angstrom, vacuum: CRVAL1 of apStar files
LOG10_WAVELENGTH_STEP = 6.0e-6  # CDELT1 of apStar files


class ChipLimits(NamedTuple):
    """First pixel and one past the last of each chip in the 8575-pixel grid.

    Attributes
    ----------
    blue, green, red : tuple of int
        First pixel and one past the last.
    """

    blue: tuple[int, int]
    green: tuple[int, int]
    red: tuple[int, int]

    @property
    def widths(self):
        """Pixels of each chip."""
        return tuple(stop - start for start, stop in self)

    @property
    def total(self):
        """Pixels of the three chips together."""
        return sum(self.widths)


_NARROW = ChipLimits(blue=(322, 3242), green=(3648, 6048), red=(6412, 8306))
_WIDE = ChipLimits(blue=(246, 3274), green=(3585, 6080), red=(6344, 8335))

LIMITS_OF_RELEASE = {11: _NARROW, 12: _NARROW, 13: _WIDE, 14: _WIDE, 15: _WIDE, 16: _WIDE, 17: _WIDE}


class PixelCountError(OSError, ValueError):
    """Spectra whose last axis fits no APOGEE grid (an OSError as well, as it was documented before)."""


def chips_pix_info(dr=None):
    """Chip limits in the 8575-pixel grid.

    Parameters
    ----------
    dr : int, optional
        Data release, 11 to 17. Default: see `apogee_default_dr`.

    Returns
    -------
    list of int
        ``[blue_start, blue_end, green_start, green_end, red_start, red_end, total]``; ends are one past the
        last pixel.

    Raises
    ------
    ValueError
        If the release is not known.

    Examples
    --------
    >>> chips_pix_info(dr=17)
    [246, 3274, 3585, 6080, 6344, 8335, 7514]
    """
    limits = _limits(dr, "chips_pix_info")
    return [edge for chip in limits for edge in chip] + [limits.total]


def apstar_wavelength():
    """Wavelengths of the 8575-pixel grid.

    Returns
    -------
    ndarray, shape (8575,)
        Vacuum wavelength of the pixel centres [Angstrom].

    Examples
    --------
    >>> apstar_wavelength()[[0, -1]].round(4)
    array([15100.8015, 16999.8074])
    """
    return 10.0 ** (LOG10_WAVELENGTH_START + LOG10_WAVELENGTH_STEP * np.arange(N_APSTAR_PIXELS))


def wavelength_solution(dr=None):
    """Wavelengths of the pixels of each chip.

    Parameters
    ----------
    dr : int, optional
        Data release, 11 to 17. Default: see `apogee_default_dr`.

    Returns
    -------
    blue : ndarray, shape (3028,)
        Vacuum wavelengths of the blue chip [Angstrom]; 2920 pixels before DR13.
    green : ndarray, shape (2495,)
        The same of the green chip; 2400 pixels before DR13.
    red : ndarray, shape (1991,)
        The same of the red chip; 1894 pixels before DR13.

    Raises
    ------
    ValueError
        If the release is not known.

    Examples
    --------
    >>> blue, green, red = wavelength_solution(dr=17)
    >>> float(blue[0].round(4)), float(red[-1].round(4))
    (15152.2107, 16943.5341)
    """
    grid = apstar_wavelength()
    return tuple(grid[start:stop] for start, stop in _limits(dr, "wavelength_solution"))


def gap_delete(spectra, dr=None):
    """Remove the pixels between the chips.

    Parameters
    ----------
    spectra : array_like, shape (8575,) or (n_spectra, 8575)
        Flux, error, bit mask, ... on the apStar grid. Arrays whose gaps are gone already come back as they
        are.
    dr : int, optional
        Data release, 11 to 17. Default: see `apogee_default_dr`.

    Returns
    -------
    ndarray, shape (n_spectra, 7514)
        Always two-dimensional; 7214 pixels before DR13. The type of `spectra` is kept: masked arrays stay
        masked, quantities keep their unit.

    Raises
    ------
    PixelCountError
        If the last axis has another length (an OSError and a ValueError).
    ValueError
        If the release is not known.

    Examples
    --------
    >>> gap_delete(np.ones(8575), dr=17).shape
    (1, 7514)
    """
    return remove_gaps(spectra, dr, "gap_delete", "spectra")


def remove_gaps(values, dr, caller, argument):
    """What `gap_delete` does, with the function and argument that errors shall name.

    Parameters
    ----------
    values : array_like, shape (8575,) or (n_spectra, 8575)
        What stands on the apStar grid, or has its gaps removed already.
    dr : int or None
        Data release, 11 to 17. None: see `apogee_default_dr`.
    caller, argument : str
        Names of the function and of its argument.

    Returns
    -------
    ndarray, shape (n_spectra, 7514)
        Always two-dimensional; 7214 pixels before DR13.
    """
    limits = _limits(dr, caller)
    rows = _as_rows(values, limits, caller, argument)
    if rows.shape[1] == limits.total:
        return rows
    join = np.ma.concatenate if np.ma.isMaskedArray(rows) else np.concatenate
    return join([rows[:, start:stop] for start, stop in limits], axis=1)


def chips_split(spectra, dr=None):
    """Split spectra into the three chips.

    Parameters
    ----------
    spectra : array_like, shape (7514,) or (n_spectra, 7514)
        Spectra without the gaps; 8575 pixels are accepted too, their gaps are removed first.
    dr : int, optional
        Data release, 11 to 17. Default: see `apogee_default_dr`.

    Returns
    -------
    blue : ndarray, shape (n_spectra, 3028)
        Pixels of the blue chip (2920 before DR13): a view of the input where it had no gaps. Masked arrays stay
        masked, quantities keep their unit.
    green : ndarray, shape (n_spectra, 2495)
        The same of the green chip (2400 before DR13).
    red : ndarray, shape (n_spectra, 1991)
        The same of the red chip (1894 before DR13).

    Raises
    ------
    PixelCountError
        If the last axis has another length (an OSError and a ValueError).
    ValueError
        If the release is not known.

    Warns
    -----
    UserWarning
        If the spectra have 8575 pixels: those between the chips are lost.

    Examples
    --------
    >>> [chip.shape for chip in chips_split(np.ones((2, 7514)), dr=17)]
    [(2, 3028), (2, 2495), (2, 1991)]
    """
    rows = _as_rows(spectra, _limits(dr, "chips_split"), "chips_split", "spectra")
    if rows.shape[1] == N_APSTAR_PIXELS:
        warnings.warn(
            f"chips_split: `spectra` have {N_APSTAR_PIXELS} pixels; those between the chips are left out. Use "
            f"`gap_delete` first if that is meant.",
            stacklevel=2,
        )
        rows = gap_delete(rows, dr=dr)
    return tuple(rows[:, chip] for chip in chip_slices(dr))


def chip_slices(dr=None):
    """Slices of the three chips in the grid without gaps.

    Parameters
    ----------
    dr : int, optional
        Data release, 11 to 17. Default: see `apogee_default_dr`.

    Returns
    -------
    tuple of slice, length 3
        Blue, green, red: 0:3028, 3028:5523, 5523:7514 for DR13 and later.
    """
    edges = np.concatenate([[0], np.cumsum(_limits(dr, "chip_slices").widths)]).tolist()
    return tuple(slice(start, stop) for start, stop in zip(edges[:-1], edges[1:], strict=True))


def _limits(dr, caller):
    dr = apogee_default_dr(dr)
    if dr not in LIMITS_OF_RELEASE:
        raise ValueError(
            f"{caller}: `dr` must be one of {', '.join(map(str, LIMITS_OF_RELEASE))}, got {dr!r}; no pixel "
            f"grid is known for other releases."
        )
    return LIMITS_OF_RELEASE[dr]


def _as_rows(values, limits, caller, argument):
    """Rows of 8575 or 7514 pixels."""
    array = _as_array(values)
    if array.ndim not in (1, 2):
        raise PixelCountError(
            f"{caller}: `{argument}` must have one axis (pixels) or two (spectra, pixels), got shape {array.shape}."
        )
    if array.shape[-1] not in (N_APSTAR_PIXELS, limits.total):
        raise PixelCountError(
            f"{caller}: `{argument}` must have {N_APSTAR_PIXELS} pixels on its last axis (the apStar grid) or "
            f"{limits.total} (chip gaps removed), got shape {array.shape}. It may belong to another data release "
            f"(give `dr`: DR11 and DR12 have 7214 pixels, later ones 7514)."
        )
    return np.atleast_2d(array)


def _as_array(values):
    """Array that keeps a mask, or the unit of a Quantity."""
    values = one_array(values)
    if isinstance(values, u.Quantity) or hasattr(values, "unmasked"):
        return values
    data, mask = data_and_mask(values)
    return data if mask is None else np.ma.array(data, mask=mask)
