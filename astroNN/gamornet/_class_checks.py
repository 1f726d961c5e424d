"""Checks of probabilities, of thresholds on them, and of classes."""

import numpy as np

from astroNN.data import MORPHOLOGY_CLASSES

__all__ = ["as_class_numbers", "as_probabilities", "as_threshold", "as_truth"]

_TOLERANCE = 0.01  # half precision, and means of many draws, are not exact


def as_threshold(argument, value):
    """A threshold, from 0 to 1, as a float."""
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= 1:
        raise ValueError(f"{argument} must be a probability, a number from 0 to 1, got {value!r}.")
    return float(value)


def as_probabilities(caller, probabilities):
    """Array of shape (n, 3), in the precision that it came in."""
    if isinstance(probabilities, tuple):  # as the functions give them with `individual_arrays=True`
        if any(isinstance(part, dict) for part in probabilities):
            raise TypeError(
                f"{caller}: `probabilities` are what `predict` of a Bayesian network gives: classes and spreads. "
                "Give those of `predict_probabilities`: net.predict_probabilities(images)[0]."
            )
        if len(probabilities) != 3 or len({np.shape(array) for array in probabilities}) > 1:
            raise ValueError(
                f"{caller}: a tuple of probabilities must be three arrays of one length (disk, indeterminate, "
                f"bulge), got the shapes {[np.shape(array) for array in probabilities]}."
            )
        probabilities = np.stack(probabilities, axis=-1)
    array = np.asarray(probabilities)
    if array.ndim != 2 or array.shape[1] != 3 or array.dtype.kind not in "buif":
        hint = " Three arrays, one a class, must be given as a tuple." if array.shape[:1] == (3,) else ""
        raise ValueError(
            f"{caller}: `probabilities` must be numbers of shape (n, 3), for disk, indeterminate and bulge; got "
            f"shape {array.shape} of {array.dtype}.{hint}"
        )
    array = array if array.dtype.kind == "f" else array.astype(np.float64)
    missing = np.flatnonzero(np.isnan(array).any(axis=1))
    if len(missing):
        raise ValueError(
            f"{caller}: `probabilities` are NaN in {len(missing)} rows (the first is {missing[0]}): such galaxies "
            "have no class. Look for NaN pixels in their images, and leave them out."
        )
    outside = (array < -_TOLERANCE) | (array > 1 + _TOLERANCE)
    wrong = np.flatnonzero(outside.any(axis=1) | (abs(array.sum(axis=1) - 1) > _TOLERANCE))
    if len(wrong):
        raise ValueError(
            f"{caller}: `probabilities` must be from 0 to 1 and sum to 1 in every row; row {wrong[0]} is "
            f"{array[wrong[0]]}. Outputs of a network without a softmax are not probabilities yet."
        )
    return array


def as_truth(labels):
    """Numbers of the true classes."""
    array = np.asarray(labels)
    if array.ndim == 2 and array.shape[1] == 3 and array.dtype.kind in "buif":
        wrong = np.flatnonzero(~(np.isin(array, (0, 1)).all(axis=1) & (array.sum(axis=1) == 1)))
        if len(wrong):
            raise ValueError(
                f"threshold_curve: `labels` of shape (n, 3) must have a single 1 a row among zeros; row {wrong[0]} "
                f"is {array[wrong[0]]}."
            )
        return array.argmax(axis=1)
    if array.ndim != 1:
        raise ValueError(
            "threshold_curve: `labels` must be one-hot, shape (n, 3), or numbers of classes, shape (n,); got shape "
            f"{array.shape}."
        )
    return as_class_numbers("threshold_curve: `labels`", array)


def as_class_numbers(argument, array):
    """Integers 0, 1 and 2, of any shape."""
    wrong = (
        ~np.isin(array, range(len(MORPHOLOGY_CLASSES))) if array.dtype.kind in "buif" else np.ones(array.shape, bool)
    )
    if wrong.any():
        raise ValueError(
            f"{argument} must be 0 (disk), 1 (indeterminate) or 2 (bulge), got {array[wrong].flat[0]!r}."
        )
    return array.astype(int)
