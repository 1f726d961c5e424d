"""Figures to judge labels, their uncertainties and a training by.

Every function takes arrays and returns a `matplotlib.figure.Figure`; none touches pyplot or the user's settings.
Draw and save within `astroNN.demo.style.figure_style` (as these functions and `save_figure` do).
"""

import numpy as np
from matplotlib.ticker import MaxNLocator

from astroNN.demo.labels import label_style
from astroNN.demo.style import BLUE, GREEN, GREY, INK, ORANGE, new_figure, styled
from astroNN.demo.table import score_labels, signed

__all__ = ["predicted_vs_true", "pulls", "residuals", "training_history"]

_MAX_BARS = 250  # stars with error bars in a panel; more hide each other


@styled
def predicted_vs_true(labels, predicted, pred_std, names):
    """Predicted against true labels with error bars, one panel a label.

    Parameters
    ----------
    labels : array, shape (n_stars, n_labels)
        True labels; NaN where unknown.
    predicted, pred_std : array, shape (n_stars, n_labels)
        Predicted labels and their standard deviations. Error bars are drawn for the first 250 stars, points for all.
    names : sequence of str
        Names of the labels, see `astroNN.demo.labels.label_style`.

    Returns
    -------
    matplotlib.figure.Figure
        Not saved yet.
    """
    figure, panels = _panels(len(names), height=3.2)
    for panel, score, *columns in _by_label(panels, labels, predicted, pred_std, names):
        style = label_style(score.label)
        true, guess, std = (np.asarray(column, dtype="float64") for column in columns)
        some = slice(_MAX_BARS)
        panel.errorbar(true[some], guess[some], std[some], fmt="none", ecolor=BLUE, elinewidth=0.8, alpha=0.35,
                       label="predicted uncertainty (1$\\sigma$)")  # fmt: skip
        panel.plot(true, guess, "o", color=BLUE, ms=2.4, mew=0, alpha=0.7, label="a star")
        ends = np.array([np.nanmin([true, guess]), np.nanmax([true, guess])])
        ends += np.array([-0.05, 0.05]) * np.ptp(ends)
        panel.plot(ends, ends, "-", color=ORANGE, lw=1.2, zorder=4, label="predicted = true")
        panel.set(xlim=ends, ylim=ends, xlabel=f"true {style.axis}", ylabel=f"predicted {style.axis}")
        panel.set_aspect("equal")
        # The same ticks on both axes: a value is found at the same place on either.
        panel.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
        panel.set_yticks(panel.get_xticks(), panel.get_xticklabels())
        panel.set(xlim=ends, ylim=ends)
        _note(panel, f"scatter {score.scatter:.{style.digits}f}\nspread {score.spread:.{max(style.digits - 1, 0)}f}")
    return _with_legend(figure, panels[0])


@styled
def residuals(labels, predicted, pred_std, names):
    """Predicted minus true labels against the true ones, with median and central 68% in bins.

    Parameters
    ----------
    labels, predicted, pred_std : array, shape (n_stars, n_labels)
        As in `predicted_vs_true`.
    names : sequence of str
        Names of the labels.

    Returns
    -------
    matplotlib.figure.Figure
        Not saved yet.
    """
    figure, panels = _panels(len(names), height=2.7)
    for panel, score, *columns in _by_label(panels, labels, predicted, pred_std, names):
        style = label_style(score.label)
        true, guess, std = (np.asarray(column, dtype="float64") for column in columns)
        error, some = guess - true, slice(_MAX_BARS)
        panel.errorbar(true[some], error[some], std[some], fmt="none", ecolor=BLUE, elinewidth=0.7, alpha=0.25,
                       label="predicted uncertainty (1$\\sigma$)")  # fmt: skip
        panel.plot(true, error, "o", color=BLUE, ms=2.4, mew=0, alpha=0.6, label="a star")
        panel.axhline(0.0, color=GREY, lw=0.9)
        centre, middle, low, high = _binned_percentiles(true, error)
        panel.errorbar(centre, middle, [middle - low, high - middle], fmt="s", color=ORANGE, ms=4.5, mec="white",
                       mew=0.6, elinewidth=1.6, zorder=4, label="median and central 68 % of a bin")  # fmt: skip
        reach = 6.0 * score.scatter
        panel.set(ylim=(-reach, reach), xlabel=f"true {style.axis}", ylabel=rf"$\Delta$ {style.axis}")
        panel.locator_params(axis="x", nbins=5)
        outside = int(np.sum(np.abs(error) > reach))
        _note(panel, f"bias {signed(score.bias, style.digits)}" + (f"\n{outside} outside" if outside else ""))
    return _with_legend(figure, panels[0])


