r"""What spectra of one kind look like, pixel by pixel: a mean, a few ways to depart from it, and noise.

A star's flux is taken to be :math:`x = m + V a + n` with coefficients :math:`a_k` of variance :math:`\lambda_k` and
independent noise of variance :math:`s_p^2` (and the square of the pixel's error, where errors are known).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

__all__ = ["PixelModel"]

_LEAST_FRACTION = 0.1  # of the pixels in use that a star must have to be judged
_LEAST_SQUARE = 1e-12
_MOST_SCATTERS = 1e6


@dataclass(frozen=True)
class PixelModel:
    """Mean, scatter and components of spectra.

    Parameters
    ----------
    mean, scatter : array, shape (n_pixels,)
        Mean flux, and standard deviation of what the components leave; NaN for a pixel not in use.
    components : array, shape (n_components, n_pixels)
        0 for a pixel not in use.
    variances : array, shape (n_components,)
        Of the coefficients.
    block_variances : array, shape (n_blocks,)
        Variance of the normalised sums of residuals over blocks of neighbouring pixels; 1 for independent noise.
    block : int
        Pixels in a block.
    """

    mean: np.ndarray
    scatter: np.ndarray
    components: np.ndarray
    variances: np.ndarray
    block_variances: np.ndarray
    block: int

    @cached_property
    def used(self):
        """Pixels in use."""
        return np.isfinite(self.scatter)

    @cached_property
    def _pairs(self):
        """Products of all pairs of components, shape (n_pixels, n_pairs), and their places in a square matrix."""
        first, second = np.triu_indices(len(self.components))
        return (self.components[first] * self.components[second]).T.astype("float32"), (first, second)

    def distances(self, spectra, errors, good):
        """How far stars are from the model, in three ways.

        Parameters
        ----------
        spectra : array of float32, shape (n_stars, n_pixels)
            Finite where `good`.
        errors : array of float32, shape (n_stars, n_pixels), or None
        good : array of bool, shape (n_stars, n_pixels)

        Returns
        -------
        array, shape (n_stars, 3)
            Natural logarithms of the chi-square off the components per pixel; of that of residuals summed over
            blocks, per block; and of the squared Mahalanobis distance within the components, per component. NaN for
            a star with too few good pixels.
        """
        good = good & self.used
        n_good = good.sum(axis=1)
        judged = n_good >= max(_LEAST_FRACTION * self.used.sum(), 2 * len(self.components))
        residuals, weights, coefficients = self.residuals(spectra, errors, good)
        off = np.einsum("np,np->n", weights, residuals**2) / np.maximum(n_good, 1)
        sums, known = self.block_sums(residuals, weights)
        along = (sums**2 / self.block_variances).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        inside = (coefficients**2 / self.variances).mean(axis=1)
        squares = np.stack([off, along, inside], axis=1)
        # A star that is the mean itself has a logarithm, too.
        return np.where(judged[:, None], np.log(np.maximum(squares, _LEAST_SQUARE)), np.nan)

    def residuals(self, spectra, errors, good):
        """Residuals off the components (0 where not good), inverse variances, and coefficients of stars."""
        variance = np.where(self.used, self.scatter, 1.0).astype("float32") ** 2
        if errors is not None:
            variance = variance + np.where(good, errors, 0.0) ** 2
        weights = np.where(good, 1.0 / variance, 0.0).astype("float32")
        deviations = np.where(good, spectra - np.where(self.used, self.mean, 0.0), 0.0).astype("float32")
        # Far beyond anything real; the square of a larger number would not be finite.
        limit = np.float32(_MOST_SCATTERS * np.nanmax(self.scatter))
        deviations = np.clip(deviations, -limit, limit)
        pairs, places = self._pairs
        n_components = len(self.components)
        normal = np.empty((len(spectra), n_components, n_components))
        normal[:, places[0], places[1]] = normal[:, places[1], places[0]] = weights @ pairs
        normal[:, range(n_components), range(n_components)] += 1.0 / self.variances
        components = self.components.astype("float32")
        coefficients = np.linalg.solve(normal, ((weights * deviations) @ components.T)[..., None].astype(float))[
            ..., 0
        ]
        residuals = np.where(good, deviations - coefficients.astype("float32") @ components, 0.0)
        return residuals, weights, coefficients

    def block_sums(self, residuals, weights):
        """Sums of residuals over blocks, of unit variance for independent noise, and which blocks have pixels."""
        starts = np.arange(0, residuals.shape[1], self.block)
        totals = np.add.reduceat(weights.astype(float), starts, axis=1)
        known = totals > 0
        sums = np.add.reduceat((weights * residuals).astype(float), starts, axis=1)
        return np.where(known, sums / np.sqrt(np.where(known, totals, 1.0)), 0.0), known
