"""Masks of pixels kept as ranges in ``apogee_masks.csv``: continuum pixels and element windows of APOGEE."""

import csv
import functools
from collections import defaultdict
from importlib import resources

import numpy as np

__all__ = ["pixel_range_names", "pixel_ranges_mask"]

N_PIXELS = 7514  # gap-removed APOGEE grid of DR13 and later, which the table refers to


@functools.lru_cache(maxsize=1)
def _ranges():
    """The table as ``{(kind, name): [(first, last), ...]}``, both ends inclusive."""
    ranges = defaultdict(list)
    with resources.files("astroNN.data").joinpath("apogee_masks.csv").open(encoding="utf-8") as table:
        for row in csv.DictReader(line for line in table if not line.startswith("#")):
            ranges[row["kind"], row["name"]].append((int(row["first"]), int(row["last"])))
    return dict(ranges)


def pixel_range_names(kind):
    """Names under which the table holds ranges of one kind.

    Parameters
    ----------
    kind : {"continuum", "window"}
        Continuum pixels (named by data release) or ASPCAP element windows (named by element).

    Returns
    -------
    list of str
        In the order of the table.
    """
    return [name for of_kind, name in _ranges() if of_kind == kind]


def pixel_ranges_mask(kind, name):
    """Boolean mask over the gap-removed APOGEE grid.

    Parameters
    ----------
    kind : {"continuum", "window"}
        See `pixel_range_names`.
    name : str
        For example ``"dr14"`` or ``"Fe"``.

    Returns
    -------
    ndarray of bool, shape (7514,)
        True inside the ranges. A new array at each call, the caller's own.

    Raises
    ------
    KeyError
        If the table holds no such ranges.
    """
    mask = np.zeros(N_PIXELS, dtype=bool)
    for first, last in _ranges()[kind, name]:
        mask[first : last + 1] = True
    return mask
