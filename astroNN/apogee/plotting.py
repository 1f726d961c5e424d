"""Figures of APOGEE spectra."""

import numpy as np

from astroNN.apogee._aspcap_mask import known_element
from astroNN.apogee.apogee_shared import apogee_default_dr
from astroNN.apogee.chips import gap_delete
from astroNN.shared.missing import data_and_mask, missing_elements

__all__ = ["plot_spectra"]


def plot_spectra(spectra, spectra_err=None, mask=None, dr=None, *, element=None, names=None, wavelength=None,
                 offset=0.0, path=None):  # fmt: skip
    """Draw spectra along the wavelength, a panel for each chip.

    Parameters
    ----------
    spectra : array, shape (n_pixels,) or (n_spectra, n_pixels)
        Normalised flux on the grid with gaps (8575 pixels) or without (7514; 7214 before DR13). Pixels that are NaN,
        the magic number or marked in `mask` leave gaps.
    spectra_err : array, shape of `spectra`, optional
        Standard deviations, drawn as a band of one of them to either side.
    mask : array of bool, shape of `spectra`, optional
        True marks a bad pixel.
    dr : int, optional
        Data release, which says the grid. Default: see `apogee_default_dr`.
    element : str, optional
        Shades the ASPCAP window of an element, such as ``"Mg"`` or ``"TiII"``, and names its strongest lines.
    names : sequence of str, optional
        Of the spectra, for the legend.
    wavelength : (float, float), optional
        First and last wavelength [Angstrom, vacuum]: only the chips between them are drawn. Default: all.
    offset : float, optional
        Each spectrum is drawn by so much below the one before. Default 0.
    path : str or Path, optional
        File to write, ``.png``, ``.pdf`` or ``.svg``. Default: none.

    Returns
    -------
    figure : matplotlib.figure.Figure
        Neither shown nor closed.
    axes : array of matplotlib.axes.Axes, shape (n_chips,)
        One panel a chip.

    Raises
    ------
    OSError
        If the spectra have another number of pixels.
    ValueError
        If another argument does not fit, or no pixel is left to be drawn.

    Examples
    --------
    >>> from astroNN.apogee import plot_spectra
    >>> from astroNN.datasets import simulate_apogee
    >>> survey = simulate_apogee(2, seed=1)
    >>> figure, axes = plot_spectra(survey.spectra, mask=survey.mask, element="Mg")
    >>> len(axes)
    3
    """
    # matplotlib takes longer to load than the rest of this package.
    from astroNN.apogee._spectrum_figure import draw_spectra

    dr = apogee_default_dr(dr)
    element = None if element is None else known_element("plot_spectra", "element", element)
    flux = _on_grid("spectra", spectra, dr)
    bad = missing_elements(flux, None if mask is None else _on_grid("mask", mask, dr, like=flux) > 0)
    flux = np.where(bad, np.nan, flux.astype("float64"))
    errors = None
    if spectra_err is not None:
        errors = _on_grid("spectra_err", spectra_err, dr, like=flux)
        errors = np.where(bad | missing_elements(errors), np.nan, errors.astype("float64"))
    if names is not None and (isinstance(names, str) or len(names) != len(flux)):
        raise ValueError(f"plot_spectra: `names` must be {len(flux)} names, one a spectrum, got {names!r}.")
    return draw_spectra(flux, errors, dr, element, names, wavelength, offset, path)


def _on_grid(argument, values, dr, like=None):
    """Rows on the grid without gaps."""
    numbers, hidden = data_and_mask(values)
    values = np.atleast_2d(numbers if hidden is None else np.where(hidden, np.nan, numbers))
    if values.ndim != 2 or values.dtype.kind not in "buif":
        raise ValueError(
            f"plot_spectra: `{argument}` must be numbers of shape (n_pixels,) or (n_spectra, n_pixels), got "
            f"{values.dtype} of shape {values.shape}."
        )
    values = gap_delete(values, dr=dr)
    if like is not None and values.shape != like.shape:
        raise ValueError(
            f"plot_spectra: `{argument}` must have a row for each of the {len(like)} spectra, got {len(values)}."
        )
    return values


def __getattr__(name):
    # In version 1.0 the figures of networks stood here.
    if name == "ASPCAP_plots":
        from astroNN.models._plotted import ASPCAP_plots

        return ASPCAP_plots
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
