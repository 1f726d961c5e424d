"""Names above spectral lines, moved apart so that they can be read."""

import numpy as np

from astroNN.shared.plotting import ORANGE

__all__ = ["name_lines", "spread_apart"]

LABEL_WIDTH = 0.0135  # of a panel's width (11 inches less its margins), that a vertical line label needs


def name_lines(panel, centres, names, foot, turn, width=LABEL_WIDTH):
    """Vertical names above a panel's curve, led to their lines by thin strokes.

    Parameters
    ----------
    panel : matplotlib.axes.Axes
        Its limits along the wavelength are set.
    centres, names : sequences, shape (n_lines,)
        Wavelengths, rising, in the panel's units, and what is written.
    foot, turn : float
        Heights, in the panel's units, where the stroke ends near the curve, and where it ends at the name.
    width : float, optional
        Of a name, as a fraction of the panel's width.
    """
    left, right = panel.get_xlim()
    width = width * (right - left)
    places = spread_apart(centres, width, left + 0.8 * width, right - 0.8 * width)
    # Not cut off at the frame: names may stand above it.
    for centre, place, name in zip(centres, places, names, strict=True):
        heights = [foot - (turn - foot) * 0.3, foot, turn]
        panel.plot([centre, centre, place], heights, color=ORANGE, lw=0.6, clip_on=False)
        panel.text(place, turn, f" {name}", rotation=90, ha="center", va="bottom", fontsize=8)


def spread_apart(positions, least, low=-np.inf, high=np.inf):
    """Move positions on a line as little as need be for no two to be closer than `least`.

    Parameters
    ----------
    positions : array, shape (n,)
        Rising.
    least : float
        Smallest distance, in the unit of the positions.
    low, high : float, optional
        Bounds. Where they leave too little room, `high` gives way.

    Returns
    -------
    array, shape (n,)
        In the same order; the sum of the squared moves is the least possible.

    Examples
    --------
    >>> spread_apart([0.0, 0.0, 5.0], 1.0).tolist()
    [-0.5, 0.5, 5.0]
    """
    # With u = position - least * rank the condition is that u rises: isotonic regression, by pooling neighbours.
    rank = least * np.arange(len(positions))
    if not len(rank):
        return rank
    pools = []
    for value in np.asarray(positions, dtype="float64") - rank:
        pools.append((value, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (first, m), (second, n) = pools[-2:]
            pools[-2:] = [((first * m + second * n) / (m + n), m + n)]
    moved = np.repeat([value for value, _ in pools], [count for _, count in pools])
    # Cutting the solution off at the bounds gives the solution within the bounds.
    return np.maximum(np.minimum(moved, high - least * (len(rank) - 1)), low) + rank
