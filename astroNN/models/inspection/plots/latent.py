"""Where stars lie in the latent space of an autoencoder."""

import matplotlib
import numpy as np

from astroNN.shared import checks
from astroNN.shared.label_names import label_style
from astroNN.shared.missing import missing_elements
from astroNN.shared.plotting import BLUE, GREY, new_figure, styled

__all__ = ["draw_latent", "network_latent"]

MOST_VARIABLES = 8  # in one matrix of panels
MOST_CLASSES = 20
MAX_BARS = 1000  # stars with error bars; more hide each other


def network_latent(net, x, labels=None, label_name=None, errors=False, dims=None, mask=None):
    """Figure of the latent means of a set of stars; see `LatentPlots.plot_latent`.

    Parameters
    ----------
    net : ConvVAEBase
        Trained.
    x : array
        As there.
    labels, label_name, errors, dims, mask : optional
        As there.

    Returns
    -------
    tuple of (matplotlib.figure.Figure, axes)
        As there.
    """
    mean, std, _ = net.predict_encoder(x, mask=mask)
    if dims is not None:
        dims = _checked_dims(dims, mean.shape[1])
        mean, std = mean[:, dims], std[:, dims]
    elif mean.shape[1] > MOST_VARIABLES:
        raise ValueError(
            f"plot_latent: {mean.shape[1]} latent variables are too many for one figure; choose up to "
            f"{MOST_VARIABLES} by `dims`, such as dims=[0, 1, 2]."
        )
    names = [f"latent variable {k + 1}" for k in (range(mean.shape[1]) if dims is None else dims)]
    colours = None if labels is None else _checked_labels(labels, len(mean))
    return draw_latent(mean, names, std if errors else None, colours, label_name)


@styled
def draw_latent(mean, names, std=None, labels=None, label_name=None):
    """Latent means against each other: a histogram, one panel, or a matrix of panels.

    Parameters
    ----------
    mean : array, shape (n_stars, n_latent)
        Means of the latent variables.
    names : sequence of str, shape (n_latent,)
        What stands at the axes.
    std : array, shape (n_stars, n_latent), optional
        Standard deviations, drawn as error bars for 1000 stars at most.
    labels : array, shape (n_stars,), optional
        Numbers (NaN where unknown, drawn in grey) or names of classes, for the colours.
    label_name : str, optional
        Of the label, see `astroNN.shared.label_names.label_style`.

    Returns
    -------
    figure : matplotlib.figure.Figure
        Of no pyplot session.
    axes : matplotlib.axes.Axes or array of them
        Of three or more latent variables an array of shape (n_latent, n_latent), None above the diagonal.
    """
    n_latent = mean.shape[1]
    if n_latent <= 2:
        figure = new_figure(6.6, 5.2)
        axes = figure.subplots()
        if n_latent == 2:
            drawn = _scatter(axes, mean, (0, 1), std, labels)
            axes.set(xlabel=names[0], ylabel=names[1])
        else:
            drawn = _one_variable(axes, mean[:, 0], None if std is None else std[:, 0], names[0], labels, label_name)
    else:
        figure = new_figure(2.0 * n_latent + 1.2, 2.0 * n_latent)
        axes, drawn = _matrix(figure, mean, names, std, labels)
    _explain(figure, axes, drawn, labels, label_name)
    return figure, axes


def _matrix(figure, mean, names, std, labels):
    """Histograms on the diagonal, pairs below it."""
    n_latent = mean.shape[1]
    axes = figure.subplots(n_latent, n_latent, sharex="col", squeeze=False)
    drawn = None
    for row in range(n_latent):
        for column in range(n_latent):
            panel = axes[row, column]
            if column > row:
                panel.remove()
                axes[row, column] = None
            elif column == row:
                panel.hist(mean[:, row], bins=30, color=BLUE, alpha=0.5)
                panel.tick_params(left=False, right=False, labelleft=False)
            else:
                drawn = _scatter(panel, mean, (column, row), std, labels, size=6)
                panel.tick_params(labelleft=column == 0)
                panel.sharey(axes[row, 0])
        if row:
            axes[row, 0].set_ylabel(_two_lines(names[row]))
        axes[-1, row].set_xlabel(_two_lines(names[row]))
    axes[0, 0].set_ylabel("stars")
    return axes, drawn


