"""Images of elliptical Sersic profiles behind a point spread function, many galaxies at once.

The inner part of a profile is known at every spatial frequency, the outer part is sampled on the pixels (see
`sersic`). Both meet in Fourier space, where PSF and pixel are factors: nothing is sampled that is too steep for it,
and flux is neither lost nor moved. Frequencies above half a cycle per pixel are there as far as the PSF lets them
pass, and appear as lower ones, as they do on a detector.
"""

from dataclasses import dataclass

import numpy as np

from astroNN.datasets.galaxies.sersic import WINDOW_REACH, inner_transforms, outer_intensity

__all__ = ["Profiles", "Renderer"]

WINDOW_SCALE = 1.8  # pixels along the minor axis: what is outside the window is smooth enough for the grid
_BLOCK_ELEMENTS = 2**18  # numbers of an array of a block: some stay in the cache of the processor
_BLOCK_GALAXIES = 16


@dataclass(frozen=True)
class Profiles:
    """Sersic profiles; every array has shape (n,).

    Attributes
    ----------
    flux : array
        Total flux.
    index : array
        Sersic index.
    radius : array
        Half-light radius along the major axis [pixels].
    axis_ratio : array
        Minor over major axis.
    position_angle : array
        Of the major axis, from up (the next row) towards left (the column before) [degrees].
    """

    flux: np.ndarray
    index: np.ndarray
    radius: np.ndarray
    axis_ratio: np.ndarray
    position_angle: np.ndarray

    def __len__(self):
        return len(self.flux)

    def __getitem__(self, rows):
        return Profiles(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    @classmethod
    def joined(cls, parts):
        """The profiles of one set after those of the other.

        Parameters
        ----------
        parts : sequence of Profiles
            Sets of any lengths.

        Returns
        -------
        Profiles
            As many as all parts have.
        """
        return cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in cls.__dataclass_fields__))

    def squared_radii(self, y, x, stretch):
        """Squares of elliptical radii, that is of hypot(major, stretch * minor), where the two are along the axes.

        Parameters
        ----------
        y, x : array, shape (n or 1, rows) and (n or 1, columns)
            Places from the centre of each profile.
        stretch : array, shape (n,)
            Factor on distances along the minor axis.

        Returns
        -------
        float32 array, shape (n, rows, columns)
            In the square of the unit of `y` and `x`.
        """
        angle = np.radians(self.position_angle)[:, None]
        sine, cosine = np.sin(angle), np.cos(angle)
        square = stretch[:, None] ** 2
        # As (y^2 terms) + x (x terms + y terms): all but two steps are on lines instead of planes.
        own_y = (cosine**2 + square * sine**2) * y**2
        mixed = 2.0 * sine * cosine * (square - 1.0) * y
        own_x = (sine**2 + square * cosine**2) * x
        radii = _plane(mixed)[:, :, None] + _plane(own_x)[:, None, :]
        radii *= _plane(x)[:, None, :]
        radii += _plane(own_y)[:, :, None]
        return np.maximum(radii, 0.0, out=radii)  # rounding may leave a little less


