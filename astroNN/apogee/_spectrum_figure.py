"""The figure of `plot_spectra`."""

import numpy as np
from matplotlib import colormaps

from astroNN.apogee._element_marks import CHIPS, element_lines, element_window, lines_inside, shade_window
from astroNN.apogee.chips import chips_split, wavelength_solution
from astroNN.shared.line_names import name_lines
from astroNN.shared.plotting import BLUE, GREEN, INK, ORANGE, check_figure_path, new_figure, save_figure, styled

__all__ = ["draw_spectra"]

_FEW = (BLUE, ORANGE, GREEN)
_MOST_NAMES = 12  # in a legend


@styled
def draw_spectra(flux, errors, dr, element, names, wavelength, offset, path):
    """Draw checked spectra; see `astroNN.apogee.plot_spectra`. Missing pixels are NaN."""
    path = None if path is None else check_figure_path("path", path)
    window = None if element is None else element_window(element, dr)
    lines = element_lines(element)
    grids = wavelength_solution(dr=dr)
    low, high = _range(wavelength, grids)
    shifted = flux - offset * np.arange(len(flux))[:, None]
    chips = [number for number, grid in enumerate(grids) if grid[0] < high and grid[-1] > low]
    shown = _shown(grids, low, high)
    if not chips or not np.isfinite(shifted[:, shown]).any():
        raise ValueError(f"plot_spectra: no good pixel of any spectrum lies between {low:g} and {high:g} Angstrom.")
    bottom, top = _limits(shifted[:, shown])
    figure = new_figure(11.0, 2.5 * len(chips) + 0.5)
    panels = figure.subplots(len(chips), 1, squeeze=False)[:, 0]
    parts = [chips_split(array, dr=dr) for array in (shifted, shifted if errors is None else errors)]
    for panel, chip in zip(panels, chips, strict=True):
        _curves(panel, grids[chip], parts[0][chip], None if errors is None else parts[1][chip], names)
        if window is not None:
            shade_window(panel, grids[chip], chips_split(window, dr=dr)[chip][0].astype(bool))
        edges = max(low, grids[chip][0]), min(high, grids[chip][-1])
        panel.set(xlim=edges, ylim=(bottom, top), ylabel=f"{CHIPS[chip]} chip")
        centres, texts = lines_inside(np.asarray(edges), lines)
        name_lines(panel, centres, texts, foot=top, turn=top + 0.05 * (top - bottom))
    panels[-1].set_xlabel("vacuum wavelength [\u00c5]")
    figure.supylabel("normalised flux" + (f", each {offset:g} below the one before" if offset else ""), fontsize=10)
    if names is not None and len(names) <= _MOST_NAMES:
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    if window is not None:
        what = "shaded: its ASPCAP window" if window.any() else "ASPCAP has no window"
        figure.suptitle(f"{element} \u2014 {what}", fontsize=12)
    if path is not None:
        save_figure(figure, path)
    return figure, panels


def _curves(panel, grid, flux, errors, names):
    many = len(flux) > len(_FEW)
    colours = colormaps["viridis"](np.linspace(0.0, 0.9, len(flux))) if many else _FEW
    colours = [INK] if len(flux) == 1 else colours
    for number, row in enumerate(flux):
        label = None if names is None else str(names[number])
        panel.plot(grid, row, color=colours[number], lw=0.7, label=label)
        if errors is not None:
            low, high = row - errors[number], row + errors[number]
            panel.fill_between(grid, low, high, color=colours[number], alpha=0.25, lw=0)


def _range(wavelength, grids):
    if wavelength is None:
        return grids[0][0], grids[-1][-1]
    if np.shape(wavelength) != (2,) or not wavelength[0] < wavelength[1]:
        raise ValueError(
            f"plot_spectra: `wavelength` must be the first and the last wavelength in Angstrom, got {wavelength!r}."
        )
    return float(wavelength[0]), float(wavelength[1])


def _shown(grids, low, high):
    grid = np.concatenate(grids)
    return (grid >= low) & (grid <= high)


def _limits(flux):
    """Heights that hold all but single wild pixels."""
    low, high = np.nanpercentile(flux, [0.05, 99.95])
    margin = 0.06 * ((high - low) or 1.0)
    return low - margin, high + margin
