"""Opening a spectrum, whatever survey it comes from."""

from dataclasses import dataclass, field, replace

import numpy as np
from astropy.io import fits

from astroNN.apogee.headers import first_value
from astroNN.apogee.readers import (
    ApogeeFileError,
    file_name,
    read_apstar,
    read_apvisit,
    read_aspcapstar,
    read_hdus,
    spectrum_kind,
    tells_bad_headers,
)

__all__ = ["Spectrum", "read_spectrum"]

READERS = {"aspcapStar": read_aspcapstar, "apStar": read_apstar, "apVisit": read_apvisit}

# Header keywords by fact, the first one found counts.
FACTS = {
    "ra": ("PLUG_RA", "RA"),
    "dec": ("PLUG_DEC", "DEC"),
    "mjd": ("MJD", "LMJD"),
    "plate": ("PLATEID", "PLATE", "PLANID"),
    "fiber": ("FIBERID", "FIBER"),
    "z": ("Z",),
    "class": ("CLASS",),
    "exptime": ("EXPTIME",),
}
SNR_KEYWORDS = ("SNR", "SN_MEDIAN_ALL", "SNRR", "SNRI", "SNRG")
ID_KEYWORDS = ("DESIG", "OBSID")

# Parts of the name of an SDSS spectrum, and their digits.
SDSS_NAME = {"plate": 4, "mjd": 5, "fiber": 4}

# Rows of the image in LAMOST files up to DR8.
LAMOST_ROWS = ("flux", "ivar", "wavelength", "andmask", "ormask")


@dataclass(frozen=True, eq=False)
class Spectrum:
    """A spectrum of LAMOST or SDSS as its file has it, nothing cleaned.

    Parameters
    ----------
    kind : {"LAMOST", "SDSS"}
        Kind of file it came from.
    wavelength : ndarray, shape (n_pixels,)
        Vacuum wavelength of the pixel centres [Angstrom], as observed.
    flux : ndarray, shape (n_pixels,)
        Flux density, in the unit of the file: 1e-17 erg/s/cm^2/Angstrom for SDSS, relative for LAMOST.
    ivar : ndarray, shape (n_pixels,)
        Inverse variance of `flux`; 0 where nothing was measured.
    bitmask : ndarray of int, shape (n_pixels,)
        Bits that all exposures have set (the "and mask").
    snr : float or None
        Signal to noise ratio, from the header, or else the median of the pixels.
    identifier : str
        Name of the object in its survey.
    facts : dict
        What the headers say, of ``ra``, ``dec`` [degrees], ``mjd``, ``plate``, ``fiber``, ``z`` (redshift),
        ``class``, ``exptime`` [s].
    filename : str
        Name of the file, without folder.
    """

    kind: str
    wavelength: np.ndarray
    flux: np.ndarray
    ivar: np.ndarray
    bitmask: np.ndarray
    snr: float | None
    identifier: str
    facts: dict = field(default_factory=dict)
    filename: str = ""

    @property
    def err(self):
        """One standard deviation of `flux` (ndarray), NaN where nothing was measured."""
        return np.sqrt(np.divide(1.0, self.ivar, out=np.full(self.ivar.shape, np.nan), where=self.ivar > 0))

    @property
    def mask(self):
        """Bad pixels (ndarray of bool, True = bad): no inverse variance, or a flux that is not finite."""
        return ~(np.isfinite(self.flux) & np.isfinite(self.ivar) & (self.ivar > 0))

    def __repr__(self):
        return (
            f"Spectrum({self.kind} of {self.identifier}, SNR {self.snr}, {len(self.flux)} pixels, "
            f"{self.mask.mean():.0%} of them bad, {self.filename!r})"
        )