@styled
def pulls(labels, predicted, pred_std, names):
    """Errors over predicted uncertainties beside the unit Gaussian that believable uncertainties give.

    Parameters
    ----------
    labels, predicted, pred_std : array, shape (n_stars, n_labels)
        As in `predicted_vs_true`.
    names : sequence of str
        Names of the labels.

    Returns
    -------
    matplotlib.figure.Figure
        Not saved yet.
    """
    figure, panels = _panels(len(names), height=2.5)
    edges = np.linspace(-4.5, 4.5, 31)
    x = np.linspace(-4.5, 4.5, 200)
    for panel, score, true, guess, std in _by_label(panels, labels, predicted, pred_std, names):
        pull = (np.asarray(guess, dtype="float64") - true) / std
        pull = np.clip(pull[np.isfinite(pull)], edges[0], edges[-1])
        density, *_ = panel.hist(pull, edges, density=True, color=BLUE, alpha=0.45, label="test stars")
        panel.plot(x, np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi), color=ORANGE, lw=1.6,
                   label="unit Gaussian: 68 % and 95 %")  # fmt: skip
        symbol = label_style(score.label).symbol
        panel.set(xlim=edges[[0, -1]], ylim=(0, max(0.58, 1.25 * density.max())))
        panel.set(xlabel=rf"error of {symbol} / $\sigma$", ylabel="density of stars")
        fractions = zip((score.within_1sigma, score.within_2sigma), (1, 2), strict=True)
        _note(panel, "\n".join(rf"{100 * fraction:.0f} % < {k}$\sigma$" for fraction, k in fractions))
    return _with_legend(figure, panels[0])


@styled
def training_history(history):
    """Loss, absolute error and learning rate by epoch.

    Parameters
    ----------
    history : dict of sequences
        `keras.callbacks.History.history` of a Bayesian network: ``loss``, ``output_mean_absolute_error``, the same
        with ``val_`` where there was a validation, and ``learning_rate``.

    Returns
    -------
    matplotlib.figure.Figure
        Not saved yet.
    """
    rows = [
        ("loss", "loss", "linear"),
        ("output_mean_absolute_error", "mean absolute error\n[std of the label]", "linear"),
        ("learning_rate", "learning rate", "log"),
    ]
    rows = [row for row in rows if row[0] in history]
    figure = new_figure(6.4, 1.0 + 1.9 * len(rows))
    panels = figure.subplots(len(rows), 1, sharex=True, squeeze=False)[:, 0]
    for panel, (key, title, scale) in zip(panels, rows, strict=True):
        epochs = np.arange(1, len(history[key]) + 1)
        if key == "learning_rate":
            panel.step(epochs, history[key], where="mid", color=GREEN)
        else:
            panel.plot(epochs, history[key], color=BLUE, label="training")
            if "val_" + key in history:
                panel.plot(epochs, history["val_" + key], color=ORANGE, ls="--", label="validation")
        panel.set(yscale=scale, ylabel=title)
        if key == "output_mean_absolute_error":
            panel.set_ylim(bottom=0.0)
    panels[0].legend()
    panels[-1].set(xlabel="epoch", xlim=(0.5, len(history["loss"]) + 0.5))
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.align_ylabels(panels)
    return figure


def _panels(n_labels, height):
    """A figure and a panel a label, in rows of up to three."""
    columns = min(3, n_labels)
    rows = -(-n_labels // columns)
    figure = new_figure(3.3 * columns, height * rows)
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for empty in panels[n_labels:]:
        empty.remove()
    return figure, panels[:n_labels]


def _by_label(panels, labels, predicted, pred_std, names):
    """Panel, score, true, predicted and standard deviation of each label."""
    scores = score_labels(labels, predicted, pred_std, names)
    return zip(panels, scores, *(np.asarray(a).T for a in (labels, predicted, pred_std)), strict=True)


def _binned_percentiles(x, y, n_bins=9, least=8):
    """Centre of bins of equal width along `x`; median, 15.87th and 84.13th percentile of `y` in them."""
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    edges = np.linspace(x.min(), x.max(), n_bins + 1)
    number = np.clip(np.digitize(x, edges) - 1, 0, n_bins - 1)
    filled = [k for k in range(n_bins) if np.sum(number == k) >= least]
    rows = [(np.median(x[number == k]), *np.percentile(y[number == k], [50, 15.87, 84.13])) for k in filled]
    return np.array(rows).reshape(-1, 4).T


def _with_legend(figure, panel):
    """Put the legend of one panel below all of them."""
    handles, texts = panel.get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside lower center", ncols=len(texts))
    return figure


def _note(panel, text):
    text = text.replace("-", "\u2212")
    panel.text(0.04, 0.95, text, transform=panel.transAxes, ha="left", va="top", fontsize=9, color=INK,
               bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5}, zorder=6)  # fmt: skip
