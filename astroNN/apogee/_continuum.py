"""Continuum normalisation of APOGEE spectra.

Per chip a Chebyshev series is fitted through fixed continuum pixels, as in The Cannon (Ness et al. 2015, ApJ
808, 16) and in Leung & Bovy 2019 (MNRAS 483, 3255), for all spectra at once.
"""

import warnings

import numpy as np

from astroNN.apogee._continuum_input import as_mask, check_shapes, checked_degree, flux_and_error
from astroNN.apogee.apogee_shared import apogee_default_dr
from astroNN.apogee.bitmask import BAD_PIXEL_BITS, any_bit
from astroNN.apogee.chips import chip_slices, remove_gaps
from astroNN.config import MAGIC_NUMBER
from astroNN.data import pixel_ranges_mask

__all__ = ["apogee_continuum", "continuum", "continuum_mask"]

# Continuum pixels of each release, by their name in the packaged table. DR11 and DR12 have none published.
CONTINUUM_OF_RELEASE = {13: "dr14", 14: "dr14", 15: "dr14", 16: "dr17", 17: "dr17"}

# Added to the squared error in the published weights.
ERROR_FLOOR_VAR = 1e-8

# Spectra fitted together: keeps the working arrays within the processor's cache, whatever the sample size.
BLOCK = 96

# Spectra of which the fit is evaluated together. BLAS would share a larger product among threads, which on a busy
# machine wait for one another far longer than they compute.
PRODUCT_BLOCK = 16

CHIP_NAMES = ("blue", "green", "red")


def continuum_mask(dr=None):
    """Published continuum pixels of a data release.

    Parameters
    ----------
    dr : int, optional
        Data release, 13 to 17. Default: see `apogee_default_dr`.

    Returns
    -------
    ndarray of bool, shape (7514,)
        True at 529 (DR13, DR14) or 532 (DR16, DR17) pixels.

    Raises
    ------
    ValueError
        If the release has no published continuum pixels.

    Examples
    --------
    >>> int(continuum_mask(dr=14).sum())
    529
    """
    dr = apogee_default_dr(dr)
    if dr not in CONTINUUM_OF_RELEASE:
        raise ValueError(
            f"continuum_mask: no continuum pixels are published for `dr` {dr!r}, only for "
            f"{', '.join(map(str, CONTINUUM_OF_RELEASE))}. Give your own `cont_mask`."
        )
    return pixel_ranges_mask("continuum", CONTINUUM_OF_RELEASE[dr])


def continuum(spectra, spectra_err, cont_mask, deg=2):
    r"""Divide the spectra of one chip by a Chebyshev series fitted to continuum pixels.

    Parameters
    ----------
    spectra : array_like, shape (n_pixels,) or (n_spectra, n_pixels)
        Flux, in any unit in which the errors are well above 1e-4 (see Notes). NaN, the magic number and masked
        elements mark missing pixels.
    spectra_err : array_like, shape of `spectra`
        Errors, one standard deviation, in the unit of the flux, or with a unit that can be converted to it. All zero
        means unknown: equal weights. Negative errors are missing.
    cont_mask : array_like of bool, shape (n_pixels,)
        True (or 1) at the continuum pixels.
    deg : int, optional
        Degree of the series. Default: 2.

    Returns
    -------
    spectra : ndarray, shape (n_spectra, n_pixels)
        Flux over the fit, a new array of the floating type of `spectra`. NaN where it is missing, and everywhere if
        fewer than ``deg + 1`` continuum pixels of a spectrum are usable.
    spectra_err : ndarray, shape (n_spectra, n_pixels)
        Error over the fit, likewise.

    Raises
    ------
    ValueError
        If shapes or units disagree, `deg` is no whole number of at least 0, or `cont_mask` is no mask or has too
        few pixels for `deg`.

    See Also
    --------
    apogee_continuum : All three chips, with published continuum pixels and bad pixels cleaned.

    Notes
    -----
    The coefficients minimise

    .. math:: \sum_{p} \left[ w_p \left( f_p - \sum_{k=0}^{deg} c_k T_k(x_p) \right) \right]^2,
        \qquad w_p = \frac{1}{\sigma_p^2 + 10^{-8}} ,

    over the continuum pixels *p*, with *x* the pixel number mapped so that they span [-1, 1].

    Maximum likelihood would have :math:`w_p = 1/\sigma_p`. The square is the published convention, with
    which the networks of Leung & Bovy 2019 were trained, and is kept so that their input can be reproduced;
    it favours the well-measured continuum pixels. The :math:`10^{-8}` presumes fluxes of order one or larger.

    Pixels of which flux or error is missing or infinite, and pixels with an error of zero beside others with
    positive errors, are left out of the fit of that spectrum.

    Examples
    --------
    >>> ramp = np.linspace(1.0, 3.0, 100)
    >>> flux, err = continuum(ramp, 0.01 * ramp, np.ones(100, dtype=bool))
    >>> bool(np.allclose(flux, 1.0)), bool(np.allclose(err, 0.01))
    (True, True)
    """
    spectra, spectra_err = (np.atleast_2d(a) for a in flux_and_error(spectra, spectra_err, "continuum"))
    check_shapes(spectra, spectra_err, "continuum")
    mask = as_mask(cont_mask, "continuum")
    if mask.shape != spectra.shape[1:]:
        raise ValueError(
            f"continuum: `cont_mask` must have one value for each of the {spectra.shape[1]} pixels, got shape "
            f"{mask.shape}."
        )
    fitter = _ChipFitter(mask, deg, "continuum")
    flux, err = np.empty_like(spectra), np.empty_like(spectra)
    for rows in _blocks(len(spectra)):
        fitter.divide(*_without_marks(spectra[rows], spectra_err[rows]), flux[rows], err[rows])
    return flux, err


