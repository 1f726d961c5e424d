"""How good labels and their uncertainties are: one row of numbers a label."""

import csv
import io
from dataclasses import asdict, dataclass, fields

import numpy as np

from astroNN.demo.labels import label_style
from astroNN.shared.files import atomic_file

__all__ = ["LabelScore", "format_table", "robust_scatter", "score_labels", "signed", "write_csv"]

MAD_TO_SIGMA = 1.4826  # standard deviation of a Gaussian over its median absolute deviation


@dataclass(frozen=True)
class LabelScore:
    """How well one label was predicted; errors are predicted minus true.

    Attributes
    ----------
    label, unit : str
        Name of the label, and its unit.
    n_stars : int
        Stars with a true and a predicted label.
    spread : float
        Standard deviation of the true label: what a guess would be wrong by.
    bias : float
        Median error.
    scatter : float
        1.4826 times the median absolute deviation of the errors from their median.
    predicted_std : float
        Median predicted uncertainty.
    within_1sigma, within_2sigma : float
        Fraction of stars whose error is smaller than one and two predicted uncertainties; 0.683 and 0.954
        for Gaussian errors of the predicted size.
    """

    label: str
    unit: str
    n_stars: int
    spread: float
    bias: float
    scatter: float
    predicted_std: float
    within_1sigma: float
    within_2sigma: float


def robust_scatter(values):
    """Standard deviation of a Gaussian with the median absolute deviation of `values`.

    Parameters
    ----------
    values : array_like, shape (n,)
        Finite numbers.

    Returns
    -------
    float
        1.4826 times the median absolute deviation from the median.

    Examples
    --------
    >>> robust_scatter([1.0, 2.0, 3.0, 100.0])
    1.4826
    """
    values = np.asarray(values, dtype="float64")
    return float(MAD_TO_SIGMA * np.median(np.abs(values - np.median(values))))


def score_labels(labels, predicted, pred_std, names):
    """Compare predicted with true labels.

    Parameters
    ----------
    labels : array, shape (n_stars, n_labels)
        True labels. NaN where unknown.
    predicted, pred_std : array, shape (n_stars, n_labels)
        Predicted labels and their standard deviations, in the units of `labels`.
    names : sequence of str, length n_labels
        Of the labels.

    Returns
    -------
    list of LabelScore
        One a label, of the stars that have both.

    Raises
    ------
    ValueError
        If the shapes differ, or no star has a true and a predicted value of some label.
    """
    labels, predicted, pred_std = (np.asarray(a, dtype="float64") for a in (labels, predicted, pred_std))
    if not labels.shape == predicted.shape == pred_std.shape or labels.shape[1:] != (len(names),):
        raise ValueError(
            "score_labels: `labels`, `predicted` and `pred_std` must all have the shape (n_stars, "
            f"{len(names)} labels), got {labels.shape}, {predicted.shape} and {pred_std.shape}."
        )
    return [_score(*columns) for columns in zip(labels.T, predicted.T, pred_std.T, names, strict=True)]


def _score(true, predicted, std, name):
    known = np.isfinite(true) & np.isfinite(predicted) & np.isfinite(std)
    if not known.any():
        raise ValueError(f"score_labels: no star has both a true and a predicted value of {name!r}.")
    true, error, std = true[known], (predicted - true)[known], std[known]
    return LabelScore(
        label=name,
        unit=label_style(name).unit,
        n_stars=int(known.sum()),
        spread=float(np.std(true)),
        bias=float(np.median(error)),
        scatter=robust_scatter(error),
        predicted_std=float(np.median(std)),
        within_1sigma=float(np.mean(np.abs(error) < std)),
        within_2sigma=float(np.mean(np.abs(error) < 2 * std)),
    )


_HEADINGS = ("label", "unit", "spread", "bias", "scatter", "predicted", "< 1 sigma", "< 2 sigma")


def format_table(scores):
    """The scores as text for a terminal.

    Parameters
    ----------
    scores : list of LabelScore
        As `score_labels` gives them.

    Returns
    -------
    str
        One line a label, under a heading.
    """
    rows = [_HEADINGS, *(_cells(score) for score in scores)]
    rows.append(("Gaussian", "", "", "", "", "", "68.3 %", "95.4 %"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = [
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    rule = "-" * max(map(len, lines))
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def _cells(score):
    style = label_style(score.label)
    numbers = (f"{value:.{style.digits}f}" for value in (score.scatter, score.predicted_std))
    spread, bias = f"{score.spread:.{max(style.digits - 1, 0)}f}", signed(score.bias, style.digits)
    fractions = (f"{100 * value:.1f} %" for value in (score.within_1sigma, score.within_2sigma))
    return (style.text, style.unit, spread, bias, *numbers, *fractions)


def signed(value, digits):
    """A number with its sign; what rounds to zero is +0.

    Parameters
    ----------
    value : float
        The number.
    digits : int
        Decimals.

    Returns
    -------
    str
        With "+" or "-" in front.

    Examples
    --------
    >>> signed(-0.0004, 3), signed(-0.012, 3)
    ('+0.000', '-0.012')
    """
    return f"{round(value, digits) + 0.0:+.{digits}f}"


def write_csv(path, scores):
    """Write the scores as comma-separated values, with the attributes of `LabelScore` as columns.

    Parameters
    ----------
    path : str or Path
        An existing file is replaced.
    scores : list of LabelScore
        As `score_labels` gives them.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(LabelScore)], lineterminator="\n")
    writer.writeheader()
    for score in scores:
        row = asdict(score)
        writer.writerow({key: f"{value:.6g}" if isinstance(value, float) else value for key, value in row.items()})
    with atomic_file(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")
