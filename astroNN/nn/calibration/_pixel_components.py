"""Finding the model of spectra with missing pixels, block by block, so that they need not be in memory together."""

import numpy as np

from astroNN.nn.calibration._pixel_model import PixelModel

__all__ = ["BLOCK_STARS", "fit_pixel_model"]

BLOCK_STARS = 256  # read at a time
_ITERATIONS = 6  # of the components and of what they put into missing pixels
_UNITS = 2  # iterations that set the units of the pixels
_REFINEMENTS = 2  # of the scatter beside the errors
_SPARE = 5  # components carried along so that the wanted ones converge quickly
_OUTLIER = 5.0  # pixels so many scatters off count as missing
_MOST_OUTLIERS = 0.3  # a star with a larger fraction of them is left out
_LEAST_STARS = 20  # a pixel that fewer have is not used
_FIRST_LOOK = 512  # stars whose medians start the iteration
_LEAST_SCATTER = 0.05  # of the median one: quoted errors larger than the residuals must not leave a scatter of zero


def fit_pixel_model(read, rows, n_components, block, seed):
    """Find the model by principal components that fill the gaps as they go.

    Parameters
    ----------
    read : callable
        Gives spectra (float32), errors (float32 or None) and good pixels (bool) of an ascending array of rows.
    rows : array of int, shape (n_stars,)
        Stars to learn from, ascending.
    n_components, block : int
        Number of components; pixels in a block, see `PixelModel`.
    seed : int
        Of the first guess.

    Returns
    -------
    PixelModel

    Notes
    -----
    Missing pixels take the values of the model, the components are found anew, and so on (the EM algorithm of Roweis
    1998, NIPS 10, 626); pixels far off count as missing. Pixels are divided by their scatter, so that noisy ones say
    little.
    """
    blocks = [rows[start : start + BLOCK_STARS] for start in range(0, len(rows), BLOCK_STARS)]
    used = sum(read(part)[2].sum(axis=0) for part in blocks) >= _LEAST_STARS
    if not used.any():
        raise ValueError(
            f"OutOfDistribution: no pixel is good in {_LEAST_STARS} stars or more; look at `mask` and missing values."
        )
    fit = _Components(*_first_look(read, rows, used), used, n_components + _SPARE, len(rows), seed)
    for iteration in range(_ITERATIONS):
        fit.improve(read, blocks, set_units=iteration < _UNITS)
    return _with_scatter(fit.model(n_components, block), read, blocks)


def _first_look(read, rows, used):
    """Median and 1.4826 MAD of every pixel, from some of the stars."""
    chosen = rows[np.linspace(0, len(rows) - 1, min(len(rows), _FIRST_LOOK)).astype(int)]
    spectra, _, good = read(chosen)
    known = np.ma.array(spectra, mask=~(good & used))
    mean = np.ma.median(known, axis=0).filled(0.0)
    scatter = 1.4826 * np.ma.median(np.abs(known - mean), axis=0).filled(0.0)
    usual = np.median(scatter[scatter > 0]) if (scatter > 0).any() else 1.0
    return mean, np.maximum(np.where(used, scatter, usual), _LEAST_SCATTER * usual)


