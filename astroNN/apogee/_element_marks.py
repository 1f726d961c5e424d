"""Where an element shows in the spectra of APOGEE: its ASPCAP window and its lines, for figures."""

import numpy as np

from astroNN.apogee._aspcap_mask import aspcap_mask
from astroNN.apogee.chips import chips_pix_info
from astroNN.data import hband_lines, pixel_range_names
from astroNN.shared.plotting import ORANGE

__all__ = ["CHIPS", "element_lines", "element_window", "lines_inside", "shade_window"]

CHIPS = ("blue", "green", "red")
LINES_PER_CHIP = 14
# Lines are ranked for a giant of 4500 K: log gf - 5040 K / T * excitation in eV is, but for the abundance, the
# logarithm of a weak line's strength (Gray 2005, The Observation and Analysis of Stellar Photospheres, ch. 16).
_THETA = 5040.0 / 4500.0


def element_lines(element):
    """Atomic lines of an element in our table, the strongest first.

    Parameters
    ----------
    element : str or None
        ``"Al"``, ``"CI"`` (neutral carbon), ``"TiII"`` (ionised titanium).

    Returns
    -------
    wavelengths : array
        In vacuum [Angstrom].
    names : list of str
        Species and wavelength.
    """
    if element is None:
        return np.zeros(0), []
    table = hband_lines()
    symbol, ion = _symbol_and_ion(element)
    rows = np.flatnonzero((table.element == symbol) & (table.ion == ion))
    rows = rows[np.argsort(-(table.log_gf - _THETA * table.energy)[rows], kind="stable")]
    names = [f"{symbol} {'I' * ion} {table.wavelength[row]:.1f}" for row in rows]
    return table.wavelength[rows], names


def _symbol_and_ion(element):
    for ending, ion in (("II", 2), ("I", 1)):
        if element.endswith(ending) and len(element) > len(ending):
            return element.removesuffix(ending), ion
    return element, 1


def element_window(element, dr):
    """Window of an element, empty if ASPCAP has none; None for a label that is no element's abundance."""
    if element is None:
        return None
    has_window = element in pixel_range_names("window")
    return aspcap_mask(element, dr=dr) if has_window else np.zeros(chips_pix_info(dr=dr)[-1], dtype=bool)


def shade_window(panel, wavelength, window):
    """Stretches of pixels in the window, each from edge to edge of its pixels."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], window, [False]]).astype(int)))
    half = 0.5 * np.median(np.diff(wavelength))
    first, last = wavelength[edges[::2]] - half, wavelength[edges[1::2] - 1] + half
    panel.broken_barh(
        list(zip(first, last - first, strict=True)),
        (0, 1),
        transform=panel.get_xaxis_transform(),
        color=ORANGE,
        alpha=0.25,
        lw=0,
        zorder=0,
        label="ASPCAP window",
    )


def lines_inside(wavelength, lines):
    """The strongest lines within a chip, by rising wavelength."""
    centres, names = np.asarray(lines[0], dtype="float64"), np.asarray(lines[1], dtype=object)
    inside = np.flatnonzero((centres > wavelength[0]) & (centres < wavelength[-1]))[:LINES_PER_CHIP]
    inside = inside[np.argsort(centres[inside])]
    return centres[inside], names[inside]