class Renderer:
    """Draws galaxies on images of one shape behind one PSF.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of an image.
    psf : GaussianPsf, MoffatPsf or ImagePsf
        Of all images.
    smallest_axis_ratio : float
        Of all profiles that will be drawn: thin ones need more room.
    """

    def __init__(self, shape, psf, smallest_axis_ratio):
        margin = int(np.ceil(psf.reach))
        # Fourier sums repeat the image: the next copy of a galaxy, with the longest inner part, must stay outside.
        # A galaxy may stand up to half an image from the middle.
        room = np.ceil(WINDOW_REACH * WINDOW_SCALE / smallest_axis_ratio + 0.5 * psf.reach)
        self.shape = tuple(shape)
        self._size = [_odd_fast_length(max(n + 2 * margin, n + room)) for n in shape]
        self._first = [(size - n) // 2 for size, n in zip(self._size, shape, strict=True)]
        self._highest = WINDOW_SCALE / smallest_axis_ratio * np.sqrt(2.0) * psf.cutoff
        waves = [int(np.ceil(psf.cutoff * size)) for size in self._size]
        if psf.cutoff <= 0.5:
            waves = [min(w, size // 2) for w, size in zip(waves, self._size, strict=True)]
        self._waves_y, self._waves_x = np.arange(-waves[0], waves[0] + 1), np.arange(waves[1] + 1)
        self._y, self._x = self._waves_y / self._size[0], self._waves_x / self._size[1]
        transfer = psf.transfer(self._y, self._x)
        transfer[:, 1:] *= 2.0  # the other half of the plane holds the complex conjugates
        self._transfer = transfer.astype(np.complex64 if np.iscomplexobj(transfer) else np.float32)
        largest = max(np.prod(self._size), transfer.size)
        self.block = int(np.clip(_BLOCK_ELEMENTS // largest, 1, _BLOCK_GALAXIES))

    def __call__(self, components, y_offset, x_offset):
        """Images of galaxies, each the sum of its components.

        Parameters
        ----------
        components : sequence of Profiles
            Each holds one profile of every galaxy.
        y_offset, x_offset : array, shape (n,)
            Of the centres from the middle of the image [pixels].

        Returns
        -------
        float32 array, shape (n, rows, columns)
            Flux in each pixel.
        """
        offsets = np.stack([y_offset, x_offset], axis=1)
        images = np.empty((len(offsets), *self.shape), np.float32)
        for start in range(0, len(images), self.block):
            # Always whole blocks, the last one filled up: no image depends on how many are drawn beside it.
            rows = np.minimum(np.arange(start, start + self.block), len(images) - 1)
            drawn = self._draw(Profiles.joined([profiles[rows] for profiles in components]), offsets[rows])
            images[start : start + self.block] = drawn[: len(images) - start]
        return images

    def _draw(self, profiles, offsets):
        """Images of a block of galaxies; the profiles are one of each galaxy after the other of each."""
        centres = offsets + [first + 0.5 * (n - 1) for first, n in zip(self._first, self.shape, strict=True)]
        spectra = _summed(self._inner(profiles), len(offsets)).astype(np.complex64)
        spectra *= _turns(self._y, centres[:, 0])[:, :, None]
        spectra *= _turns(self._x, centres[:, 1])[:, None, :]
        outer = self._outer(profiles, np.tile(centres, (len(profiles) // len(offsets), 1)))
        self._add_outer(spectra, _summed(outer, len(offsets)))
        spectra *= self._transfer
        images = np.fft.ifft2(self._folded(spectra)).real
        (y, x), (rows, columns) = self._first, self.shape
        return images[:, y : y + rows, x : x + columns]

    def _inner(self, profiles):
        """Transforms of what is inside the window, for a galaxy at the origin."""
        scale = WINDOW_SCALE / profiles.axis_ratio
        table, step = inner_transforms(profiles.index, profiles.radius, scale, self._highest)
        table *= profiles.flux[:, None].astype(np.float32)
        # An axis that is short in the image is long in its transform.
        place = profiles.squared_radii(self._y[None], self._x[None], profiles.axis_ratio)
        place *= (scale**2 / step**4)[:, None, None].astype(np.float32)
        np.sqrt(place, out=place)
        return _interpolated(table, np.sqrt(place, out=place))

    def _outer(self, profiles, centres):
        """What is outside the window, sampled."""
        y, x = (np.arange(size) - centre[:, None] for size, centre in zip(self._size, centres.T, strict=True))
        intensity = outer_intensity(
            profiles.squared_radii(y, x, 1.0 / profiles.axis_ratio),
            profiles.index,
            profiles.radius,
            profiles.axis_ratio,
            WINDOW_SCALE / profiles.axis_ratio,
        )
        intensity *= profiles.flux[:, None, None].astype(np.float32)
        return intensity

    def _add_outer(self, spectra, sampled):
        """Add the transform of sampled images, which ends at half a cycle per pixel."""
        transform = np.fft.rfft2(sampled)
        rows = np.flatnonzero(np.abs(self._waves_y) <= self._size[0] // 2)
        n_columns = min(len(self._x), transform.shape[2])
        spectra[:, rows[0] : rows[-1] + 1, :n_columns] += transform[:, self._waves_y[rows], :n_columns]

    def _folded(self, spectra):
        """Spectra on the frequencies of the grid: those above half a cycle are aliases of others."""
        rows, columns = self._size
        folded = np.zeros((len(spectra), rows, columns), np.complex64)
        for y in range(0, spectra.shape[1], rows):
            for x in range(0, spectra.shape[2], columns):
                part = spectra[:, y : y + rows, x : x + columns]
                folded[:, : part.shape[1], : part.shape[2]] += part
        return np.roll(folded, self._waves_y[0], axis=1)


def _turns(frequency, centres):
    """Phases that move an image from the origin to its centre."""
    return np.exp(-2j * np.pi * centres[:, None] * frequency).astype(np.complex64)


def _summed(images, n_galaxies):
    """Sum over the profiles of each galaxy."""
    return images.reshape(-1, n_galaxies, *images.shape[1:]).sum(axis=0)


def _plane(array):
    return array.astype(np.float32)


def _interpolated(table, place):
    """Linear interpolation in the row of a table that belongs to each galaxy."""
    below = place.astype(np.intp)
    place -= below
    below += (np.arange(len(table)) * table.shape[1])[:, None, None]
    both = table + 1j * np.diff(table, axis=1, append=np.float32(0.0))  # value and slope, fetched in one go
    found = both.ravel()[below]
    place *= found.imag
    place += found.real
    return place


def _odd_fast_length(n):
    """Smallest odd length of at least n that Fourier transforms are fast at."""
    n = int(n) | 1
    while _largest_prime(n) > 7:
        n += 2
    return n


def _largest_prime(n):
    largest, factor = 1, 2
    while n > 1:
        if n % factor:
            factor += 1
        else:
            n, largest = n // factor, factor
    return largest
