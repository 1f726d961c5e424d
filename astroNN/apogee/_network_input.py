"""From a spectrum as read to what a network eats."""

from collections.abc import Iterable

import numpy as np

from astroNN.apogee._continuum import apogee_continuum
from astroNN.apogee._resample import resample_to_apogee
from astroNN.apogee.chips import gap_delete
from astroNN.apogee.spectrum import ApogeeSpectrum
from astroNN.shared.missing import missing_elements

__all__ = ["network_input"]


def network_input(spectra, dr=14):
    """Normalise spectra of any kind of file to network input.

    Parameters
    ----------
    spectra : ApogeeSpectrum or sequence of ApogeeSpectrum
        From `read_apstar`, `read_apvisit`, `read_aspcapstar`.
    dr : int, optional
        Data release of the continuum pixels, 13 to 17. Default: 14, that of the published networks.

    Returns
    -------
    flux, err : ndarray, shape (n_spectra, 7514)
        Divided by the continuum; 1 in bad pixels.
    mask : ndarray of bool, shape (n_spectra, 7514)
        True = bad: give it to ``net.predict(flux, mask=mask)``.

    Raises
    ------
    ValueError
        If a visit has no velocity to move it to rest, or there are no spectra.
    TypeError
        If `spectra` are something else, such as names of files.

    See Also
    --------
    apogee_continuum : The normalisation.

    Notes
    -----
    Visits are moved to rest and resampled first. Bad pixels take no part in the fit of the continuum. Spectra
    of aspcapStar files are divided once more, by the same kind of continuum as the others: ASPCAP's own
    differs from it by up to 0.6 per cent for giants and by 1 to 6 per cent for cool dwarfs, and a network
    trained with one normalisation reads spectra with the other with a bias.
    """
    several = _as_list(spectra)
    flux, err, bad = (np.stack(arrays) for arrays in zip(*map(_at_rest, several), strict=True))
    bad = gap_delete(bad, dr=dr)
    # NaN keeps a pixel out of the fit and comes back as 1.
    flux, err = apogee_continuum(np.where(bad, np.nan, gap_delete(flux, dr=dr)), gap_delete(err, dr=dr), dr=dr)
    return flux, err, bad


def _as_list(spectra):
    one = isinstance(spectra, str) or not isinstance(spectra, Iterable)
    several = [spectra] if one else list(spectra)
    if not several:
        raise ValueError("network_input: `spectra` is empty; give at least one ApogeeSpectrum.")
    for spectrum in several:
        if not isinstance(spectrum, ApogeeSpectrum):
            raise TypeError(
                f"network_input: `spectra` must be ApogeeSpectrum or a sequence of them, got a "
                f"{type(spectrum).__name__}. Read files with `read_apstar`, `read_apvisit` or `read_aspcapstar`; "
                f"arrays are for `apogee_continuum`."
            )
    return several


def _at_rest(spectrum):
    """Flux, error and bad pixels on the 8575-pixel grid."""
    if spectrum.kind != "apVisit":
        return spectrum.flux, spectrum.err, spectrum.mask | missing_elements(spectrum.flux)
    if spectrum.rv is None:
        raise ValueError(
            f"network_input: the header of {spectrum.filename!r} has no radial velocity. Find it, then use "
            f"dataclasses.replace(spectrum, rv=...)."
        )
    flux, err, good = resample_to_apogee(
        spectrum.wavelength, spectrum.flux, spectrum.err, spectrum.rv, mask=spectrum.mask
    )
    return flux, err, ~good
