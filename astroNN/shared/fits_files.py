"""Opening FITS files, so that a damaged one is told by its name."""

import lzma
import os
import warnings
import zlib
from contextlib import contextmanager

from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from astroNN.shared.errors import FitsFileError

__all__ = ["opened_fits"]

# What truncated or foreign bytes raise in astropy, and in what unpacks .gz, .bz2 and .xz for it.
_READ_ERRORS = (
    OSError,
    TypeError,
    ValueError,
    KeyError,
    IndexError,
    AttributeError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    fits.VerifyError,
    AstropyWarning,
)


@contextmanager
def opened_fits(path, reader, error_type=FitsFileError, **settings):
    """Open a FITS file for a block that reads from it; failures, those in the block too, name the file.

    Warnings of astropy are silent in the block, but for that of a truncated file, which is an error.

    Parameters
    ----------
    path : str or path-like
        The file, which may be compressed as a whole.
    reader : str
        Name of the caller, for errors.
    error_type : type, optional
        `FitsFileError` (default) or a kind of it. The block may raise it itself.
    **settings
        For `astropy.io.fits.open`.

    Yields
    ------
    HDUList
        All headers are read.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FitsFileError
        (or `error_type`) If it can't be read as FITS.
    """
    name = os.fspath(path)
    if os.path.isdir(name):
        raise FileNotFoundError(f"{reader}: {name!r} is a folder; a file is needed.")
    if not os.path.isfile(name):
        raise FileNotFoundError(f"{reader}: there is no file {name!r}.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            warnings.filterwarnings("error", message=".*truncated", category=AstropyWarning)
            # A stream of our own: astropy leaves its file open when it fails half way.
            with open(name, "rb") as stream:
                with fits.open(stream, memmap=False, lazy_load_hdus=False, **settings) as hdus:
                    yield hdus
    except error_type:
        raise
    except _READ_ERRORS as error:
        raise error_type(
            f"{reader}: {name!r} could not be read as FITS ({type(error).__name__}: {error}). The file may "
            f"be truncated or no FITS file at all: download it again and compare its size and checksum."
        ) from error
