"""Checks of labels that users give: columns without a value, and classes that are no probabilities."""

import numpy as np

from astroNN.shared.missing import missing_elements

__all__ = ["check_classes", "check_label_columns"]


def check_label_columns(labels, names=None, whose=""):
    """Raise if a column of labels has no value at all; `whose` tells which stars these are.

    Parameters
    ----------
    labels : array, shape (n_stars, ...)
        NaN or the magic number where missing.
    names : sequence of str, optional
        Of the labels, for the error.
    whose : str, optional
        Such as " of the stars to train on".

    Raises
    ------
    ValueError
        With the first eight of such columns.
    """
    labels = labels.reshape(len(labels), -1)
    empty = np.flatnonzero(missing_elements(labels).all(axis=0))
    if len(empty):
        listed = ", ".join(_column_name(column, names, labels.shape[1]) for column in empty[:8])
        raise ValueError(
            f"`labels`: every value{whose} is missing in column {listed}. A network can't learn a label that no star "
            "has: leave the column out."
        )


def check_classes(argument, labels, task):
    """Raise unless the labels of a classification are probabilities: 0, 1, or fractions (of votes) between them.

    Parameters
    ----------
    argument : str
        Name of the user's argument.
    labels : array of float, shape (n_stars, n_classes)
        NaN where they are missing.
    task : str
        Of ``"classification"`` every row must sum to 1; of ``"binary_classification"`` each number stands alone; of
        anything else nothing is checked.

    Raises
    ------
    ValueError
        With the first row that is wrong.
    """
    if task not in ("classification", "binary_classification"):
        return
    needed = "0 or 1 (no or yes), or a probability between them"
    wrong = (labels < 0) | (labels > 1)
    if task == "classification":
        needed = (
            "rows with a single 1, for the class, among zeros (`keras.utils.to_categorical` makes them), or rows of"
        )
        needed += " probabilities that sum to 1"
        if labels.ndim != 2 or labels.shape[1] < 2:
            raise ValueError(f"`{argument}`: classes must be given as {needed}; got the shape {labels.shape}.")
        wrong |= abs(labels.sum(axis=1, keepdims=True) - 1) > 0.01  # never where a part of a row is missing
    if wrong.any():
        row = int(np.argmax(wrong.reshape(len(wrong), -1).any(axis=1)))
        raise ValueError(f"`{argument}` of a {task} must be {needed}; row {row} is {_shortened(labels[row])}.")


def _shortened(row):
    return np.array2string(row, threshold=6, edgeitems=3, precision=3)


def _column_name(column, names, n_columns):
    if isinstance(names, list | tuple | np.ndarray) and len(names) == n_columns:
        return f"{column} ({names[column]})"
    return str(column)
