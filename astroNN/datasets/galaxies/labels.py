"""Classes of galaxies by the share of the bulge in their light."""

import numpy as np

from astroNN.data import BULGE_TO_TOTAL_LIMITS

__all__ = ["morphology_labels"]


def morphology_labels(bulge_to_total):
    """One-hot labels of galaxies whose bulge-to-total light ratio is known.

    A disk has a ratio below 0.45, a bulge one above 0.55; between them, the limits included, a galaxy is
    indeterminate (Ghosh et al. 2020). Of magnitudes the ratio is ``1 / (1 + 10**(-0.4 * (m_disk - m_bulge)))``.

    Parameters
    ----------
    bulge_to_total : array_like, shape (n,)
        From 0 to 1.

    Returns
    -------
    float32 array, shape (n, 3)
        A single 1 a row, in the order disk, indeterminate, bulge.

    Raises
    ------
    ValueError
        If a ratio is missing (NaN) or not from 0 to 1.

    References
    ----------
    Ghosh et al. 2020, ApJ 895, 112.

    Examples
    --------
    >>> morphology_labels([0.1, 0.5, 0.9])
    array([[1., 0., 0.],
           [0., 1., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    ratio = np.asarray(bulge_to_total)
    if ratio.ndim != 1 or ratio.dtype.kind not in "buif":
        raise ValueError(
            f"morphology_labels: `bulge_to_total` must be numbers of shape (n,), got shape {ratio.shape} of "
            f"{ratio.dtype}."
        )
    wrong = np.flatnonzero(~((ratio >= 0) & (ratio <= 1)))
    if len(wrong):
        raise ValueError(
            f"morphology_labels: `bulge_to_total` must be from 0 to 1, but is {ratio[wrong[0]]} in row {wrong[0]} "
            f"({len(wrong)} such rows). Leave out galaxies without a ratio."
        )
    lower, upper = BULGE_TO_TOTAL_LIMITS
    classes = 1 + (ratio > upper).astype(int) - (ratio < lower)
    return np.eye(3, dtype=np.float32)[classes]
