"""Figures along the wavelength: a spectrum with its lines, and what a label is sensitive to."""

import numpy as np

from astroNN.demo.labels import label_style
from astroNN.demo.style import BLUE, GREY, INK, ORANGE, new_figure, styled
from astroNN.shared.line_names import name_lines, spread_apart

__all__ = ["lines_by_weight", "sensitivity", "spectrum_with_lines", "spread_apart"]

_FLANK = 0.8


@styled
def spectrum_with_lines(wavelength, spectrum, line_wavelength, line_name, title="", per_panel=30):
    """A continuum-normalised spectrum with the names of its deepest lines, one panel a chip.

    Parameters
    ----------
    wavelength : array, shape (n_pixels,)
        Angstrom, rising; a step of more than 20 pixels starts a new panel.
    spectrum : array, shape (n_pixels,)
        Missing pixels are NaN and leave a gap.
    line_wavelength, line_name : sequence, shape (n_lines,)
        Lines [Angstrom, on the scale of `wavelength`] and their names, the most important ones first.
    title : str, optional
        Stands above the first panel. Default: none.
    per_panel : int, optional
        Lines named in a panel, at most.

    Returns
    -------
    matplotlib.figure.Figure
        Not saved yet.
    """
    chips = _chips(wavelength)
    figure = new_figure(11.0, 2.6 * len(chips) + 0.3)
    panels = figure.subplots(len(chips), 1, squeeze=False)[:, 0]
    floor = min(0.98 * np.nanpercentile(spectrum, 0.02), 0.9)
    for panel, chip in zip(panels, chips, strict=True):
        panel.plot(wavelength[chip], spectrum[chip], color=INK, lw=0.6)
        panel.set(xlim=wavelength[chip][[0, -1]], ylim=(floor, 1.0 + 0.45 * (1.0 - floor)), ylabel="normalised flux")
        chosen = _first_inside(wavelength[chip], line_wavelength, per_panel)
        centres, names = np.asarray(line_wavelength)[chosen], np.asarray(line_name)[chosen]
        name_lines(panel, centres, names, foot=1.03, turn=1.03 + 0.1 * (1.0 - floor))
    panels[-1].set_xlabel("vacuum wavelength [\u00c5]")
    panels[0].set_title(title, fontsize=11, loc="left")
    return figure


@styled
def sensitivity(wavelength, jacobian, label, line_wavelength, line_name, per_panel=14, title=""):
    """How a label answers to a one percent deeper spectrum at each wavelength, with the lines that matter most.

    Parameters
    ----------
    wavelength : array, shape (n_pixels,)
        Angstrom, rising; a step of more than 20 pixels starts a new panel.
    jacobian : array, shape (n_pixels,)
        Derivative of the label with respect to the normalised flux, in the label's units.
    label : str
        Name of the label, see `astroNN.demo.labels.label_style`.
    line_wavelength, line_name : sequence, shape (n_lines,)
        Lines to name [Angstrom], the most important ones first.
    per_panel : int, optional
        Lines named in a panel, at most.
    title : str, optional
        Stands above the first panel. Default: none.

    Returns
    -------
    matplotlib.figure.Figure
        Not saved yet.
    """
    chips = _chips(wavelength)
    style = label_style(label)
    answer = -0.01 * np.asarray(jacobian, dtype="float64")
    power = int(np.floor(np.log10(np.nanmax(np.abs(answer)) or 1.0)))
    answer = answer / 10.0**power
    low, high = np.nanmin(answer), np.nanmax(answer)
    span = (high - low) or 1.0
    figure = new_figure(11.0, 2.5 * len(chips) + 0.3)
    panels = figure.subplots(len(chips), 1, squeeze=False)[:, 0]
    for panel, chip in zip(panels, chips, strict=True):
        panel.axhline(0.0, color=GREY, lw=0.8)
        panel.plot(wavelength[chip], answer[chip], color=BLUE, lw=0.8)
        panel.set(xlim=wavelength[chip][[0, -1]], ylim=(low - 0.05 * span, high + 0.4 * span))
        chosen = _first_inside(wavelength[chip], line_wavelength, per_panel)
        centres, names = np.asarray(line_wavelength)[chosen], np.asarray(line_name)[chosen]
        name_lines(panel, centres, names, foot=high + 0.05 * span, turn=high + 0.13 * span)
        panel.vlines(centres, answer[chip][np.searchsorted(wavelength[chip], centres)], high + 0.05 * span,
                     color=ORANGE, lw=0.6, alpha=0.5)  # fmt: skip
    panels[-1].set_xlabel("vacuum wavelength [\u00c5]")
    unit = f"10$^{{{power}}}$ {style.unit}".rstrip()
    figure.supylabel(f"change of {style.symbol} for a 1 % deeper pixel [{unit}]", fontsize=10)
    panels[0].set_title(title, fontsize=11, loc="left")
    return figure


def lines_by_weight(wavelength, weight, line_wavelength, reach=0.5, least_apart=2.0, least=0.3):
    """Order of the lines that stand at a peak by its weight, without the lesser ones of close pairs.

    Parameters
    ----------
    wavelength, weight : array, shape (n_pixels,)
        Angstrom, and any measure of importance, not negative.
    line_wavelength : sequence, shape (n_lines,)
        Angstrom. Of lines closer than `least_apart` to a more important one (or to one of the same weight that comes
        earlier) only the first is kept, since they share their pixels.
    reach : float, optional
        Pixels within this distance [Angstrom] belong to a line; the largest of their weights counts. A line with less
        than 0.8 of the largest weight nearby (within three times the distance) stands on the flank of a peak and is
        left out; not 1.0, since the wings of a saturated line may weigh more than its core.
    least_apart : float, optional
        Smallest distance of two lines that are kept [Angstrom].
    least : float, optional
        Lines of a weight below this fraction of the largest are left out.

    Returns
    -------
    list of int
        Rows of `line_wavelength`, the most important one first.
    """
    lines = np.asarray(line_wavelength, dtype="float64")
    own, nearby = (_largest_within(wavelength, weight, lines, distance) for distance in (reach, 3 * reach))
    at_peak = (own >= _FLANK * nearby) & (own >= least * np.max(weight))
    kept = []
    for row in np.argsort(-own, kind="stable"):
        if at_peak[row] and all(abs(lines[row] - lines[other]) >= least_apart for other in kept):
            kept.append(int(row))
    return kept


def _largest_within(wavelength, weight, lines, distance):
    first, last = np.searchsorted(wavelength, lines - distance), np.searchsorted(wavelength, lines + distance)
    return np.array([np.max(weight[a:b], initial=0.0) for a, b in zip(first, last, strict=True)])


def _chips(wavelength):
    """Slices between the gaps of the wavelength grid."""
    step = np.diff(wavelength)
    edges = [0, *(np.flatnonzero(step > 20 * np.median(step)) + 1), len(wavelength)]
    return [slice(first, last) for first, last in zip(edges, edges[1:], strict=False)]


def _first_inside(wavelength, line_wavelength, number):
    """Rows of the first `number` lines within `wavelength`, by rising wavelength."""
    lines = np.asarray(line_wavelength, dtype="float64")
    inside = np.flatnonzero((lines > wavelength[0]) & (lines < wavelength[-1]))[:number]
    return inside[np.argsort(lines[inside])]
