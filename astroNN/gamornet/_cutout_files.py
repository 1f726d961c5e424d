"""One FITS file with an image: which HDU, which pixels of it, and what they mean."""

import math
import numbers

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS, NoConvergence
from astropy.wcs.utils import skycoord_to_pixel

from astroNN.shared.errors import FitsFileError
from astroNN.shared.missing import missing_elements

__all__ = ["check_inside", "first_pixels", "image_hdu", "read_window", "saturation_level", "sky_positions"]

_CALLER = "read_cutouts"
_N_LISTED = 8


def first_pixels(sizes, wanted, centre=None):
    """First of the pixels, on each axis, that lie nearest to a place.

    Parameters
    ----------
    sizes, wanted : sequence of int
        Pixels that there are, and that are to be cut out, by axis.
    centre : sequence of float, optional
        The place, in pixels from 0. Default: the central pixels, ``sizes // 2``.

    Returns
    -------
    list of int
        They may be below 0, or leave too few pixels.
    """
    centre = [size // 2 for size in sizes] if centre is None else centre
    return [math.ceil(middle - n / 2) for middle, n in zip(centre, wanted, strict=True)]


def image_hdu(path, hdus, wanted, bands):
    """The HDU of the image, of so many bands.

    Raises
    ------
    FitsFileError
        If there is none.
    """
    if wanted is None:
        image = next((hdu for hdu in hdus if _n_axes(hdu) in (2, 3)), None)
        asked = "image"
    else:
        image = _hdu_called(hdus, wanted)
        asked = f"HDU {wanted!r} with an image"
    if _n_axes(image) not in (2, 3):
        raise FitsFileError(
            f"{_CALLER}: {path!r} has no {asked} of two or three axes; it holds {_layout(hdus)}. A file cut off "
            "early looks the same: compare its size and checksum."
        )
    n_bands = 1 if _n_axes(image) == 2 else image.shape[0]
    if n_bands != bands:
        raise FitsFileError(
            f"{_CALLER}: the image in {path!r} has the shape {image.shape} (bands, y, x), of {n_bands} band(s), but "
            f"`input_shape` asks for {bands}. Another HDU is chosen by `hdu`; the file holds {_layout(hdus)}."
        )
    return image


def saturation_level(path, hdus, image, saturation):
    """The level, in the unit of the image: the number given, or that of the header; None for none.

    Raises
    ------
    FitsFileError
        If the header has none.
    """
    if not isinstance(saturation, str):
        return saturation
    value = image.header.get(saturation, hdus[0].header.get(saturation))
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number or not 0 < value < math.inf:
        found = "has no keyword" if value is None else f"has {value!r} as"
        raise FitsFileError(
            f"{_CALLER}: the header of {path!r} {found} {saturation!r}, which must be a level above 0. Give the "
            "level itself as `saturation`, or the keyword that these files have."
        )
    return value


def sky_positions(path, hdus, image, sky):
    """Positions (y, x) in pixels, from 0, of places on the sky.

    Parameters
    ----------
    path : str
        For errors.
    hdus : HDUList
        Which may hold tables of the distortion.
    image : ImageHDU, PrimaryHDU or CompImageHDU
        With the world coordinate system.
    sky : SkyCoord, shape (n,)
        The places, in any frame.

    Returns
    -------
    array of float, shape (n, 2)

    Raises
    ------
    FitsFileError
        If the image has no world coordinate system, or not for one of the places.
    """
    wcs = WCS(image.header, hdus)
    if not wcs.has_celestial:
        raise FitsFileError(
            f"{_CALLER}: the image in {path!r} has no world coordinate system with positions on the sky. Give "
            "`centre` in pixels, (y, x)."
        )
    try:
        x, y = skycoord_to_pixel(sky, wcs.celestial, origin=0)  # the axis of longitudes first
    except NoConvergence as error:
        raise FitsFileError(
            f"{_CALLER}: a place of `centre` is so far from the image in {path!r} that the world coordinate system "
            f"has no pixel for it ({error})."
        ) from error
    is_turned = wcs.celestial.wcs.lng > wcs.celestial.wcs.lat
    positions = np.stack([x, y] if is_turned else [y, x], axis=-1)
    wrong = np.flatnonzero(~np.isfinite(positions).all(axis=1))
    if len(wrong):
        raise FitsFileError(
            f"{_CALLER}: the world coordinate system of {path!r} has no pixel for "
            f"{sky[wrong[0]].to_string('hmsdms')}: the place is unknown, or on the other side of the sky."
        )
    return positions


def check_inside(path, image, shape, centres):
    """Raise, with their numbers, if cutouts of this shape around some of the places reach beyond the image."""
    sizes, wanted = image.shape[-2:], shape[:2]
    beyond = []
    for number, centre in enumerate(centres):
        first = first_pixels(sizes, wanted, centre)
        if any(start < 0 or start + n > size for start, n, size in zip(first, wanted, sizes, strict=True)):
            beyond.append(number)
    if beyond:
        raise FitsFileError(f"{_CALLER}: {_too_small(path, sizes, wanted, centres, beyond)}")


def read_window(image, shape, level, centre):
    """One cutout, and no more of the file than it needs.

    Parameters
    ----------
    image : ImageHDU, PrimaryHDU or CompImageHDU
        Whose numbers are not scaled yet.
    shape : tuple of 3 int
        Height, width, bands.
    level : float or None
        Brightness from which a pixel is saturated.
    centre : (float, float) or None
        Position (y, x) in pixels.

    Returns
    -------
    array of float32, of this shape
        Bad pixels are NaN.
    """
    wanted = shape[:2]
    first = first_pixels(image.shape[-2:], wanted, centre)
    rows, columns = (slice(start, start + n) for start, n in zip(first, wanted, strict=True))
    planes = (slice(None),) * (len(image.shape) - 2)
    if isinstance(image, fits.CompImageHDU):
        stored = image.section[(*planes, rows, columns)]
    else:  # whole rows lie together in the file: parts of them would be read one by one
        stored = image.section[(*planes, rows)][..., columns]
    pixels = _brightness(stored, image.header, level)
    return pixels[..., np.newaxis] if pixels.ndim == 2 else np.moveaxis(pixels, 0, -1)


def _brightness(stored, header, level):
    """Numbers of a file as float32, with NaN for bad pixels.

    Not left to astropy, which overlooks the undefined pixels of unsigned integers, and those whose BLANK is 0.
    """
    is_bad = np.zeros(stored.shape, bool)
    if stored.dtype.kind in "iu" and "BLANK" in header:
        is_bad |= stored == header["BLANK"]
    with np.errstate(over="ignore", invalid="ignore"):  # what is too large becomes infinite, and bad
        pixels = stored.astype(np.float64) * header.get("BSCALE", 1.0) + header.get("BZERO", 0.0)
        pixels = pixels.astype(np.float32)
        is_bad |= ~np.isfinite(pixels) | missing_elements(pixels)
        if level is not None:
            is_bad |= pixels >= np.float32(level)  # in one precision: 0.7 of float32 is below 0.7 of float64
    pixels[is_bad] = np.nan
    return pixels


def _too_small(path, sizes, wanted, centres, beyond):
    asked, given = ("x".join(map(str, n)) for n in (wanted, sizes))
    if centres[beyond[0]] is None:
        return (
            f"{path!r} has {given} pixels, fewer than the {asked} of `input_shape`. Images are not padded or "
            "resized: get a larger cutout, or leave the galaxy out."
        )
    place = ", ".join(f"{middle:.1f}" for middle in centres[beyond[0]])
    listed = ", ".join(map(str, beyond[:_N_LISTED])) + (", ..." if len(beyond) > _N_LISTED else "")
    return (
        f"{len(beyond)} of {len(centres)} cutouts of {asked} pixels reach beyond {path!r}, which has {given}: number "
        f"{listed} (counted from 0), the first around (y, x) = ({place}). Cutouts are not padded: leave them out."
    )


def _n_axes(hdu):
    """Axes of an image with data; 0 for all else."""
    is_image = isinstance(hdu, fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU)
    return len(hdu.shape) if is_image and 0 not in hdu.shape else 0


def _hdu_called(hdus, wanted):
    try:
        return hdus[wanted]
    except (KeyError, IndexError):
        return None


def _layout(hdus):
    kinds = [f"an image {hdu.shape}" if _n_axes(hdu) else "no image" for hdu in hdus]
    return ", ".join(f"HDU {number} {hdu.name!r}: {kinds[number]}" for number, hdu in enumerate(hdus))