def _one_variable(axes, mean, std, name, labels, label_name):
    """A histogram; against a label of numbers its values."""
    if labels is None or labels.dtype.kind != "f":
        groups = {None: mean} if labels is None else {label: mean[labels == label] for label in np.unique(labels)}
        edges = np.histogram_bin_edges(mean, bins=30)
        for (label, values), colour in zip(groups.items(), _class_colours(len(groups)), strict=True):
            axes.hist(values, edges, color=BLUE if label is None else colour, alpha=0.5, label=label)
        axes.set(xlabel=name, ylabel="stars")
        if labels is not None:
            axes.legend(title=label_name)
        return None
    some = _some(len(mean))
    if std is not None:
        axes.errorbar(labels[some], mean[some], std[some], fmt="none", ecolor=GREY, elinewidth=0.6, zorder=1)
    axes.plot(labels, mean, "o", color=BLUE, ms=3.5, mew=0, alpha=0.7)
    axes.set(xlabel=label_style(label_name).axis if label_name else "label", ylabel=name)
    return None


def _scatter(panel, mean, pair, std, labels, size=14):
    """One variable against another; returns what a colour bar needs, or None."""
    x, y = mean[:, pair[0]], mean[:, pair[1]]
    if std is not None:
        some = _some(len(mean))
        panel.errorbar(x[some], y[some], xerr=std[some, pair[0]], yerr=std[some, pair[1]], fmt="none", ecolor=GREY,
                       elinewidth=0.5, alpha=0.5, zorder=1)  # fmt: skip
    settings = {"s": size, "linewidths": 0, "zorder": 2}
    if labels is None:
        panel.scatter(x, y, color=BLUE, alpha=0.6, **settings)
        return None
    if labels.dtype.kind != "f":
        classes = np.unique(labels)
        for label, colour in zip(classes, _class_colours(len(classes)), strict=True):
            panel.scatter(x[labels == label], y[labels == label], color=colour, alpha=0.7, label=label, **settings)
        return None
    known = np.isfinite(labels)
    if not known.all():
        panel.scatter(x[~known], y[~known], color=GREY, alpha=0.4, label="label unknown", **settings)
    # The same limits in all panels: the colour bar is made for one of them.
    return panel.scatter(x[known], y[known], c=labels[known], cmap="viridis", **settings)


def _explain(figure, axes, drawn, labels, label_name):
    """Colour bar of a label of numbers, or legend of classes."""
    if labels is None:
        return
    panels = [panel for panel in np.ravel(axes) if panel is not None]
    if drawn is not None:
        text = label_style(label_name).axis if label_name else "label"
        figure.colorbar(drawn, ax=panels, label=text, fraction=0.05, pad=0.02)
    handles, texts = next((found for panel in panels if (found := panel.get_legend_handles_labels())[0]), ([], []))
    if handles and panels[0].get_legend() is None:
        figure.legend(handles, texts, loc="outside upper center", ncols=min(len(texts), 5), markerscale=2,
                      title=None if drawn is not None else label_name)  # fmt: skip


def _checked_labels(labels, n_stars):
    """Numbers (float64, NaN where missing), or names of classes."""
    labels = np.ma.filled(labels, np.nan) if np.ma.isMaskedArray(labels) else np.asarray(labels)
    labels = checks.as_vector("labels", labels.reshape(n_stars) if labels.size == n_stars else labels, n_stars)
    if labels.dtype.kind in "OSU":
        labels = np.array([name.decode() if isinstance(name, bytes) else str(name) for name in labels])
        n_classes = len(np.unique(labels))
        if n_classes > MOST_CLASSES:
            raise ValueError(
                f"plot_latent: `labels` holds {n_classes} different names, more than colours can tell apart "
                f"({MOST_CLASSES}). Give numbers, or fewer classes."
            )
        return labels
    if labels.dtype.kind not in "buif":
        raise TypeError(f"plot_latent: `labels` must be numbers or names, got dtype {labels.dtype}.")
    checks.check_finite("labels", labels)
    return np.where(missing_elements(labels), np.nan, labels.astype("float64"))


def _checked_dims(dims, n_latent):
    dims = [dims] if isinstance(dims, int | np.integer) else list(dims)
    whole = all(isinstance(k, int | np.integer) and not isinstance(k, bool) and 0 <= k < n_latent for k in dims)
    if not dims or len(dims) > MOST_VARIABLES or len(set(dims)) < len(dims) or not whole:
        raise ValueError(
            f"plot_latent: `dims` must be up to {MOST_VARIABLES} different whole numbers from 0 to {n_latent - 1}, "
            f"got {dims}."
        )
    return dims


def _class_colours(number):
    return matplotlib.colormaps["tab10" if number <= 10 else "tab20"].colors[:number]


def _some(n_stars):
    return np.unique(np.linspace(0, n_stars - 1, min(n_stars, MAX_BARS)).astype(int))


def _two_lines(name):
    return name.replace("latent variable", "latent\nvariable")
