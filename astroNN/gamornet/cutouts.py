"""Cutouts of galaxies for the network: from FITS files, cropped to its size, their bad pixels marked or filled.

Images are cropped and never resized, which would change the sampling of the PSF, nor padded, which would invent sky.
"""

import os

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.units import pixel
from scipy.ndimage import gaussian_filter

from astroNN.gamornet._cutout_files import (
    check_inside,
    first_pixels,
    image_hdu,
    read_window,
    saturation_level,
    sky_positions,
)
from astroNN.gamornet._drop_in_checks import check_number
from astroNN.models.misc_models.gamornet import checked_input_shape
from astroNN.shared.checks import as_named_arrays
from astroNN.shared.fits_files import opened_fits
from astroNN.shared.missing import missing_elements

__all__ = ["centre_crop", "fill_bad_pixels", "read_cutouts"]

_N_LISTED = 8
_LEAST_SIGMA = 0.1  # pixels; of a narrower Gaussian nothing but the middle is above 0


def read_cutouts(paths, input_shape, *, hdu=None, saturation=None, centre=None):
    """Read cutouts of galaxies from FITS files, cropped to the size of the network, bad pixels as NaN.

    Parameters
    ----------
    paths : str, path-like or sequence of them
        The files, compressed (``.fits.gz``, ``.fits.fz``) or not. A file may hold a cutout, or a large image with
        many galaxies (give their `centre`), of which no more is read than is needed.
    input_shape : {"SDSS", "CANDELS"} or sequence of 3 int
        Height, width and bands of the images, or the survey: (167, 167, 1) or (83, 83, 1).
    hdu : int, str or (str, int), optional
        The HDU of the image: its number from 0, its name, or its name and version. Default: the first image of two
        axes, or of three (FITS order x, y, band; ``data[band, y, x]``).
    saturation : float or str, optional
        Pixels of this level or brighter are saturated and become NaN; in the unit of the image [counts]. A str is the
        keyword in each file's header, of the image or else of the file, that has the level: ``"SATURATE"`` in files
        of SExtractor, SWarp and many surveys. Default: such pixels stay as they are.
    centre : SkyCoord of one or n, or array_like of shape (2,) or (n, 2), optional
        Where the cutouts are centred: on the sky (the images need a world coordinate system), or at pixels (y, x),
        counted from 0 at the centre of the first pixel, as in ``data[y, x]``. One for all files or one for each; of
        a single file as many cutouts are made as there are centres. Default: the central pixel, as in `centre_crop`.

    Returns
    -------
    array of float32, shape (n, height, width, bands)
        In the order of the files, or of the centres. Brightness as the files mean it (``BSCALE``, ``BZERO``), in
        their unit. NaN where a pixel is undefined (``BLANK``, NaN), infinite, -9999 (which means missing everywhere
        in this library), or saturated.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FitsFileError
        (an OSError and a ValueError) With the name of the file, if it is damaged or not FITS, has no such image, is
        too small, has another number of bands, no saturation level, or no place on the sky. ``except OSError`` thus
        catches what is wrong with files, and nothing else.
    ValueError, TypeError
        For arguments that can't be used.

    See Also
    --------
    fill_bad_pixels : Fills what is NaN.
    centre_crop : The same crop, of arrays.

    Notes
    -----
    The cutout has the whole pixels that lie nearest to the centre, nothing is interpolated: the galaxy is up to half
    a pixel from the middle. With an even size and a centre that is a whole pixel, this pixel is the later of the
    two in the middle, as in `astropy.nddata.Cutout2D`. Zeros, which some servers put where there are no data, are
    taken as measured.

    Examples
    --------
    >>> import tempfile
    >>> from astropy.io import fits
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     fits.writeto(f"{folder}/galaxy.fits", np.arange(100.0).reshape(10, 10))
    ...     images = read_cutouts([f"{folder}/galaxy.fits"], (3, 3, 1), saturation=66.0)
    >>> images[0, :, :, 0]
    array([[44., 45., 46.],
           [54., 55., 56.],
           [64., 65., nan]], dtype=float32)
    """
    paths = _as_paths(paths)
    shape = checked_input_shape(input_shape)
    _check_hdu(hdu)
    if isinstance(saturation, str):
        if not saturation.strip():
            raise ValueError("`saturation` is an empty str; give the keyword of the level, for instance 'SATURATE'.")
    elif saturation is not None:
        check_number("saturation", saturation, is_more=True, or_else=", the keyword of a header, or None")
    centres = _as_centres(centre, len(paths))
    images = np.empty((max(len(paths), len(centres)), *shape), np.float32)
    for number, path in enumerate(paths):
        with opened_fits(path, "read_cutouts", do_not_scale_image_data=True) as hdus:
            image = image_hdu(path, hdus, hdu, shape[2])
            level = saturation_level(path, hdus, image, saturation)
            places = centres if 1 in (len(paths), len(centres)) else centres[number : number + 1]
            if isinstance(places, SkyCoord):
                places = sky_positions(path, hdus, image, places)
            check_inside(path, image, shape, places)
            for row, place in enumerate(places, start=number):
                images[row] = read_window(image, shape, level, place)
    return images


