"""Jacobians along the wavelength, with the windows and lines of the element."""

import numpy as np

from astroNN.apogee import aspcap_mask, chips_pix_info, wavelength_solution
from astroNN.data import hband_lines, pixel_range_names
from astroNN.models.inspection.plots._places import distinct_names, figure_folder, write_figures
from astroNN.shared import checks
from astroNN.shared.label_names import element_of, label_style, target_name_conversion
from astroNN.shared.line_names import name_lines
from astroNN.shared.plotting import BLUE, GREY, ORANGE, new_figure, styled

__all__ = ["draw_jacobian", "element_lines", "network_jacobians"]

CHIPS = ("blue", "green", "red")
LINES_PER_CHIP = 14
# Lines are ranked for a giant of 4500 K: log gf - 5040 K / T * excitation in eV is, but for the abundance, the
# logarithm of a weak line's strength (Gray 2005, The Observation and Analysis of Stellar Photospheres, ch. 16).
_THETA = 5040.0 / 4500.0


def network_jacobians(net, jacobian=None, dr=14, folder=None, denormalized=False):
    """Figures of the Jacobian of every label; see `ASPCAP_plots.jacobian_aspcap`."""
    folder = figure_folder(net, folder, "jacobian")
    mean = _mean_jacobian(jacobian, dr)
    figures = {}
    for name, row in zip(distinct_names(net, len(mean)), mean, strict=True):
        element = element_of(name)
        figures[name] = draw_jacobian(row, name, dr, _window(element, dr), element_lines(element), denormalized)
    if folder is not None:
        write_figures(figures, folder, "_jacobian")
    return figures


@styled
def draw_jacobian(jacobian, name, dr=14, window=None, lines=((), ()), denormalized=False):
    """One label's Jacobian in three panels, one a chip.

    Parameters
    ----------
    jacobian : array, shape (n_pixels,)
        Of the grid without gaps.
    name : str
        Of the label.
    dr : int, optional
        Data release, which says the grid. Default 14.
    window : array of bool, shape (n_pixels,), optional
        Pixels that are shaded.
    lines : tuple (wavelengths, names), optional
        Lines to be named, the strongest first; wavelengths in vacuum [Angstrom].
    denormalized : bool, optional
        What the axis says: the label's unit per unit of flux, or normalised ones (default).

    Returns
    -------
    figure : matplotlib.figure.Figure
    axes : array of matplotlib.axes.Axes, shape (3,)
        Blue, green and red chip.
    """
    style = label_style(name)
    figure = new_figure(11.0, 7.4)
    panels = figure.subplots(3, 1, sharey=True)
    low, high = float(jacobian.min()), float(jacobian.max())
    span = (high - low) or 1.0
    top = high + 0.1 * span  # names of lines stand above the frame
    start = 0
    for panel, chip, wavelength in zip(panels, CHIPS, wavelength_solution(dr), strict=True):
        pixels = slice(start, start + len(wavelength))
        start += len(wavelength)
        panel.axhline(0.0, color=GREY, lw=0.8)
        panel.plot(wavelength, jacobian[pixels], color=BLUE, lw=0.8, label="Jacobian")
        if window is not None:
            _shade(panel, wavelength, window[pixels])
        panel.set(xlim=wavelength[[0, -1]], ylim=(low - 0.06 * span, top), ylabel=f"{chip} chip")
        centres, names = _inside(wavelength, lines)
        name_lines(panel, centres, names, foot=top - 0.02 * span, turn=top + 0.06 * span)
    panels[-1].set_xlabel("vacuum wavelength [\u00c5]")
    unit = f"{style.unit} per unit of normalised flux".strip() if denormalized else "normalised units"
    figure.supylabel(rf"$\partial\,${style.symbol}$\,/\,\partial\,$flux [{unit}]", fontsize=10)
    figure.suptitle(f"Jacobian of {target_name_conversion(name)}" + _legend(window), fontsize=12)
    return figure, panels


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


def _window(element, dr):
    """Window of an element, empty if ASPCAP has none; None for a label that is no element's abundance."""
    if element is None:
        return None
    has_window = element in pixel_range_names("window")
    return aspcap_mask(element, dr=dr) if has_window else np.zeros(chips_pix_info(dr=dr)[-1], dtype=bool)


def _shade(panel, wavelength, window):
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


def _legend(window):
    if window is None:
        return ""
    return " \u2014 shaded: its ASPCAP window" if window.any() else " \u2014 ASPCAP has no window"


def _inside(wavelength, lines):
    """The strongest lines within a chip, by rising wavelength."""
    centres, names = np.asarray(lines[0], dtype="float64"), np.asarray(lines[1], dtype=object)
    inside = np.flatnonzero((centres > wavelength[0]) & (centres < wavelength[-1]))[:LINES_PER_CHIP]
    inside = inside[np.argsort(centres[inside])]
    return centres[inside], names[inside]


def _mean_jacobian(jacobian, dr):
    """Jacobian averaged over the stars, shape (n_labels, n_pixels), checked."""
    if jacobian is None:
        raise ValueError(
            "jacobian_aspcap: `jacobian` is None; give what `net.jacobian(spectra)` returns, of shape "
            "(n_stars, n_labels, n_pixels) or (n_labels, n_pixels)."
        )
    jacobian = np.asarray(checks.as_named_arrays("jacobian", jacobian, "jacobian")["jacobian"])
    n_pixels = chips_pix_info(dr=dr)[-1]
    if jacobian.ndim not in (2, 3) or jacobian.shape[-1] != n_pixels:
        raise ValueError(
            f"jacobian_aspcap: `jacobian` must have the shape (n_stars, n_labels, {n_pixels}) or "
            f"(n_labels, {n_pixels}), the pixels of data release {dr}, got {jacobian.shape}."
        )
    if not np.isfinite(jacobian).all():
        raise ValueError("jacobian_aspcap: `jacobian` holds NaN or infinite values.")
    return jacobian.mean(axis=0, dtype="float64") if jacobian.ndim == 3 else jacobian.astype("float64")