@tells_bad_headers
def read_spectrum(file, **settings):
    """Read the spectrum in a FITS file of APOGEE, LAMOST or SDSS (BOSS, eBOSS).

    Parameters
    ----------
    file : str, path-like or HDUList
        The file, or its HDUs. What it is, is told by its layout, not by its name.
    **settings
        For apStar files those of `astroNN.apogee.read_apstar`: ``visit``, ``combination``.

    Returns
    -------
    ApogeeSpectrum or Spectrum
        The former for aspcapStar, apStar (asStar) and apVisit (asVisit). Both have ``kind``, ``wavelength``,
        ``flux``, ``err``, ``bitmask``, ``mask``, ``snr`` and ``filename``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ApogeeFileError
        (an OSError and a ValueError) If it can't be read, or is none of these.
    TypeError
        If `settings` are given for another kind of file than apStar.

    See Also
    --------
    astroNN.apogee.network_input : From an APOGEE spectrum to the input of a network.
    astroNN.lamost.pseudo_continuum : Normalises a LAMOST spectrum.
    """
    hdus = read_hdus(file, "read_spectrum")
    kind = spectrum_kind(hdus)
    if kind is None:
        kind = "LAMOST" if _lamost_columns(hdus) else "SDSS" if _is_sdss(hdus) else None
    if settings and kind != "apStar":
        raise TypeError(f"read_spectrum: {', '.join(settings)} belong to apStar files; this one is {kind}.")
    if kind in READERS:
        # HDUs that were read from a file no longer know its name.
        return replace(READERS[kind](hdus, **settings), filename=file_name(file))
    if kind is None:
        layout = ", ".join(f"{hdu.name or 'HDU'} {np.shape(hdu.data)}" for hdu in hdus)
        raise ApogeeFileError(
            f"read_spectrum: {file_name(file)!r} is no aspcapStar, apStar, apVisit, LAMOST or SDSS file by its "
            f"layout; it holds {layout}."
        )
    return (_read_lamost if kind == "LAMOST" else _read_sdss)(hdus, file_name(file))


def _read_lamost(hdus, filename):
    return _spectrum("LAMOST", _lamost_columns(hdus), [hdus[0].header], filename)


def _lamost_columns(hdus):
    """Columns of a LAMOST file: an image up to DR8, a table of one row since; None for other files."""
    image = hdus[0].data
    if image is not None and image.ndim == 2 and image.shape[0] in (4, 5) and "LMJD" in hdus[0].header:
        return dict(zip(LAMOST_ROWS, image, strict=False))
    if len(hdus) > 1 and isinstance(hdus[1], fits.BinTableHDU):
        names = {name.lower() for name in hdus[1].columns.names}
        if {"flux", "ivar", "wavelength", "andmask"} <= names:
            return {name: np.ravel(hdus[1].data[name]) for name in LAMOST_ROWS if name in names}
    return None


def _is_sdss(hdus):
    if len(hdus) < 2 or not isinstance(hdus[1], fits.BinTableHDU):
        return False
    return {"flux", "loglam", "ivar", "and_mask"} <= {name.lower() for name in hdus[1].columns.names}


def _read_sdss(hdus, filename):
    table = hdus[1].data
    columns = {
        "flux": table["flux"],
        "ivar": table["ivar"],
        "wavelength": 10.0 ** np.asarray(table["loglam"], dtype="float64"),
        "andmask": table["and_mask"],
    }
    headers = [hdus[0].header]
    # What the pipeline found of the object: a table of one row with the names of header keywords.
    if len(hdus) > 2 and isinstance(hdus[2], fits.BinTableHDU) and len(hdus[2].data) == 1:
        row = hdus[2].data[0]
        headers.append({name.upper(): row[name] for name in hdus[2].columns.names})
    return _spectrum("SDSS", columns, headers, filename)


def _spectrum(kind, columns, headers, filename):
    flux, ivar, wavelength = (np.asarray(columns[name], "float64") for name in ("flux", "ivar", "wavelength"))
    facts = {name: value for name in FACTS if (value := first_value(headers, FACTS[name])) is not None}
    snr = first_value(headers, SNR_KEYWORDS)
    if snr is None and (ivar > 0).any():
        snr = np.median((flux * np.sqrt(ivar))[ivar > 0])
    identifier = first_value(headers, ID_KEYWORDS)
    if identifier is None and {"plate", "mjd", "fiber"} <= set(facts):
        identifier = "-".join(f"{int(facts[name]):0{width}d}" for name, width in SDSS_NAME.items())
    return Spectrum(
        kind=kind,
        wavelength=wavelength,
        flux=flux,
        ivar=ivar,
        bitmask=np.asarray(columns["andmask"]).astype("int64"),
        snr=None if snr is None else float(snr),
        identifier=str(identifier or "").strip(),
        facts=facts,
        filename=filename,
    )