def centre_crop(images, input_shape):
    """Crop the middle of images to the size of the network.

    Parameters
    ----------
    images : array, shape (n, y, x) or (n, y, x, bands)
        Arrays, memory maps or HDF5 data sets, of which only the crop is read.
    input_shape : {"SDSS", "CANDELS"} or sequence of 3 int
        Height, width and bands of the images, or the survey: (167, 167, 1) or (83, 83, 1).

    Returns
    -------
    array, shape (n, height, width, bands)
        A view of `images`, if they are an array or a memory map.

    Raises
    ------
    ValueError
        If the images are too small, or have another number of bands or axes.
    TypeError
        If they are no numbers.

    Notes
    -----
    The central pixel of an axis of n pixels is number n // 2, counted from 0: the middle of an odd number, the later
    of the two in the middle of an even one. It is the central pixel of the crop, too. So between two odd sizes, and
    between two even ones, as many pixels are cut from one side as from the other; from an even to an odd size one
    more from the side of pixel 0, from an odd to an even one the reverse.

    Examples
    --------
    >>> images = np.arange(7) * np.ones((1, 7, 1))
    >>> centre_crop(images, (3, 3, 1))[0, 0, :, 0]
    array([2., 3., 4.])
    >>> centre_crop(images[:, :6, :6], (3, 3, 1))[0, 0, :, 0]
    array([2., 3., 4.])
    """
    images = _as_images("centre_crop", images)
    height, width, bands = checked_input_shape(input_shape)
    given = images.shape[1:3]
    n_bands = 1 if len(images.shape) == 3 else images.shape[3]
    if n_bands != bands:
        raise ValueError(
            f"centre_crop: `images` of shape {tuple(images.shape)} have {n_bands} band(s), but `input_shape` asks "
            f"for {bands}. Give (height, width, bands), or pick bands: images[..., :1]."
        )
    if given[0] < height or given[1] < width:
        raise ValueError(
            f"centre_crop: `images` have {given[0]}x{given[1]} pixels, fewer than the {height}x{width} of "
            "`input_shape`. They are not padded or resized: cut larger ones, or train a network for this size."
        )
    y, x = first_pixels(given, (height, width))
    cropped = images[:, y : y + height, x : x + width]
    return cropped[..., np.newaxis] if len(images.shape) == 3 else cropped


def fill_bad_pixels(images, *, sigma=1.0, max_fraction=0.1):
    """Fill bad pixels from their neighbours in the same image and band.

    A bad pixel becomes the mean of the good ones around it, weighted by a Gaussian. Where none is within four
    standard deviations the Gaussian is made twice as wide, as often as needed; values that were filled in are not
    used again.

    Parameters
    ----------
    images : array, shape (n, y, x) or (n, y, x, bands)
        Bad pixels are NaN, infinite, masked, or -9999.
    sigma : float, optional
        Standard deviation of the narrowest Gaussian [pixels], from 0.1 to the size of the images. Default 1.
    max_fraction : float, optional
        Of the pixels of a band that may be bad, from 0 to 1. Default 0.1.

    Returns
    -------
    array, in the shape of `images`
        A copy; all pixels finite. Floating point numbers of at least single precision.

    Raises
    ------
    ValueError
        With the numbers of the images, if more than `max_fraction` of a band is bad, or all of it; if `images` are of
        another shape, or a setting is out of range.
    TypeError
        If they are no numbers.

    See Also
    --------
    read_cutouts : Marks bad pixels.

    Notes
    -----
    The mean of fainter neighbours is fainter than a peak. Single pixels and lines are filled well, but the core of a
    galaxy comes out **too faint**, and the galaxy with too little bulge. Of a saturated core the level at which it
    saturates is a better guess, being closer to the truth from below than all its neighbours: to keep it, read
    without `saturation`. Better still, leave such galaxies out, or take a shorter exposure.

    Noise is averaged, too: filled pixels are smoother than measured ones.

    Examples
    --------
    >>> image = [[1.0, 2.0, 3.0], [4.0, np.nan, 6.0], [7.0, 8.0, 9.0]]
    >>> float(fill_bad_pixels([image], max_fraction=0.2)[0, 1, 1].round(12))
    5.0
    """
    images = np.asarray(_as_images("fill_bad_pixels", images))
    check_number("sigma", sigma, least=_LEAST_SIGMA, most=max(1, *images.shape[1:3]))
    check_number("max_fraction", max_fraction, most=1.0)
    bad = ~np.isfinite(images) | missing_elements(images)
    filled = images.astype(np.result_type(images.dtype, np.float32))
    of_bands = (slice(None), slice(None), slice(None), np.newaxis) if images.ndim == 3 else ...
    _check_bad_fraction(bad[of_bands], max_fraction)
    for number, band in np.argwhere(bad[of_bands].any(axis=(1, 2))):
        plane = filled[of_bands][number, :, :, band]
        _fill(plane, bad[of_bands][number, :, :, band], sigma)
    return filled


