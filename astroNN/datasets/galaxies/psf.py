"""Point spread functions, as factors on the spatial frequencies of an image.

Each class has `cutoff`, the frequency beyond which it lets less than 1e-5 pass [cycles per pixel], `reach`, the
distance over which it spreads light that counts [pixels], and `transfer`, its factors with that of the pixel.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import gamma, kv

__all__ = ["GaussianPsf", "ImagePsf", "MoffatPsf"]

_PASSED = 1e-5
_WIDTHS = 4.0  # the reach of a formula, in full widths at half maximum


class _RoundPsf:
    """What PSFs given by a formula share. They are round, and say nothing of the pixel."""

    @cached_property
    def cutoff(self):
        """Highest frequency that counts [cycles per pixel]."""
        frequency = np.arange(0.0, 8.0 / self.fwhm, 0.01)
        return frequency[np.flatnonzero(self._round(frequency) >= _PASSED)[-1]]

    @property
    def reach(self):
        """Distance over which light is spread [pixels]."""
        return _WIDTHS * self.fwhm

    def transfer(self, y, x):
        """Factors at all pairs of the frequencies `y` and `x`.

        Parameters
        ----------
        y, x : float64 array, shape (n,) and (m,)
            Frequencies along both axes [cycles per pixel].

        Returns
        -------
        float64 array, shape (n, m)
            The PSF's factor times that of a pixel; 1 at frequency 0.
        """
        return self._round(np.hypot(y[:, None], x)) * np.sinc(y)[:, None] * np.sinc(x)


@dataclass(frozen=True)
class GaussianPsf(_RoundPsf):
    """A Gaussian.

    Parameters
    ----------
    fwhm : float
        Full width at half maximum [pixels].
    """

    fwhm: float

    def _round(self, frequency):
        sigma = self.fwhm / np.sqrt(8.0 * np.log(2.0))
        return np.exp(-2.0 * (np.pi * sigma * frequency) ** 2)


@dataclass(frozen=True)
class MoffatPsf(_RoundPsf):
    """The profile (1 + (r / a)^2)^-beta (Moffat 1969, A&A 3, 455).

    Parameters
    ----------
    fwhm : float
        Full width at half maximum [pixels].
    beta : float
        Exponent, above 1.
    """

    fwhm: float
    beta: float

    def _round(self, frequency):
        a = self.fwhm / (2.0 * np.sqrt(2.0 ** (1.0 / self.beta) - 1.0))
        order = self.beta - 1.0
        z = np.maximum(2.0 * np.pi * a * frequency, 1e-6)  # the limit at 0 is 1
        return 2.0 * (0.5 * z) ** order * kv(order, z) / gamma(order)


@dataclass(frozen=True, eq=False)
class ImagePsf:
    """An image of a star in the middle of the array, with the smear of a pixel already in it.

    Parameters
    ----------
    image : array, shape (rows, columns)
        Of any flux, without background.
    oversampling : int
        Points of the image a pixel, along each axis.
    """

    image: np.ndarray
    oversampling: int = 1

    @property
    def cutoff(self):
        """Highest frequency that the image holds [cycles per pixel]."""
        return 0.5 * self.oversampling

    @property
    def reach(self):
        """Half the size of the image [pixels]."""
        return 0.5 * max(self.image.shape) / self.oversampling

    def transfer(self, y, x):
        """Factors at all pairs of the frequencies `y` and `x`.

        Parameters
        ----------
        y, x : float64 array, shape (n,) and (m,)
            Frequencies along both axes [cycles per pixel].

        Returns
        -------
        complex array, shape (n, m)
            1 at frequency 0, and 0 beyond `cutoff`.
        """
        rows, columns = (self._waves(f, size) for f, size in zip((y, x), self.image.shape, strict=True))
        inside = (np.abs(y)[:, None] <= self.cutoff) & (np.abs(x) <= self.cutoff)
        return rows @ (self.image / self.image.sum()) @ columns.T * inside

    def _waves(self, frequency, size):
        position = (np.arange(size) - 0.5 * (size - 1)) / self.oversampling
        return np.exp(-2j * np.pi * frequency[:, None] * position)
