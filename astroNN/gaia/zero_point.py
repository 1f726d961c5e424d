"""Corrections of the zero point of Gaia parallaxes."""

import numpy as np

from astroNN.shared.errors import ConfigurationError

__all__ = ["parallax_offset"]

# Parallaxes above it have offsets too small to matter, and few stars to find them with [mas].
LEUNG_BOVY_LIMIT = 2.0


def parallax_offset(offset, parallax, g_mag=None):
    """What is added to Gaia parallaxes.

    Parameters
    ----------
    offset : bool, float, str or function
        False or None: nothing. A number [mas]. True: 52.8 - 4.21 (G - 12.2) micro-arcseconds, for DR2.
        "leungbovy2019": 0.056 - 0.00574 p - 0.0096 p^2 mas for DR2 parallaxes p below 2 mas, else nothing. A function
        is called with `parallax` and `g_mag`, and gives the offsets [mas].
    parallax : array, shape (n_stars,)
        Parallaxes [mas]; NaN where missing.
    g_mag : array, shape (n_stars,), optional
        Mean G magnitudes; NaN where missing.

    Returns
    -------
    array, shape (n_stars,)
        Offsets [mas], NaN where they need a magnitude that is missing.

    Raises
    ------
    ConfigurationError
        (a ValueError) If `offset` is none of these.

    References
    ----------
    Leung & Bovy 2019, MNRAS 489, 2079, section 4.

    Examples
    --------
    >>> parallax_offset(True, np.array([1.0]), np.array([12.2]))
    array([0.0528])
    >>> parallax_offset("leungbovy2019", np.array([1.0, 3.0])).round(5)
    array([0.04066, 0.     ])
    """
    parallax = np.asarray(parallax, dtype="float64")
    if offset is None or offset is False:
        return np.zeros_like(parallax)
    if offset is True:
        if g_mag is None:
            raise ConfigurationError("parallax_offset: `offset=True` depends on the G magnitude: give `g_mag`.")
        return 1e-3 * (52.8 - 4.21 * (np.asarray(g_mag, dtype="float64") - 12.2))
    if isinstance(offset, str) and offset == "leungbovy2019":
        with np.errstate(invalid="ignore"):
            return np.where(parallax < LEUNG_BOVY_LIMIT, 0.056 - 0.00574 * parallax - 0.0096 * parallax**2, 0.0)
    if callable(offset):
        offsets = np.asarray(offset(parallax, g_mag), dtype="float64")
        if offsets.shape not in ((), parallax.shape):
            raise ConfigurationError(
                f"parallax_offset: the function `offset` must give an offset for each of the {len(parallax)} stars, "
                f"or one for all; it gave shape {offsets.shape}."
            )
        return np.broadcast_to(offsets, parallax.shape)
    if isinstance(offset, int | float | np.number) and np.isfinite(offset):
        return np.full_like(parallax, float(offset))
    raise ConfigurationError(
        "parallax_offset: `offset` must be False, True, 'leungbovy2019', a number [mas] or a function, got "
        f"{offset!r}."
    )
