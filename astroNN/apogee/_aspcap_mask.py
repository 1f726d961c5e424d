"""Windows in which ASPCAP measures single elements."""

import warnings

import numpy as np

from astroNN.apogee.apogee_shared import apogee_default_dr
from astroNN.data import pixel_range_names, pixel_ranges_mask

__all__ = ["ASPCAP_ELEMENTS", "aspcap_mask"]

# Order of the DR14 windows; CI is carbon from atomic lines, TiII from ionised titanium.
ASPCAP_ELEMENTS = tuple(
    "C CI N O Na Mg Al Si P S K Ca Ti TiII V Cr Mn Fe Co Ni Cu Ge Ce Rb Y Nd".split()
)  # fmt: skip

OTHER_NAMES = {"C1": "CI", "TI2": "TiII"}

RELEASES = (14, 15, 16, 17)


def aspcap_mask(elem, dr=None):
    """Pixels of the ASPCAP window of an element.

    Parameters
    ----------
    elem : str
        One of C, CI (or C1), N, O, Na, Mg, Al, Si, P, S, K, Ca, Ti, TiII (or Ti2), V, Cr, Mn, Fe, Co, Ni, Cu,
        Ge, Ce, Rb, Y, Nd, in any case.
    dr : int, optional
        Data release, 14 to 17; all have the windows of DR14. Default: see `apogee_default_dr`.

    Returns
    -------
    ndarray of bool, shape (7514,)
        True inside the window.

    Raises
    ------
    ValueError
        If the element is unknown, or the release has no windows on this grid.

    Warns
    -----
    UserWarning
        If the window is empty: Ce has none in DR14.

    References
    ----------
    Garcia Perez et al. 2016, AJ 151, 144 (ASPCAP). Holtzman et al. 2018, AJ 156, 125 (DR14).

    Examples
    --------
    >>> int(aspcap_mask("Al", dr=14).sum()), int(aspcap_mask("ti2", dr=14).sum())
    (51, 28)
    """
    dr = apogee_default_dr(dr)
    if dr not in RELEASES:
        raise ValueError(f"aspcap_mask: `dr` must be one of {', '.join(map(str, RELEASES))}, got {dr!r}.")
    name = known_element("aspcap_mask", "elem", elem)
    if name not in pixel_range_names("window"):
        warnings.warn(f"aspcap_mask: {name} has no window in DR14; the mask is empty.", stacklevel=2)
        return np.zeros_like(pixel_ranges_mask("window", ASPCAP_ELEMENTS[0]))
    return pixel_ranges_mask("window", name)


def known_element(caller, argument, elem):
    """Name of an element as the windows have it; `caller` and `argument` are for the error."""
    known = {name.upper(): name for name in ASPCAP_ELEMENTS} | OTHER_NAMES
    name = known.get(elem.strip().upper()) if isinstance(elem, str) else None
    if name is None:
        raise ValueError(
            f"{caller}: unknown element `{argument}` {elem!r}. Known: {', '.join(ASPCAP_ELEMENTS)} (C1 is CI, "
            f"Ti2 is TiII)."
        )
    return name
