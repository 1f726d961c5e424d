"""Reading spectra from the files of the survey: aspcapStar, apStar (asStar) and apVisit (asVisit).

The layouts are those of the SDSS data model, apogee reductions r5 (DR12) to DR17.
"""

import functools
import os

import numpy as np
from astropy.io import fits

from astroNN.apogee.chips import N_APSTAR_PIXELS, apstar_wavelength
from astroNN.apogee.headers import (
    HELIOCENTRIC_VELOCITY_KEYWORDS,
    OBSERVED_VELOCITY_KEYWORDS,
    facts_of,
    identifier,
    number,
    parameters,
)
from astroNN.apogee.spectrum import ApogeeSpectrum
from astroNN.shared.errors import FitsFileError
from astroNN.shared.fits_files import opened_fits

__all__ = [
    "ApogeeFileError",
    "file_name",
    "n_visits",
    "read_apstar",
    "read_apvisit",
    "read_aspcapstar",
    "read_hdus",
    "spectrum_kind",
    "tells_bad_headers",
]

# Rows of a combined apStar file by way of weighting the visits.
COMBINATION_ROW = {"pixel": 0, "global": 1}

READER_OF_KIND = {"aspcapStar": "read_aspcapstar", "apStar": "read_apstar", "apVisit": "read_apvisit"}


class ApogeeFileError(FitsFileError):
    """A file that cannot be read as the APOGEE spectrum it should be."""


def tells_bad_headers(read):
    """Decorate a reader: what astropy finds wrong in a header, when it first looks at a keyword, names the file.

    Parameters
    ----------
    read : callable
        A function whose first argument is a path or an HDUList.

    Returns
    -------
    callable
        The same, with `ApogeeFileError` in place of astropy's ``VerifyError``.
    """

    @functools.wraps(read)
    def told(path, *arguments, **settings):
        try:
            return read(path, *arguments, **settings)
        except fits.VerifyError as error:
            raise ApogeeFileError(
                f"{read.__name__}: {_named(path)!r} has a damaged header ({error}). Download it again and compare "
                "its checksum."
            ) from error

    return told


@tells_bad_headers
def read_aspcapstar(path):
    """Read an aspcapStar file: the combined spectrum over ASPCAP's continuum, with the survey's labels.

    Parameters
    ----------
    path : str, path-like or HDUList
        The FITS file, or its HDUs.

    Returns
    -------
    ApogeeSpectrum
        At rest, 8575 pixels, without bit mask.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ApogeeFileError
        If it is damaged or of another kind (an OSError and a ValueError).

    See Also
    --------
    network_input : Brings the spectrum to the normalisation that networks are trained on.
    """
    hdus = _open(path, "aspcapStar")
    flux, err = _native(hdus[1].data), _native(hdus[2].data)
    header = hdus[0].header
    return ApogeeSpectrum(
        kind="aspcapStar",
        wavelength=apstar_wavelength(),
        flux=flux,
        err=err,
        bitmask=None,
        snr=number(header, ["SNR"]),
        apogee_id=identifier(header),
        rv=0.0,
        vhelio=number(header, HELIOCENTRIC_VELOCITY_KEYWORDS),
        labels=parameters(hdus, "PARAM"),
        raw_labels=parameters(hdus, "FPARAM"),
        filename=file_name(path),
        facts=facts_of(header),
    )


@tells_bad_headers
def read_apstar(path, visit=None, combination="pixel"):
    """Read an apStar (or asStar) file: visits of a star moved to rest, and their combination.

    Parameters
    ----------
    path : str, path-like or HDUList
        The FITS file, or its HDUs.
    visit : int, optional
        Number of a visit, from 1, for that visit alone. Default: the combination of all visits.
    combination : {"pixel", "global"}, optional
        Combination weighted pixel by pixel (first row of the file; default) or by one weight a visit (second
        row). Files of a single visit have neither: that visit is given.

    Returns
    -------
    ApogeeSpectrum
        At rest, 8575 pixels.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ApogeeFileError
        If it is damaged or of another kind (an OSError and a ValueError).
    ValueError
        If the visit does not exist or the combination is unknown.
    """
    if combination not in COMBINATION_ROW:
        raise ValueError(f"read_apstar: `combination` must be 'pixel' or 'global', got {combination!r}.")
    hdus = _open(path, "apStar")
    header = hdus[0].header
    flux, err, bitmask = (np.atleast_2d(_native(hdus[place].data)) for place in (1, 2, 3))
    row = _apstar_row(hdus, visit, combination, path)
    suffix = "" if visit is None else str(visit)
    return ApogeeSpectrum(
        kind="apStar",
        wavelength=apstar_wavelength(),
        flux=flux[row],
        err=err[row],
        bitmask=bitmask[row],
        snr=number(header, ["SNR"] if visit is None else [f"SNRVIS{visit}"]),
        apogee_id=identifier(header),
        rv=0.0,
        vhelio=number(header, [keyword + suffix for keyword in HELIOCENTRIC_VELOCITY_KEYWORDS]),
        filename=file_name(path),
        facts=facts_of(header),
    )


