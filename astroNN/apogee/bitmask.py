"""Pixel bit masks of APOGEE.

The bits are those of APOGEE_PIXMASK (Holtzman et al. 2015, AJ 150, 148, table 4; Nidever et al. 2015).
"""

import operator

import numpy as np

from astroNN.shared.messages import tell

__all__ = ["BAD_PIXEL_BITS", "bitmask_boolean", "bitmask_decompositor", "pixel_mask"]

# 0 bad pixel, 1 cosmic ray, 2 saturated, 3 unfixable, 4 bad dark, 5 bad flat, 6 bad error, 7 no sky estimate:
# the pipeline's own "bad"; 12 is a strong sky line, whose residuals swamp the star.
BAD_PIXEL_BITS = (0, 1, 2, 3, 4, 5, 6, 7, 12)


def bitmask_boolean(bitmask, target_bit):
    """Find the pixels in which any of the given bits is set.

    Parameters
    ----------
    bitmask : array_like of int, shape (n_pixels,) or (n_spectra, n_pixels)
        Bit masks. Whole numbers stored as floats are understood.
    target_bit : int or sequence of int
        Bits to look for, 0 to 62.

    Returns
    -------
    ndarray of bool, shape (n_spectra, n_pixels)
        True where any of the bits is set. Always two-dimensional.

    Raises
    ------
    ValueError
        If `bitmask` has fractional or non-finite values, or a bit is out of range.

    See Also
    --------
    pixel_mask : the bits that make a pixel bad, in the shape of the input.

    Examples
    --------
    >>> bitmask_boolean([2048, 128, 33], [0, 7])
    array([[False,  True,  True]])
    """
    return np.atleast_2d(_any_bit(bitmask, target_bit, "bitmask_boolean"))


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
        True = bad.

    Raises
    ------
    ValueError
        As `bitmask_boolean`.

    Examples
    --------
    >>> pixel_mask([0, 1, 512, 4096])
    array([False,  True, False,  True])
    """
    return _any_bit(bitmask, target_bit, "pixel_mask")


def bitmask_decompositor(bit):
    """List the bits that make up a number.

    Parameters
    ----------
    bit : int
        Bit mask of one pixel.

    Returns
    -------
    ndarray of int or None
        Bits that are set, ascending. None, with a message, for 0: no bit is set.

    Raises
    ------
    ValueError
        If `bit` is negative.

    Examples
    --------
    >>> bitmask_decompositor(2**0 + 2**5 + 2**13 + 2**14)
    array([ 0,  5, 13, 14])
    """
    value = operator.index(bit.item() if isinstance(bit, np.ndarray) else bit)
    if value < 0:
        raise ValueError(
            f"bitmask_decompositor: `bit` must not be negative, got {value}. A mask with its highest bit set "
            f"reads as negative in a signed type: view it as unsigned first."
        )
    if value == 0:
        tell("bitmask_decompositor: 0 has no bit set.")
        return None
    return np.array([position for position in range(value.bit_length()) if value >> position & 1])


def _any_bit(bitmask, target_bit, caller):
    bits = np.atleast_1d(np.asarray(target_bit))
    if bits.size and (bits.dtype.kind not in "iu" or bits.min() < 0 or bits.max() > 62):
        raise ValueError(f"{caller}: `target_bit` must hold whole numbers from 0 to 62, got {target_bit!r}.")
    # 64-bit throughout: 2**target_bit overflows the 16-bit integers of the files.
    wanted = np.int64(sum(1 << position for position in set(bits.tolist())))
    return (_as_int64(bitmask, caller) & wanted) != 0


def _as_int64(bitmask, caller):
    values = np.asarray(bitmask)
    if values.dtype.kind == "f" and not (np.isfinite(values).all() and (values == np.floor(values)).all()):
        raise ValueError(
            f"{caller}: `bitmask` must hold whole numbers, got fractions or non-finite values. Is it a flux array?"
        )
    if values.dtype.kind not in "iufb":
        raise ValueError(f"{caller}: `bitmask` must hold whole numbers, got an array of type {values.dtype}.")
    return values.astype(np.int64)
