"""Names of the labels of the APOGEE networks."""

__all__ = ["APOGEE_LABELS"]

#: Teff [K], log g, abundances [X/H] (C1 is [CI/H], Ti2 [TiII/H]), M is [M/H], alpha [alpha/M], and the
#: Ks-band luminosity in units of fakemag.
APOGEE_LABELS = (
    "teff logg M alpha C C1 N O Na Mg Al Si P S K Ca Ti Ti2 V Cr Mn Fe Co Ni fakemag".split()
)  # fmt: skip