def apogee_continuum(
    spectra,
    spectra_err,
    cont_mask=None,
    deg=2,
    dr=None,
    bitmask=None,
    target_bit=None,
    mask_value=1.0,
):
    """Normalise APOGEE spectra by their continuum and clean bad pixels.

    Parameters
    ----------
    spectra : array_like, shape (8575,), (7514,), (n_spectra, 8575) or (n_spectra, 7514)
        Flux; chip gaps are removed when they are still there. NaN, the magic number and masked elements (of numpy's
        or astropy's masked arrays) mark missing pixels.
    spectra_err : array_like, shape of `spectra`
        Errors, one standard deviation, in the unit of the flux, or with a unit that can be converted to it. All zero
        means unknown: equal weights. Negative errors are missing.
    cont_mask : array_like of bool, shape (8575,) or (7514,), optional
        True (or 1) at the continuum pixels, the same for all spectra. Default: the published ones of the release.
    deg : int, optional
        Degree of the Chebyshev series of each chip. Default: 2.
    dr : int, optional
        Data release. Default: see `apogee_default_dr`. Published networks used 14.
    bitmask : array_like of int, shape of `spectra`, optional
        Pixel bit masks. Masked elements are bad.
    target_bit : int or sequence of int, optional
        Bits that make a pixel bad. Default: 0 to 7 and 12.
    mask_value : float, optional
        Flux and error given to bad pixels. Default: 1, the continuum.

    Returns
    -------
    spectra : ndarray, shape (n_spectra, 7514)
        Normalised flux (7214 pixels before DR13). Negative flux becomes 0 and keeps its error.
    spectra_err : ndarray, shape (n_spectra, 7514)
        Normalised error. Pixels of which flux or error is missing or infinite, and pixels marked in `bitmask`, become
        `mask_value` in both arrays: 1 says "as uncertain as the continuum is high", while 0 would say "known
        exactly".

    Raises
    ------
    PixelCountError
        If the last axis fits no APOGEE grid (an OSError and a ValueError).
    ValueError
        If shapes or units disagree, `deg` is no whole number of at least 0, `cont_mask` is no mask or has too few
        pixels for `deg`, or the release has no published continuum pixels and `cont_mask` is not given.

    Warns
    -----
    UserWarning
        If a chip of some spectra has too few usable continuum pixels; those pixels become `mask_value`.

    See Also
    --------
    continuum : One chip; gives the formula.
    network_input : From a file's spectrum straight to a network's input.

    References
    ----------
    Ness, Hogg, Rix, Ho & Zasowski 2015, ApJ 808, 16 (continuum pixels).
    Leung & Bovy 2019, MNRAS 483, 3255, section 3.2 (this normalisation).

    Examples
    --------
    >>> flux, err = apogee_continuum(np.full(8575, 250.0), np.full(8575, 5.0), dr=14)
    >>> flux.shape, round(float(flux.mean()), 6), round(float(err.mean()), 6)
    ((1, 7514), 1.0, 0.02)
    """
    dr = apogee_default_dr(dr)
    caller = "apogee_continuum"
    spectra, spectra_err = flux_and_error(spectra, spectra_err, caller)
    spectra = remove_gaps(spectra, dr, caller, "spectra")
    spectra_err = remove_gaps(spectra_err, dr, caller, "spectra_err")
    check_shapes(spectra, spectra_err, caller)
    mask = continuum_mask(dr) if cont_mask is None else as_mask(cont_mask, caller)
    mask = remove_gaps(mask, dr, caller, "cont_mask")[0]
    bad = _bad_pixels(bitmask, target_bit, dr, spectra.shape)
    chips = chip_slices(dr)
    fitters = [_ChipFitter(mask[chip], deg, caller) for chip in chips]
    flux, err = np.empty_like(spectra), np.empty_like(spectra)
    without_fit = np.zeros(len(chips), dtype=int)
    for rows in _blocks(len(spectra)):
        measured, measured_err = _without_marks(spectra[rows], spectra_err[rows])
        for number, (chip, fitter) in enumerate(zip(chips, fitters, strict=True)):
            without_fit[number] += fitter.divide(
                measured[:, chip], measured_err[:, chip], flux[rows, chip], err[rows, chip]
            )
        _clean(flux[rows], err[rows], None if bad is None else bad[rows], mask_value)
    _warn_of_chips_without_fit(without_fit, len(spectra))
    return flux, err