@tells_bad_headers
def read_apvisit(path):
    """Read an apVisit (or asVisit) file: one visit in the observed frame, chip by chip.

    Parameters
    ----------
    path : str, path-like or HDUList
        The FITS file, or its HDUs.

    Returns
    -------
    ApogeeSpectrum
        Three chips of 4096 (2048 without dithering) pixels, red, green, blue; `rv` from the header (VRAD or
        VREL).

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ApogeeFileError
        If it is damaged or of another kind (an OSError and a ValueError).

    See Also
    --------
    resample_to_apogee : Moves it to rest, onto the apStar grid.
    """
    hdus = _open(path, "apVisit")
    header = hdus[0].header
    flux, err, bitmask, wavelength = (_native(hdus[place].data) for place in (1, 2, 3, 4))
    return ApogeeSpectrum(
        kind="apVisit",
        wavelength=wavelength,
        flux=flux,
        err=err,
        bitmask=bitmask,
        snr=number(header, ["SNR"]),
        apogee_id=identifier(header),
        rv=number(header, OBSERVED_VELOCITY_KEYWORDS),
        vhelio=number(header, HELIOCENTRIC_VELOCITY_KEYWORDS),
        filename=file_name(path),
        facts=facts_of(header),
    )


def read_hdus(path, reader):
    """HDUs of a FITS file, the first four extensions read; failures name file and way out.

    Parameters
    ----------
    path : str, path-like or HDUList
        The file; HDUs that are open already are given back as they are.
    reader : str
        Name of the caller, for errors.

    Returns
    -------
    HDUList
        Of a path closed, with the data of its primary HDU and of the next four in memory.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ApogeeFileError
        If it can't be read as FITS.
    TypeError
        If it is neither a path nor HDUs.
    """
    if isinstance(path, fits.HDUList):
        return path
    if not isinstance(path, str | os.PathLike):
        raise TypeError(
            f"{reader}: a path or an HDUList is needed, got {path!r}. (A download that gave False had no such file.)"
        )
    with opened_fits(path, reader, ApogeeFileError) as hdus:
        for hdu in hdus[:5]:
            hdu.data  # noqa: B018 -- read before the file is closed
        spectrum_kind(hdus)  # foreign data may raise here; then it is told in the same words
    return hdus


def file_name(path):
    """Name of a file without its folder, of HDUs as well.

    Parameters
    ----------
    path : str, path-like or HDUList
        A file, or HDUs that were read from one.

    Returns
    -------
    str
        Empty for HDUs that no file holds.
    """
    if isinstance(path, fits.HDUList):
        path = path.filename() or ""
    return os.path.basename(os.fspath(path))


def _open(path, wanted):
    """HDUs of a file of the wanted kind."""
    reader = READER_OF_KIND[wanted]
    hdus = read_hdus(path, reader)
    kind = spectrum_kind(hdus)
    if kind != wanted:
        hint = f"It looks like {kind}: use {READER_OF_KIND[kind]}." if kind else "Its kind is unknown."
        raise ApogeeFileError(
            f"{reader}: {_named(path)!r} does not have the layout of {wanted} files; its HDU 1 to 4 have the shapes "
            f"{_shapes(hdus)}. {hint} A file cut off early looks the same: compare its size and checksum."
        )
    return hdus


def _named(path):
    return path.filename() or "HDUList" if isinstance(path, fits.HDUList) else os.fspath(path)


def _shapes(hdus):
    return [None if hdu.data is None else np.shape(hdu.data) for hdu in hdus[1:5]]


def spectrum_kind(hdus):
    """Kind of an APOGEE file by the layout of its first extensions.

    Parameters
    ----------
    hdus : HDUList
        HDUs of a FITS file, whatever it is.

    Returns
    -------
    str or None
        "aspcapStar", "apStar" or "apVisit"; None for any other layout.
    """
    shapes = _shapes(hdus)
    if len(shapes) < 4 or not shapes[0] or not shapes[0] == shapes[1] == shapes[2]:
        return None
    has_bits = hdus[3].data.dtype.kind in "iu"
    if shapes[0][-1] == N_APSTAR_PIXELS:
        if has_bits:
            return "apStar"
        return "aspcapStar" if len(shapes[0]) == 1 and isinstance(hdus[4], fits.BinTableHDU) else None
    if len(shapes[0]) == 2 and shapes[0][0] == 3 and shapes[3] == shapes[0] and has_bits:
        return "apVisit"
    return None


def n_visits(hdus):
    """Number of single visits in an apStar file; that of one visit has neither of the combinations.

    Parameters
    ----------
    hdus : HDUList
        HDUs of an apStar file.

    Returns
    -------
    int
        At least 1.
    """
    n_rows = len(np.atleast_2d(hdus[1].data))
    return 1 if n_rows == 1 else n_rows - len(COMBINATION_ROW)


def _apstar_row(hdus, visit, combination, path):
    is_single = len(np.atleast_2d(hdus[1].data)) == 1
    if visit is None:
        return 0 if is_single else COMBINATION_ROW[combination]
    if not isinstance(visit, int | np.integer) or not 1 <= visit <= n_visits(hdus):
        raise ValueError(
            f"read_apstar: `visit` must be a number from 1 to {n_visits(hdus)}, the visits in {_named(path)!r}, "
            f"got {visit!r}."
        )
    return 0 if is_single else visit - 1 + len(COMBINATION_ROW)


def _native(values):
    """In the machine's byte order; floats in double precision."""
    values = np.asarray(values)
    return values.astype(np.float64 if values.dtype.kind == "f" else values.dtype.newbyteorder("="))
