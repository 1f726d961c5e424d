"""Errors of predicted labels against labels of a catalogue such as ASPCAP's."""

from typing import NamedTuple

import numpy as np

from astroNN.models.inspection.plots._places import distinct_names, figure_folder, write_figures
from astroNN.shared import checks
from astroNN.shared.label_names import label_style, target_name_conversion
from astroNN.shared.missing import missing_elements
from astroNN.shared.plotting import BLUE, GREY, ORANGE, new_figure, note, styled

__all__ = ["draw_residuals", "draw_residuals_by_error", "network_residuals", "robust_scatter"]

MAX_BARS = 1000  # stars with error bars; more hide each other


class _Label(NamedTuple):
    """Stars whose label and prediction are both known; errors are NaN where unknown, or None."""

    name: str
    labels: np.ndarray
    residuals: np.ndarray
    pred_err: np.ndarray | None
    labels_err: np.ndarray | None


def network_residuals(net, test_predictions, test_labels, test_pred_error=None, test_labels_err=None, folder=None):
    """Figures of a network's residuals; see `ASPCAP_plots.aspcap_residue_plot`.

    Parameters
    ----------
    net : NeuralNetMaster
        Gives the names of the labels.
    test_predictions, test_labels, test_pred_error, test_labels_err, folder : array, or str or Path
        As there.

    Returns
    -------
    dict
        Name of a label, and that with ``_err`` behind it, to figure and axes.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    folder = figure_folder(net, folder, "ASPCAP_residue")
    predictions = _table("test_predictions", test_predictions)
    labels = _table("test_labels", test_labels)
    if predictions.shape != labels.shape:
        raise ValueError(
            f"`test_predictions` and `test_labels` must have the same shape (n_stars, n_labels), got "
            f"{predictions.shape} and {labels.shape}."
        )
    if isinstance(test_pred_error, dict) and "total" in test_pred_error:  # what `predict` gives
        test_pred_error = test_pred_error["total"]
    errors = [
        None if given is None else checks.check_errors(name, given, labels).T
        for name, given in (("test_pred_error", test_pred_error), ("test_labels_err", test_labels_err))
    ]
    figures, by_error = {}, {}
    for column, name in enumerate(distinct_names(net, labels.shape[1])):
        label_errors = [None if given is None else given[column] for given in errors]
        label = _known(name, predictions[:, column], labels[:, column], *label_errors)
        figures[name] = draw_residuals(label)
        if label.labels_err is not None:
            by_error[name] = draw_residuals_by_error(label)
    if folder is not None:
        write_figures(figures, folder, "_test")
        write_figures(by_error, folder, "_test_err")
    return figures | {f"{name}_err": drawn for name, drawn in by_error.items()}


def robust_scatter(values):
    """Scatter that outliers hardly change.

    Parameters
    ----------
    values : array
        Without missing ones.

    Returns
    -------
    float
        1.4826 times the median absolute deviation from the median: the standard deviation, if Gaussian.
    """
    return 1.4826 * np.median(np.abs(values - np.median(values)))


@styled
def draw_residuals(label):
    """Prediction minus label against the label, with error bars.

    Parameters
    ----------
    label : _Label
        The stars.

    Returns
    -------
    figure : matplotlib.figure.Figure
        Of no pyplot session.
    axes : matplotlib.axes.Axes
        Its only ones.
    """
    figure, axes = _residual_panel(label)
    some = _some(len(label.labels))
    if label.pred_err is not None or label.labels_err is not None:
        errors = (label.labels_err, label.pred_err)
        x_err, y_err = (None if err is None else np.nan_to_num(err[some]) for err in errors)
        axes.errorbar(label.labels[some], label.residuals[some], yerr=y_err, xerr=x_err, fmt="none", ecolor=BLUE,
                      elinewidth=0.7, alpha=0.3, label="uncertainty (1$\\sigma$)")  # fmt: skip
    axes.plot(label.labels, label.residuals, "o", color=BLUE, ms=3, mew=0, alpha=0.6, label="a star")
    axes.set_xlabel(f"label {label_style(label.name).axis}")
    if len(label.labels):
        axes.legend(loc="lower right")
    return figure, axes


@styled
def draw_residuals_by_error(label):
    """Prediction minus label against the error of the label: good labels show the network, poor ones themselves.

    Parameters
    ----------
    label : _Label
        The stars; those without an error are left out.

    Returns
    -------
    figure : matplotlib.figure.Figure
        Of no pyplot session.
    axes : matplotlib.axes.Axes
        Its only ones.
    """
    figure, axes = _residual_panel(label)
    known = np.isfinite(label.labels_err)
    label_err, residuals = label.labels_err[known], label.residuals[known]
    axes.plot(label_err, residuals, "o", color=BLUE, ms=3, mew=0, alpha=0.6, label="a star")
    reach = label_err.max(initial=0.0) * 1.05 or 1.0
    axes.plot([0, reach], [0, reach], "--", color=ORANGE, lw=1.0, label="residual = error of the label")
    axes.plot([0, reach], [0, -reach], "--", color=ORANGE, lw=1.0)
    axes.set(xlim=(0, reach), xlabel=f"error of label {label_style(label.name).axis}")
    axes.legend(loc="lower right")
    return figure, axes


def _residual_panel(label):
    """Figure with the zero line, the range, and the three numbers."""
    style = label_style(label.name)
    figure = new_figure(7.5, 4.6)
    axes = figure.subplots()
    axes.axhline(0.0, color=GREY, lw=0.9, zorder=1)
    axes.set_title(target_name_conversion(label.name), fontsize=12)
    axes.set_ylabel(f"prediction \u2212 label, {style.axis}")
    if not len(label.labels):
        note(axes, "no star has this label and a prediction")
        return figure, axes
    reach = _half_range(label)
    axes.set_ylim(-reach, reach)
    note(axes, _numbers(label, style, reach))
    return figure, axes


def _numbers(label, style, reach):
    """Median and robust scatter of the residuals, and what part of the labels' own scatter that is."""
    scatter, spread = robust_scatter(label.residuals), robust_scatter(label.labels)
    unit = f" {style.unit}" if style.unit else ""
    text = f"median {np.median(label.residuals):.{style.digits}f}{unit}\nscatter {scatter:.{style.digits}f}{unit}"
    text += f"\nscatter / label scatter {scatter / spread:.3f}" if spread > 0 else ""
    outside = int((np.abs(label.residuals) > reach).sum())
    return text + (f"\n{outside} of {len(label.labels)} stars outside" if outside else "")


def _half_range(label):
    """Half the range of the labels; where that is nothing (one star, equal labels), what shows all residuals."""
    half = 0.5 * np.ptp(label.labels)
    return half if half > 0 else 1.2 * np.abs(label.residuals).max() or 1.0


def _table(argument, values):
    """Float64 table of shape (n_stars, n_labels), NaN where missing."""
    table = np.asarray(checks.as_named_arrays(argument, values, "output")["output"])
    table = table[:, None] if table.ndim == 1 else table
    if table.ndim != 2:
        raise ValueError(f"`{argument}` must have the shape (n_stars, n_labels), got {table.shape}.")
    checks.check_finite(argument, table)
    return np.where(missing_elements(table), np.nan, table.astype("float64"))


def _known(name, predictions, labels, pred_err, labels_err):
    known = np.isfinite(predictions) & np.isfinite(labels)
    residuals = (predictions - labels)[known]
    errors = (None if err is None else err[known].astype("float64") for err in (pred_err, labels_err))
    return _Label(name, labels[known], residuals, *errors)


def _some(n_stars):
    """Evenly spaced stars, as many as get error bars."""
    return np.unique(np.linspace(0, n_stars - 1, min(n_stars, MAX_BARS)).astype(int))
