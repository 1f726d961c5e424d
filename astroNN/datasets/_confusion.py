"""The picture of a confusion matrix."""

import numpy as np

from astroNN.shared.plotting import INK, new_figure, styled

__all__ = ["draw_confusion"]


@styled
def draw_confusion(names, matrix):
    """Confusion matrix as a picture with numbers.

    Parameters
    ----------
    names : sequence of str
        Of the classes.
    matrix : array_like of int, shape (10, 10)
        Row: the prediction; column: the truth.

    Returns
    -------
    figure : matplotlib.figure.Figure
    axes : matplotlib.axes.Axes
    """
    matrix = np.asarray(matrix)
    if matrix.shape != (len(names), len(names)):
        raise ValueError(
            f"galaxy10_confusion: the matrix must have a row and a column for each of the {len(names)} classes, got "
            f"shape {matrix.shape}."
        )
    figure = new_figure(10, 10.5)
    panel = figure.subplots()
    panel.imshow(matrix, cmap="Blues")
    middle = matrix.max() / 2
    for (row, column), count in np.ndenumerate(matrix):
        colour = "white" if count > middle else INK
        panel.text(column, row, f"{count:g}", ha="center", va="center", color=colour)
    panel.set_xticks(range(len(names)), names, rotation=60, ha="right")
    panel.set_yticks(range(len(names)), names)
    panel.tick_params(length=0)
    panel.set(xlabel="Truth", ylabel="Prediction")
    return figure, panel