def _fill(plane, bad, sigma):
    """Fill the bad pixels of one plane in place."""
    values = np.where(bad, 0.0, plane.astype(np.float64))
    is_good = (~bad).astype(np.float64)
    while bad.any():
        weight = gaussian_filter(is_good, sigma, mode="constant")  # nothing counts beyond the edges
        reached = bad & (weight > 0)
        plane[reached] = gaussian_filter(values, sigma, mode="constant")[reached] / weight[reached]
        bad = bad & ~reached
        sigma = 2 * sigma


def _check_bad_fraction(bad, max_fraction):
    fraction = bad.mean(axis=(1, 2)).max(axis=-1)
    wrong = np.flatnonzero((fraction > max_fraction) | (fraction == 1))
    if len(wrong):
        listed = ", ".join(map(str, wrong[:_N_LISTED])) + (", ..." if len(wrong) > _N_LISTED else "")
        raise ValueError(
            f"fill_bad_pixels: {len(wrong)} of {len(bad)} images have more bad pixels than `max_fraction` = "
            f"{max_fraction:g} allows, or nothing else: number {listed} (counted from 0); in the first of them "
            f"{fraction[wrong[0]]:.1%} are bad. Leave them out, or allow more: what is filled in is no measurement."
        )


def _as_images(caller, images):
    images = as_named_arrays("images", images, "images")["images"]
    if len(images.shape) not in (3, 4):
        hint = " Of a single image: images[np.newaxis]." if len(images.shape) == 2 else ""
        raise ValueError(
            f"{caller}: `images` must have three axes, (n, y, x), or four, (n, y, x, bands); got the shape "
            f"{tuple(images.shape)}.{hint}"
        )
    return images


def _as_paths(paths):
    if isinstance(paths, str | os.PathLike):
        return [os.fspath(paths)]
    try:
        paths = list(paths)
    except TypeError as error:
        raise TypeError(f"`paths` must be a path or a sequence of paths, got {paths!r}.") from error
    if not paths:
        raise ValueError("`paths` is empty. A pattern that no file matches gives an empty list: look at the folder.")
    for number, path in enumerate(paths):
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f"`paths` must hold paths; element {number} is {path!r}.")
    return [os.fspath(path) for path in paths]


def _check_hdu(hdu):
    is_number = isinstance(hdu, int | np.integer) and not isinstance(hdu, bool) and hdu >= 0
    is_pair = isinstance(hdu, tuple) and len(hdu) == 2 and isinstance(hdu[0], str) and isinstance(hdu[1], int)
    if not (hdu is None or is_number or is_pair or isinstance(hdu, str)):
        raise TypeError(f"`hdu` must be a number from 0, a name, or a name and its version, got {hdu!r}.")


def _as_centres(centre, n_paths):
    """Sequence of places: None, positions (y, x), or on the sky; one, or one for each cutout."""
    if centre is None:
        return [None]
    if isinstance(centre, SkyCoord):
        centres = centre.reshape(1) if centre.isscalar else centre
    elif getattr(centre, "unit", None) not in (None, pixel):
        raise TypeError(
            f"`centre` has the unit {centre.unit}: give places on the sky as SkyCoord(ra, dec), positions (y, x) as "
            "numbers of pixels."
        )
    else:
        try:
            centres = np.atleast_2d(np.asarray(centre, dtype=np.float64))
        except (TypeError, ValueError) as error:
            raise TypeError(f"`centre` must be a SkyCoord or positions (y, x) in pixels, got {centre!r}.") from error
        if centres.ndim != 2 or centres.shape[1] != 2 or not np.isfinite(centres).all():
            raise ValueError(
                "`centre` must be a SkyCoord, or finite positions (y, x) in pixels of shape (2,) or (n, 2), got "
                f"shape {np.shape(centre)}: {centre!r}."
            )
    if centres.ndim != (1 if isinstance(centres, SkyCoord) else 2) or not len(centres):
        raise ValueError(f"`centre` must be one place or a list of them, got the shape {np.shape(centre)}.")
    if n_paths > 1 and len(centres) not in (1, n_paths):
        raise ValueError(
            f"`centre` has {len(centres)} places, but `paths` has {n_paths} files: give one place for all files, one "
            "for each, or several places in a single file."
        )
    return centres