class _ChipFitter:
    """The fit of one chip: what does not change from spectrum to spectrum is worked out once."""

    def __init__(self, mask, deg, caller):
        self.pixels = np.flatnonzero(mask)
        deg = checked_degree(deg, caller)
        if self.pixels.size < deg + 1:
            raise ValueError(
                f"{caller}: a series of degree `deg` {deg} needs at least {deg + 1} continuum pixels a chip; "
                f"`cont_mask` has {self.pixels.size}. Mark more pixels, or lower `deg`."
            )
        self.basis = _chebyshev_basis(mask.size, self.pixels, deg)

    def divide(self, flux, err, normalised, normalised_err):
        """Write `flux` and `err` over the fit into the last two; return how many spectra have no fit."""
        coefficients = _fit(flux[:, self.pixels], err[:, self.pixels], self.basis[:, self.pixels])
        # A fit that crosses zero, or that there is none, shows as inf or NaN: no warning for each pixel.
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            for some in _blocks(len(flux), PRODUCT_BLOCK):
                fit = coefficients[some] @ self.basis
                np.divide(flux[some], fit, out=normalised[some], casting="same_kind")
                # A fit below zero turns no error negative.
                np.divide(err[some], np.abs(fit, out=fit), out=normalised_err[some], casting="same_kind")
        return int(np.isnan(coefficients[:, 0]).sum())


def _clean(flux, err, bad, mask_value):
    """Clean normalised spectra in place."""
    # A sum is finite if its terms are: one test instead of two.
    with np.errstate(invalid="ignore", over="ignore"):
        unusable = ~np.isfinite(flux + err)
        negative = flux < 0
    if bad is not None:
        unusable |= bad
    if negative.any():
        flux[negative] = 0.0
    # Looked up once for both arrays.
    positions = np.flatnonzero(unusable)
    np.put(flux, positions, mask_value)
    np.put(err, positions, mask_value)


def _without_marks(flux, err):
    """NaN for the magic number, which marks a missing pixel, and for negative errors."""
    with np.errstate(invalid="ignore"):
        missing = flux == flux.dtype.type(MAGIC_NUMBER)
        missing_err = err < 0
        if MAGIC_NUMBER >= 0:  # as the configuration may have it
            missing_err |= err == err.dtype.type(MAGIC_NUMBER)
    # Few spectra have any: the copies are made for these alone.
    flux = np.where(missing, np.nan, flux) if missing.any() else flux
    err = np.where(missing_err, np.nan, err) if missing_err.any() else err
    return flux, err


