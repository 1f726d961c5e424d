"""Which stars are held back for validation."""

import warnings

import numpy as np

__all__ = ["split_stars"]


def split_stars(n_stars, val_size, seed, groups=None):
    """Row numbers for training and for validation.

    Parameters
    ----------
    n_stars : int
        Number of rows.
    val_size : float
        Fraction held back, from 0 (none) to below 1.
    seed : int
        The same seed gives the same split.
    groups : array, shape (n_stars,), optional
        One identifier per row. Rows of one group (visits of one star) stand on the same side.

    Returns
    -------
    train_idx : array of int
        Rows to train on, rising.
    val_idx : array of int
        Rows held back, rising; none if the fraction leaves less than one.

    Raises
    ------
    ValueError
        If the fraction is out of range, or leaves nothing to train on.
    """
    if isinstance(val_size, str) or not 0 <= val_size < 1:
        raise ValueError(f"`val_size` must be a fraction from 0 to below 1, got {val_size!r}.")
    rng = np.random.default_rng([seed, 0])
    wanted = int(n_stars * val_size)
    if groups is None:
        held_back = np.zeros(n_stars, dtype=bool)
        held_back[rng.permutation(n_stars)[:wanted]] = True
    else:
        held_back = _whole_groups(groups, wanted, rng)
    if held_back.all():
        raise ValueError(f"val_size={val_size} leaves no star to train on; there are {n_stars} rows.")
    return np.flatnonzero(~held_back), np.flatnonzero(held_back)


def _whole_groups(groups, wanted, rng):
    """Hold back randomly chosen groups, as many as fit into `wanted` rows."""
    names, member, size = np.unique(groups, return_inverse=True, return_counts=True)
    if len(names) < 2 and wanted:
        warnings.warn("All rows belong to one group: none can be held back for validation.", stacklevel=4)
        wanted = 0
    order = rng.permutation(len(names))
    chosen, reached = [], 0
    for group in order:
        # A group too large for what is left is passed over: it would take most stars from the training.
        if reached + size[group] <= wanted:
            chosen.append(group)
            reached += size[group]
    if wanted and not chosen:
        chosen = [order[np.argmin(size[order])]]
    return np.isin(member.ravel(), chosen)