class _Components:
    """State of the iteration: mean, scatter, units of the pixels, components in them, coefficients of all stars."""

    def __init__(self, mean, scatter, used, n_components, n_stars, seed):
        self.mean, self.scatter, self.used = mean.astype("float32"), scatter.astype("float32"), used
        self.unit = self.scatter
        guess = np.random.default_rng(seed).normal(size=(len(mean), n_components))
        self.basis = np.linalg.qr(guess)[0].astype("float32")
        self.components = np.zeros_like(self.basis.T)  # in units of the flux, those of `coefficients`
        self.coefficients = np.zeros((n_stars, n_components), "float32")

    def improve(self, read, blocks, set_units):
        """Fill the gaps, and take one step of subspace iteration."""
        n_pixels = len(self.mean)
        product = np.zeros(self.basis.shape)
        square, shift, count = np.zeros(n_pixels), np.zeros(n_pixels), np.zeros(n_pixels)
        new, n_kept, start = np.zeros_like(self.coefficients), 0, 0
        for part in blocks:
            spectra, _, good = read(part)
            stars = slice(start, start + len(part))
            start += len(part)
            guess = self.coefficients[stars] @ self.components
            off = np.where(good & self.used, spectra - self.mean, guess) - guess
            near = good & self.used & (np.abs(off) <= _OUTLIER * self.scatter)
            kept = near.sum(axis=1) >= (1 - _MOST_OUTLIERS) * (good & self.used).sum(axis=1)
            off = np.where(near & kept[:, None], off, 0.0)
            filled = guess + off
            shift += filled[kept].sum(axis=0)
            filled /= self.unit
            new[stars] = filled @ self.basis
            product += filled[kept].T @ new[stars][kept]
            square += np.einsum("np,np->p", off, off)
            count += (near & kept[:, None]).sum(axis=0)
            n_kept += int(kept.sum())
        self.components = (self.basis * self.unit[:, None]).T
        self.coefficients = new
        # Of the filled spectra, the components' part included: what they leave would drift within their span.
        self.mean = (self.mean + shift / max(n_kept, 1)).astype("float32")
        scatter = np.sqrt(square / np.maximum(count, 1))
        usual = np.median(scatter[self.used])
        self.scatter = np.maximum(np.where(self.used, scatter, usual), _LEAST_SCATTER * usual).astype("float32")
        # Units that went on following the scatter would let a component take a pixel for itself and leave it none.
        unit = self.scatter if set_units else self.unit
        # The same span of fluxes in the new units; that of the old numbers would be another.
        self.basis = np.linalg.qr(product * (self.unit / unit)[:, None])[0].astype("float32")
        self.unit = unit

    def model(self, n_components, block):
        """The strongest components, with their variances."""
        _, singular, rotation = np.linalg.svd(self.coefficients, full_matrices=False)
        components = np.where(self.used, rotation[:n_components] @ self.components, 0.0)
        return PixelModel(
            np.where(self.used, self.mean, np.nan), np.where(self.used, self.scatter, np.nan), components,
            np.maximum(singular[:n_components] ** 2 / len(self.coefficients), 1e-12 * singular[0] ** 2 + 1e-30),
            np.ones(-(-len(self.mean) // block)), block,
        )  # fmt: skip


def _with_scatter(model, read, blocks):
    """The model with the scatter that the errors leave unexplained, and the variances of coefficients and blocks."""
    for _ in range(_REFINEMENTS):
        sums = _Sums(model)
        for part in blocks:
            sums.add(*read(part))
        model = sums.refined()
    return model


class _Sums:
    """Sums over stars of squared residuals beyond the errors, of coefficients, and of residuals over blocks."""

    def __init__(self, model):
        self.model = model
        n_pixels, n_components = len(model.mean), len(model.components)
        self.square, self.weight = np.zeros(n_pixels), np.zeros(n_pixels)
        self.coefficients, self.n_stars = np.zeros(n_components), 0
        self.blocks, self.known = np.zeros(len(model.block_variances)), np.zeros(len(model.block_variances))

    def add(self, spectra, errors, good):
        model = self.model
        good = good & model.used
        residuals, weights, coefficients = model.residuals(spectra, errors, good)
        near = weights * residuals**2 <= _OUTLIER**2
        kept = (near & good).sum(axis=1) >= (1 - _MOST_OUTLIERS) * np.maximum(good.sum(axis=1), 1)
        near &= kept[:, None]
        own = residuals**2 if errors is None else residuals**2 - np.where(good, errors, 0.0) ** 2
        weight = np.where(near, weights, 0.0) ** 2
        self.square += np.einsum("np,np->p", weight, own)
        self.weight += weight.sum(axis=0)
        self.coefficients += (coefficients[kept] ** 2).sum(axis=0)
        self.n_stars += int(kept.sum())
        sums, known = model.block_sums(np.where(near, residuals, 0.0), weights)
        self.blocks += (sums[kept] ** 2).sum(axis=0)
        self.known += known[kept].sum(axis=0)

    def refined(self):
        model = self.model
        variance = self.square / np.where(self.weight > 0, self.weight, 1.0)
        usual = np.median(np.maximum(variance[model.used], 0.0)) or np.median(model.scatter[model.used]) ** 2
        scatter = np.sqrt(np.maximum(variance, _LEAST_SCATTER**2 * usual))
        scatter = np.where(model.used & (self.weight > 0), scatter, np.nan).astype("float32")
        return PixelModel(
            np.where(np.isfinite(scatter), model.mean, np.nan).astype("float32"), scatter, model.components,
            np.maximum(self.coefficients / max(self.n_stars, 1), 1e-6 * model.variances),
            np.maximum(self.blocks / np.maximum(self.known, 1), 1e-3), model.block,
        )  # fmt: skip