def _blocks(n_spectra, size=BLOCK):
    return (slice(start, start + size) for start in range(0, n_spectra, size))


def _chebyshev_basis(n_pixels, at_continuum, deg):
    """Chebyshev polynomials of all pixels, (deg + 1, n_pixels); [-1, 1] spans the continuum pixels."""
    pixels = np.arange(n_pixels, dtype=float)
    first, last = float(at_continuum[0]), float(at_continuum[-1])
    x = (2.0 * pixels - first - last) / max(last - first, 1.0)
    return np.polynomial.chebyshev.chebvander(x, deg).T


def _fit(flux, err, basis):
    """Coefficients of all spectra at once, (n_spectra, deg + 1); NaN where there are too few pixels.

    Normal equations, so that the sums are matrix products over all spectra; scaling and one step of iterative
    refinement give them the accuracy of an orthogonal factorisation (Golub & Van Loan, Matrix Computations,
    5.3).
    """
    flux = flux.astype(float)
    squared_weights = _squared_weights(flux, err.astype(float))
    usable = squared_weights > 0
    flux = np.where(usable, flux, 0.0)
    n_terms = len(basis)
    products = (basis[:, None, :] * basis[None, :, :]).reshape(n_terms * n_terms, -1)
    normal = (squared_weights @ products.T).reshape(-1, n_terms, n_terms)
    scale = 1.0 / np.sqrt(np.maximum(np.einsum("nii->ni", normal), np.finfo(float).tiny))
    inverse = np.linalg.pinv(normal * scale[:, :, None] * scale[:, None, :], rcond=1e-14, hermitian=True)
    inverse *= scale[:, :, None] * scale[:, None, :]
    coefficients = np.zeros((len(flux), n_terms))
    for _ in range(2):
        residual = squared_weights * (flux - coefficients @ basis)
        coefficients += np.einsum("nij,nj->ni", inverse, residual @ basis.T)
    coefficients[usable.sum(axis=1) < n_terms] = np.nan
    return coefficients


def _squared_weights(flux, err):
    """Squares of the published weights, over the largest one of the spectrum; 0 for unusable pixels."""
    usable = np.isfinite(flux) & np.isfinite(err)
    with np.errstate(invalid="ignore", over="ignore"):
        positive = err > 0
        no_errors = ~(positive & usable).any(axis=1, keepdims=True)
        usable &= positive | no_errors
        weights = np.where(usable, 1.0 / (err**2 + ERROR_FLOOR_VAR), 0.0)
    largest = weights.max(axis=1, keepdims=True)
    # Before squaring: 1/err^4 leaves the range of double precision for extreme units.
    return (weights / np.where(largest > 0, largest, 1.0)) ** 2


def _bad_pixels(bitmask, target_bit, dr, shape):
    if bitmask is None:
        if target_bit is not None:
            raise ValueError("apogee_continuum: `target_bit` is given without `bitmask`; give both or neither.")
        return None
    bits = remove_gaps(bitmask, dr, "apogee_continuum", "bitmask")
    if bits.shape != shape:
        raise ValueError(
            f"apogee_continuum: `bitmask` must have the shape of `spectra`; without chip gaps they are "
            f"{bits.shape} and {shape}."
        )
    return any_bit(bits, BAD_PIXEL_BITS if target_bit is None else target_bit, "apogee_continuum")


def _warn_of_chips_without_fit(without_fit, n_spectra):
    lost = [f"{number} in the {name} chip" for name, number in zip(CHIP_NAMES, without_fit, strict=True) if number]
    if lost:
        warnings.warn(
            f"apogee_continuum: of {n_spectra} spectra, {', '.join(lost)} have too few usable continuum "
            f"pixels for a fit; the chip's pixels are set to `mask_value`. Look for missing flux (NaN, "
            f"{MAGIC_NUMBER:g}, masked) and for errors that are missing or negative.",
            stacklevel=3,
        )
