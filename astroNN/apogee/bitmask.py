"""Pixel bit masks of APOGEE.

The bits are those of APOGEE_PIXMASK (Holtzman et al. 2015, AJ 150, 148, table 4; Nidever et al. 2015).
"""

import operator

import numpy as np

from astroNN.shared.messages import tell
from astroNN.shared.missing import data_and_mask

__all__ = ["BAD_PIXEL_BITS", "any_bit", "bitmask_boolean", "bitmask_decompositor", "pixel_mask"]

#: 0 bad pixel, 1 cosmic ray, 2 saturated, 3 unfixable, 4 bad dark, 5 bad flat, 6 bad error, 7 no sky estimate:
#: the pipeline's own "bad"; 12 is a strong sky line, whose residuals swamp the star.
BAD_PIXEL_BITS = (0, 1, 2, 3, 4, 5, 6, 7, 12)


def bitmask_boolean(bitmask, target_bit):
    """Find the pixels in which any of the given bits is set.

    Parameters
    ----------
    bitmask : array_like of int, shape (n_pixels,) or (n_spectra, n_pixels)
        Bit masks. Whole numbers stored as floats are understood. The bits of masked elements (of numpy's or
        astropy's masked arrays) are not known.
    target_bit : int or sequence of int
        Bits to look for, 0 to 62.

    Returns
    -------
    ndarray of bool, shape (n_spectra, n_pixels)
        True where any of the bits is set or may be: masked elements are True, so that no pixel of unknown
        quality passes for a good one. Always two-dimensional.

    Raises
    ------
    ValueError
        If `bitmask` has fractional, non-finite or too large values, or a bit is out of range.

    See Also
    --------
    pixel_mask : The bits that make a pixel bad, in the shape of the input.

    Examples
    --------
    >>> bitmask_boolean([2048, 128, 33], [0, 7])
    array([[False,  True,  True]])
    """
    return np.atleast_2d(any_bit(bitmask, target_bit, "bitmask_boolean"))


def pixel_mask(bitmask, target_bit=BAD_PIXEL_BITS):
    """Mark bad pixels, as the networks' ``mask=`` wants them.

    Parameters
    ----------
    bitmask : array_like of int, any shape
        Bit masks of apStar or apVisit files.
    target_bit : int or sequence of int, optional
        Bits that make a pixel bad. Default: 0 to 7 (bad, cosmic ray, saturated, unfixable, bad dark, bad
        flat, bad error, no sky) and 12 (strong sky line).

    Returns
    -------
    ndarray of bool, shape of `bitmask`
        True = bad. Masked elements, whose bits are not known, are bad.

    Raises
    ------
    ValueError
        As `bitmask_boolean`.

    Examples
    --------
    >>> pixel_mask([0, 1, 512, 4096])
    array([False,  True, False,  True])
    """
    return any_bit(bitmask, target_bit, "pixel_mask")


def bitmask_decompositor(bit):
    """List the bits that make up a number.

    Parameters
    ----------
    bit : int
        Bit mask of one pixel. A whole number stored as float is understood.

    Returns
    -------
    ndarray of int or None
        Bits that are set, ascending. None, with a message, for 0: no bit is set.

    Raises
    ------
    ValueError
        If `bit` is negative, or not one whole number.

    Examples
    --------
    >>> bitmask_decompositor(2**0 + 2**5 + 2**13 + 2**14)
    array([ 0,  5, 13, 14])
    """
    value = _whole_number(bit)
    if value < 0:
        raise ValueError(
            f"bitmask_decompositor: `bit` must not be negative, got {value}. A mask with its highest bit set "
            f"reads as negative in a signed type: view it as unsigned first."
        )
    if value == 0:
        tell("bitmask_decompositor: 0 has no bit set.")
        return None
    return np.array([position for position in range(value.bit_length()) if value >> position & 1])


def any_bit(bitmask, target_bit, caller):
    """Where any of the bits is set or not known, in the shape of `bitmask`.

    Parameters
    ----------
    bitmask : array_like of int, any shape
        Bit masks; whole numbers stored as floats are understood.
    target_bit : int or sequence of int
        Bits to look for, 0 to 62.
    caller : str
        Name of the function that errors shall name.

    Returns
    -------
    ndarray of bool, shape of `bitmask`
        True where a bit is set, and in masked elements.

    Raises
    ------
    ValueError
        If `bitmask` has fractional, non-finite or too large values, or a bit is out of range.
    """
    bits = np.atleast_1d(np.asarray(target_bit))
    if bits.size and (bits.dtype.kind not in "iu" or bits.min() < 0 or bits.max() > 62):
        raise ValueError(f"{caller}: `target_bit` must hold whole numbers from 0 to 62, got {target_bit!r}.")
    # 64-bit throughout: 2**target_bit overflows the 16-bit integers of the files.
    wanted = np.int64(sum(1 << position for position in set(bits.tolist())))
    values, masked = data_and_mask(bitmask)
    if masked is None:
        return (_as_int64(values, caller) & wanted) != 0
    return masked | ((_as_int64(np.where(masked, 0, values), caller) & wanted) != 0)


def _as_int64(values, caller):
    if values.dtype.kind not in "iufb":
        raise ValueError(f"{caller}: `bitmask` must hold whole numbers, got an array of type {values.dtype}.")
    # Beyond 64 bits a float can't be converted, and numpy makes up a number. NaN compares False.
    if values.dtype.kind == "f":
        values = values.astype("float64")
        if not ((abs(values) < 2.0**63) & (values == np.floor(values))).all():
            raise ValueError(
                f"{caller}: `bitmask` must hold whole numbers below 2**63, got fractions, non-finite or larger "
                f"values. Is it a flux array?"
            )
    return values.astype(np.int64)


def _whole_number(bit):
    number = bit.item() if isinstance(bit, np.ndarray) and bit.size == 1 else bit
    if isinstance(number, float | np.floating) and float(number).is_integer():
        number = int(number)
    try:
        return operator.index(None if np.ma.is_masked(bit) else number)
    except TypeError as error:
        raise ValueError(
            f"bitmask_decompositor: `bit` must be one whole number, got {bit!r}. For arrays there is "
            f"`bitmask_boolean`."
        ) from error
