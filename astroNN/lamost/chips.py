"""The wavelengths of LAMOST spectra, and their pseudo-continuum.

The continuum is the spectrum itself, smoothed by a broad Gaussian: Ho et al. 2017, ApJ 836, 5 (The Cannon on
LAMOST), section 3.2.
"""

import numpy as np
from astropy import units as u

from astroNN.lamost.lamost_shared import lamost_default_dr
from astroNN.shared.columns import column_values, in_unit
from astroNN.shared.errors import RowCountError
from astroNN.shared.missing import one_array

__all__ = ["pseudo_continuum", "smooth_spec", "wavelength_solution"]

N_PIXELS = 3909
LOG10_WAVELENGTH_START = 3.5682  # log10 of Angstrom
LOG10_WAVELENGTH_STEP = 1e-4

# The weights of all pairs of pixels would take 120 MB: they are made for some pixels and used for some spectra.
BLOCK_PIXELS = 512
BLOCK_SPECTRA = 1024


def wavelength_solution(dr=None):
    """Wavelengths of the pixels of a LAMOST spectrum.

    Parameters
    ----------
    dr : int, optional
        Data release. Default: 5.

    Returns
    -------
    ndarray, shape (3909,)
        10**(3.5682 + 1e-4 i) [Angstrom], in vacuum.

    Raises
    ------
    ValueError
        If the release is not known.

    Examples
    --------
    >>> wavelength_solution(dr=5)[[0, -1]].round(3)
    array([3699.985, 9099.133])
    """
    lamost_default_dr(dr)
    return 10.0 ** (LOG10_WAVELENGTH_START + LOG10_WAVELENGTH_STEP * np.arange(N_PIXELS))


def smooth_spec(flux, ivar, wavelength, L=50):
    r"""Smooth spectra by a Gaussian, weighted by their inverse variance.

    Parameters
    ----------
    flux : array_like, shape (n_pixels,) or (n_spectra, n_pixels)
        Flux, in any unit.
    ivar : array_like, shape of `flux`
        Inverse variance. Pixels where it is zero, negative or infinite, where the flux is infinite, or where one of
        the two is missing (NaN, the magic number, masked), take no part.
    wavelength : array_like, shape (n_pixels,)
        Wavelength of the pixels [Angstrom], or a Quantity.
    L : float or Quantity, optional
        Standard deviation of the Gaussian [Angstrom; or the unit of a `wavelength` in other plain numbers], or a
        length. Default: 50.

    Returns
    -------
    ndarray, shape of `flux`
        0 where no pixel with a weight is in reach.

    Raises
    ------
    ValueError
        If shapes or units disagree, or `L` is not positive.
    TypeError
        If an array does not hold numbers.

    Notes
    -----
    .. math:: \bar f_j = \frac{\sum_i f_i s_i w_{ij}}{\sum_i s_i w_{ij}}, \qquad
        w_{ij} = e^{-(\lambda_i - \lambda_j)^2 / (2 L^2)} ,

    with :math:`s` the inverse variance. Memory is bounded, whatever the number of spectra.

    Examples
    --------
    >>> smooth_spec([1.0, 5.0, 1.0], [1.0, 0.0, 1.0], [4000.0, 4001.0, 4002.0])
    array([1., 1., 1.])
    """
    caller = "smooth_spec"
    return _smooth(*_spectra(caller, flux, ivar, wavelength), _length(caller, L))


