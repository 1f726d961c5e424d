"""How a training went, epoch by epoch."""

import csv
import textwrap
import warnings
from pathlib import Path

import numpy as np
from matplotlib.ticker import MaxNLocator

from astroNN.shared.errors import FolderError
from astroNN.shared.plotting import BLUE, GREEN, ORANGE, new_figure, styled

__all__ = ["draw_history", "network_history", "read_history"]

HISTORY_FILE = "training_history.csv"
RATES = ("learning_rate", "lr")  # Keras 3, and before
_ERRORS = ("mean_absolute_error", "mean_error", "mean_squared_error")
_NOT_NEGATIVE = ("absolute_error", "squared_error", "accuracy")
_DECADES = 1.5  # from which on a loss is drawn by its logarithm


def network_history(net):
    """History of a network's last training, or of the one whose history lies in the folder it was loaded from.

    Parameters
    ----------
    net : NeuralNetMaster
        Trained, or loaded from its folder.

    Returns
    -------
    dict of float64 arrays
        By name of the logged value, one number an epoch; values that are no numbers are left out.

    Raises
    ------
    ValueError
        If there is none.
    FolderError
        (a ValueError and an OSError) If the file is damaged.
    """
    if net.history is not None:
        history = _numbers(net.history.history)
    elif net.fullfilepath is not None and (Path(net.fullfilepath) / HISTORY_FILE).is_file():
        history = read_history(Path(net.fullfilepath) / HISTORY_FILE)
    else:
        where = "" if net.fullfilepath is None else f", and {net.fullfilepath} holds no {HISTORY_FILE}"
        raise ValueError(
            f"plot_history: this {type(net).__name__} was not trained in this session{where}: train it with `fit` "
            "first."
        )
    if not any(len(values) for values in history.values()):
        raise ValueError("plot_history: the history has no epoch.")
    return history


def read_history(path):
    """History from a ``training_history.csv``.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    dict of float64 arrays
        As `network_history` gives it.

    Raises
    ------
    FolderError
        (a ValueError and an OSError) If the file is damaged.
    """
    try:
        with open(path, newline="", encoding="utf-8") as stream:
            header, *rows = [row for row in csv.reader(stream) if row]
        if header[0] != "epoch" or any(len(row) != len(header) for row in rows):
            raise ValueError("its rows have other columns than its header, or the first is not `epoch`")
    except (ValueError, csv.Error) as error:
        raise FolderError(
            f"The history {path} can't be read ({error}). Copy the folder anew, or delete the file."
        ) from error
    columns = zip(*rows, strict=True) if rows else ((),) * len(header)
    return _numbers(dict(zip(header[1:], list(columns)[1:], strict=True)))


@styled
def draw_history(history, metrics=None):
    """Loss, metrics and learning rate by epoch, each of the training and of the validation.

    Parameters
    ----------
    history : dict of arrays
        By name of the logged value, one number an epoch. Those of the validation begin with ``val_``.
    metrics : str or sequence of str, optional
        Names of the metrics (without ``val_``) to be drawn below the loss. Default: all.

    Returns
    -------
    figure : matplotlib.figure.Figure
        Of no pyplot session.
    axes : array of matplotlib.axes.Axes, shape (n_panels,)
        Loss, metrics in the order given, learning rate (where it was logged).

    Raises
    ------
    ValueError
        If there is no such metric, or no number at all.
    """
    keys = _panel_keys(history, metrics)
    columns = 1 if len(keys) <= 4 else 2
    rows = -(-len(keys) // columns)
    figure = new_figure(6.4 * columns, 0.8 + 2.0 * rows)
    n_epochs = max(len(values) for values in history.values())
    panels = np.empty(len(keys), dtype=object)
    for number, (place, key) in enumerate(zip(_places(figure, rows, columns, len(keys)), keys, strict=True)):
        panels[number] = panel = figure.add_subplot(place)
        _draw_panel(panel, history, key)
        panel.set_xlim(0.5, n_epochs + 0.5)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        in_last_row = place.rowspan.stop == rows
        panel.tick_params(labelbottom=in_last_row)
        panel.set_xlabel("epoch" if in_last_row else "")
    panels[0].legend()
    figure.align_ylabels(panels)
    return figure, panels


def _places(figure, rows, columns, number):
    """Cells of a grid, row by row; the last one fills what is left of its row."""
    grid = figure.add_gridspec(rows, columns)
    cells = [grid[divmod(k, columns)] for k in range(number)]
    row, column = divmod(number - 1, columns)
    return [*cells[:-1], grid[row, column:]]


def _draw_panel(panel, history, key):
    if key in RATES:
        panel.step(_epochs(history[key]), history[key], where="mid", color=GREEN, label="learning rate")
        panel.set(ylabel="learning rate", yscale="log" if (history[key] > 0).all() else "linear")
        return
    # A single epoch is a point, of which a line shows nothing.
    marker = "o" if len(history.get(key, history.get("val_" + key))) < 3 else None
    for name, colour, dashes, title in ((key, BLUE, "-", "training"), ("val_" + key, ORANGE, "--", "validation")):
        if name in history:
            panel.plot(_epochs(history[name]), history[name], dashes, color=colour, marker=marker, label=title)
    drawn = np.concatenate([history[name] for name in (key, "val_" + key) if name in history])
    panel.set(ylabel=_title(key), yscale=_scale(drawn) if "loss" in key else "linear")
    if key.endswith(_NOT_NEGATIVE):
        panel.set_ylim(bottom=0.0)


def _panel_keys(history, metrics):
    """Names of the panels: loss first, learning rate last."""
    plain = list(dict.fromkeys(name.removeprefix("val_") for name in history))
    rate = [name for name in RATES if name in plain][:1]
    known = [name for name in plain if name != "loss" and name not in RATES]
    if metrics is None:
        wanted = known
    else:
        asked = [metrics] if isinstance(metrics, str) else list(metrics)
        wanted = [name for name in asked if name != "loss" and name not in RATES]  # these are drawn anyway
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise ValueError(f"plot_history: `metrics` {unknown} were not logged; the history has {known}.")
    keys = [name for name in ("loss",) if name in plain] + wanted + rate
    if not keys:
        raise ValueError("plot_history: the history holds no numbers.")
    return keys


def _title(key):
    """Name of a panel in words, short lines; errors of labels are in normalised units."""
    words = "\n".join(textwrap.wrap(key.replace("_", " "), 21))
    return f"{words}\n[normalised]" if key.endswith(_ERRORS) else words


def _scale(values):
    """Logarithmic where all values are positive and far apart."""
    known = values[np.isfinite(values)]
    if not known.size or known.min() <= 0:
        return "linear"
    return "log" if np.log10(known.max() / known.min()) > _DECADES else "linear"


def _epochs(values):
    return np.arange(1, len(values) + 1)


def _numbers(columns):
    """Columns of numbers as arrays; another callback may have logged texts, which can't be drawn."""
    numbers = {}
    for name, values in columns.items():
        try:
            array = np.asarray(values, dtype="float64")
        except (TypeError, ValueError):
            array = None
        if array is None or array.ndim != 1:
            warnings.warn(f"plot_history: `{name}` was logged as other than numbers; left out.", stacklevel=4)
        else:
            numbers[name] = array
    return numbers
