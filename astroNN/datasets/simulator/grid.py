"""The APOGEE pixel grid without the chip gaps (7,514 pixels), and the finer grid for line profiles.

Wavelengths are vacuum, in Angstrom, and even in their logarithm, so that a pixel is one and the
same velocity step everywhere and the instrument's profile is one kernel for the whole spectrum.
"""

from functools import lru_cache

import numpy as np

__all__ = ["CHIPS", "LIGHT_KMS", "N_PIXELS", "OVERSAMPLING", "PIXEL_KMS", "fine_wavelength", "wavelength_grid"]

#: speed of light [km/s]
LIGHT_KMS = 299792.458
LOG_FIRST, LOG_STEP = 4.179, 6e-6  # log10 of Angstrom: the apStar data model
#: half-open ranges in the 8,575 pixels, DR13 and later
CHIPS = ((246, 3274), (3585, 6080), (6344, 8335))
#: pixels of the three chips together
N_PIXELS = sum(last - first for first, last in CHIPS)
#: width of a pixel [km/s]
PIXEL_KMS = LIGHT_KMS * LOG_STEP * np.log(10.0)
#: points of the fine grid a pixel: 1.38 km/s, finer than the narrowest Doppler width in use
OVERSAMPLING = 3


@lru_cache
def wavelength_grid():
    """Vacuum wavelengths of the pixels.

    Returns
    -------
    float64 array, shape (7514,)
        In Angstrom; the same array at every call, not to be written into.
    """
    pixel = np.concatenate([np.arange(first, last) for first, last in CHIPS])
    wavelength = 10.0 ** (LOG_FIRST + LOG_STEP * pixel)
    wavelength.setflags(write=False)
    return wavelength


def fine_wavelength():
    """Vacuum wavelengths of the fine grid: all 8,575 pixels, each cut in `OVERSAMPLING` steps.

    Returns
    -------
    float64 array, shape (25725,)
        In Angstrom.
    """
    return 10.0 ** (LOG_FIRST + LOG_STEP / OVERSAMPLING * np.arange(8575 * OVERSAMPLING))