def pseudo_continuum(flux, ivar, wavelength=None, L=50, dr=None):
    """Divide spectra by themselves, smoothed.

    Parameters
    ----------
    flux : array_like, shape (n_pixels,) or (n_spectra, n_pixels)
        Flux, in any unit.
    ivar : array_like, shape of `flux`
        Inverse variance, 0 for bad pixels.
    wavelength : array_like, shape (n_pixels,), optional
        Wavelength of the pixels [Angstrom], or a Quantity. Default: `wavelength_solution`.
    L : float or Quantity, optional
        Standard deviation of the Gaussian that smooths [Angstrom], or a length. Default: 50.
    dr : int, optional
        Data release. Default: 5.

    Returns
    -------
    flux : ndarray, shape of `flux`
        Flux over the pseudo-continuum. A pixel of which the flux is missing (NaN, the magic number, masked) or
        infinite, or with no pixel of known inverse variance in reach, has flux 1 and inverse variance 0.
    ivar : ndarray, shape of `flux`
        Inverse variance times the square of the pseudo-continuum. Where it alone is missing, it is 0 and the flux is
        kept.

    Raises
    ------
    ValueError
        If shapes or units disagree, the release is not known, or `L` is not positive.
    TypeError
        If an array does not hold numbers.

    References
    ----------
    Ho et al. 2017, ApJ 836, 5, section 3.2.

    Examples
    --------
    >>> flux, ivar = pseudo_continuum(np.full((2, 3909), 300.0), np.full((2, 3909), 0.01), dr=5)
    >>> flux.shape, bool(np.allclose(flux, 1.0)), bool(np.allclose(ivar, 900.0))
    ((2, 3909), True, True)
    """
    caller = "pseudo_continuum"
    wavelength = wavelength_solution(dr) if wavelength is None else wavelength
    flux, ivar, wavelength = _spectra(caller, flux, ivar, wavelength)
    smooth = _smooth(flux, ivar, wavelength, _length(caller, L))
    with np.errstate(divide="ignore", invalid="ignore"):
        normalised = flux / smooth
    usable = np.isfinite(normalised)
    return np.where(usable, normalised, 1.0), np.where(usable, smooth * ivar * smooth, 0.0)


def _smooth(flux, ivar, wavelength, length):
    rows, weights = np.atleast_2d(flux), np.atleast_2d(ivar)
    smooth = np.empty(rows.shape)
    for pixels in _blocks(rows.shape[1], BLOCK_PIXELS):
        kernel = np.exp(-0.5 * ((wavelength[:, None] - wavelength[pixels]) / length) ** 2)
        for some in _blocks(len(rows), BLOCK_SPECTRA):
            total = weights[some] @ kernel
            # Pixels of unknown flux have no weight, but 0 * NaN is NaN.
            weighted = (weights[some] * np.where(weights[some] > 0, rows[some], 0.0)) @ kernel
            smooth[some, pixels] = np.divide(weighted, total, out=np.zeros_like(total), where=total > 0)
    return smooth.reshape(flux.shape)


def _spectra(caller, flux, ivar, wavelength):
    """Arrays of float64: flux that is NaN where missing, inverse variance 0 wherever a pixel can't be used."""
    flux, unit = column_values(caller, "flux", one_array(flux))
    ivar, ivar_unit = column_values(caller, "ivar", one_array(ivar))
    if ivar_unit is not None:
        unit = u.dimensionless_unscaled if unit is None else unit
        ivar = in_unit(caller, "ivar", ivar, ivar_unit, unit**-2, "the inverse square of the unit of `flux`")
    wavelength, wavelength_unit = column_values(caller, "wavelength", wavelength)
    if wavelength_unit is not None:
        wavelength = in_unit(caller, "wavelength", wavelength, wavelength_unit, u.AA)
    if flux.ndim not in (1, 2) or flux.shape != ivar.shape:
        raise RowCountError(
            f"{caller}: `flux` and `ivar` must have the same shape, (n_pixels,) or (n_spectra, n_pixels), got "
            f"{flux.shape} and {ivar.shape}."
        )
    if wavelength.shape != flux.shape[-1:]:
        raise RowCountError(
            f"{caller}: `wavelength` must have one value for each of the {flux.shape[-1]} pixels, got shape "
            f"{wavelength.shape}. LAMOST spectra have {N_PIXELS} pixels; give the wavelengths of others."
        )
    usable = np.isfinite(flux) & np.isfinite(ivar) & (ivar > 0)
    return flux, np.where(usable, ivar, 0.0), wavelength


def _length(caller, L):
    """Smoothing length in Angstrom."""
    number = in_unit(caller, "L", L.value, L.unit, u.AA) if isinstance(L, u.Quantity) else L
    if np.ndim(number) or np.asarray(number).dtype.kind not in "iuf" or not 0 < number < np.inf:
        raise ValueError(f"{caller}: `L` must be a positive number of Angstrom, or a length, got {L!r}.")
    return float(number)


def _blocks(length, size):
    return (slice(start, start + size) for start in range(0, length, size))
