"""Jacobians along the wavelength, with the windows and lines of the element."""

import numpy as np

from astroNN.apogee import chips_pix_info, wavelength_solution
from astroNN.apogee._element_marks import CHIPS, element_lines, element_window, lines_inside, shade_window
from astroNN.models.inspection.plots._places import distinct_names, figure_folder, write_figures
from astroNN.shared import checks
from astroNN.shared.label_names import element_of, label_style, target_name_conversion
from astroNN.shared.line_names import name_lines
from astroNN.shared.plotting import BLUE, GREY, new_figure, styled

__all__ = ["draw_jacobian", "network_jacobians"]


def network_jacobians(net, jacobian=None, dr=14, folder=None, denormalized=False):
    """Figures of the Jacobian of every label; see `ASPCAP_plots.jacobian_aspcap`.

    Parameters
    ----------
    net : NeuralNetMaster
        Gives the names of the labels.
    jacobian, dr, folder, denormalized : optional
        As there.

    Returns
    -------
    dict
        Name of a label to figure and axes.
    """
    folder = figure_folder(net, folder, "jacobian")
    mean = _mean_jacobian(jacobian, dr)
    figures = {}
    for name, row in zip(distinct_names(net, len(mean)), mean, strict=True):
        element = element_of(name)
        figures[name] = draw_jacobian(
            row, name, dr, element_window(element, dr), element_lines(element), denormalized
        )
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
        Of no pyplot session.
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
            shade_window(panel, wavelength, window[pixels])
        panel.set(xlim=wavelength[[0, -1]], ylim=(low - 0.06 * span, top), ylabel=f"{chip} chip")
        centres, names = lines_inside(wavelength, lines)
        name_lines(panel, centres, names, foot=top - 0.02 * span, turn=top + 0.06 * span)
    panels[-1].set_xlabel("vacuum wavelength [\u00c5]")
    unit = f"{style.unit} per unit of normalised flux".strip() if denormalized else "normalised units"
    figure.supylabel(rf"$\partial\,${style.symbol}$\,/\,\partial\,$flux [{unit}]", fontsize=10)
    figure.suptitle(f"Jacobian of {target_name_conversion(name)}" + _legend(window), fontsize=12)
    return figure, panels


def _legend(window):
    if window is None:
        return ""
    return " \u2014 shaded: its ASPCAP window" if window.any() else " \u2014 ASPCAP has no window"


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
