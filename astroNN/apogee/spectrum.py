"""One APOGEE spectrum with what its file says of the star."""

from dataclasses import dataclass, field

import numpy as np

from astroNN.apogee.bitmask import pixel_mask
from astroNN.shared.missing import missing_elements

__all__ = ["ApogeeSpectrum"]

# The pipeline writes 1e10 as the error of a pixel that it did not measure. Interpolation and division can
# lower it; a thousand times the spectrum's median error is no measurement either.
PLACEHOLDER_ERR = 1e10
HOPELESS_ERR_RATIO = 1e3

# aspcapStar files carry no bit mask: their errors (in units of the continuum) are made about a thousand times
# larger where one was set. Errors of 0.2 lie between these and ordinary, persistence-affected pixels (about
# 0.1).
ASPCAP_FLAGGED_ERR = 0.2


@dataclass(frozen=True, eq=False)
class ApogeeSpectrum:
    """A spectrum as its file has it, nothing cleaned.

    Parameters
    ----------
    kind : {"aspcapStar", "apStar", "apVisit"}
        Kind of file it came from.
    wavelength : ndarray, shape (8575,) or (3, n_pixels)
        Vacuum wavelength of the pixel centres [Angstrom]: at rest on the apStar grid, or as observed, one row
        a chip (red, green, blue; descending wavelength) for apVisit.
    flux : ndarray, shape of `wavelength`
        Flux density [1e-17 erg/s/cm^2/Angstrom]; for aspcapStar divided by ASPCAP's continuum.
    err : ndarray, shape of `wavelength`
        One standard deviation of `flux`. Zero or about 1e10 where nothing was measured.
    bitmask : ndarray of int or None, shape of `wavelength`
        APOGEE_PIXMASK bits; None for aspcapStar, which has none.
    snr : float or None
        Median signal to noise ratio per pixel of this spectrum, from the header.
    apogee_id : str
        Identifier of the star.
    rv : float or None
        Radial velocity still in the wavelengths [km/s], positive = receding: 0 for spectra at rest, the
        observed velocity (not heliocentric) for apVisit. None where the header has none.
    vhelio : float or None
        Heliocentric velocity of the star [km/s].
    labels : dict of str to float
        Calibrated ASPCAP parameters (PARAM): teff [K], logg [dex], metals [dex], alpham [dex]; -9999 where
        the survey gives none. Empty for apStar and apVisit.
    raw_labels : dict of str to float
        The same before calibration (FPARAM).
    filename : str
        Name of the file, without folder.
    facts : dict
        What the header says, of ``ra``, ``dec`` [degrees], ``field``, ``location``, ``telescope``, ``plate``,
        ``mjd``, ``fiber``, ``exptime`` [s], ``n_visits``, ``vscatter`` [km/s], and the 2MASS magnitudes ``j``, ``h``,
        ``k``.
    """

    kind: str
    wavelength: np.ndarray
    flux: np.ndarray
    err: np.ndarray
    bitmask: np.ndarray | None
    snr: float | None
    apogee_id: str
    rv: float | None = None
    vhelio: float | None = None
    labels: dict = field(default_factory=dict)
    raw_labels: dict = field(default_factory=dict)
    filename: str = ""
    facts: dict = field(default_factory=dict)

    @property
    def mask(self):
        """Bad pixels (ndarray of bool, True = bad).

        Bits 0 to 7 and 12, flux or error that is not finite, errors that are zero, negative or placeholders
        (1e10, or more than 1000 times the median error). For aspcapStar, errors above 0.2 stand for the bits.
        """
        bad = unmeasured(self.flux, self.err)
        if self.bitmask is not None:
            bad |= pixel_mask(self.bitmask)
        if self.kind == "aspcapStar":
            # Written so that a NaN error, already bad, compares without a warning.
            bad |= ~(self.err <= ASPCAP_FLAGGED_ERR)
        return bad

    def __repr__(self):
        return (
            f"ApogeeSpectrum({self.kind} of {self.apogee_id}, SNR {self.snr}, shape {self.flux.shape}, "
            f"{self.mask.mean():.0%} of the pixels bad, {self.filename!r})"
        )


def unmeasured(flux, err):
    """Pixels whose flux or error says that nothing was measured (bool, shape of `flux`, True = bad)."""
    bad = missing_elements(flux) | ~(np.isfinite(flux) & np.isfinite(err) & (err > 0) & (err < PLACEHOLDER_ERR))
    if not bad.all():
        bad |= ~(err <= HOPELESS_ERR_RATIO * np.median(err[~bad]))
    return bad
