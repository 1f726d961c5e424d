"""The look of all figures, applied for the time of drawing only: matplotlib's own settings stay as they were.

Figures are made without pyplot: they need no screen, change no current figure, and are freed with their last name.
"""

import functools
import io
import re
from pathlib import Path

import matplotlib.style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image  # matplotlib needs it and brings it

from astroNN.shared.files import atomic_file

__all__ = [
    "BLUE",
    "GREEN",
    "GREY",
    "INK",
    "ORANGE",
    "check_figure_path",
    "figure_style",
    "file_stem",
    "new_figure",
    "note",
    "save_figure",
    "styled",
]

# Okabe & Ito 2008: told apart by all kinds of colour vision, and by their brightness in grey.
#: first colour of data
BLUE = "#0072B2"
#: second colour of data, and of what matters in a panel
ORANGE = "#D55E00"
#: third colour of data
GREEN = "#009E73"
#: axes and letters
INK = "#222222"
#: lines of reference
GREY = "#999999"

DPI = 110
FORMATS = (".png", ".pdf", ".svg")

_STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib, so that figures look alike everywhere
    "font.size": 10,
    "mathtext.fontset": "dejavusans",
    "axes.labelsize": 10,
    "axes.linewidth": 0.8,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.5,
    "savefig.facecolor": "white",
    "figure.facecolor": "white",
}


def figure_style():
    """Context in which figures are drawn and saved: matplotlib's defaults and the style of this file.

    Starting from matplotlib's defaults, not from the user's settings, makes a figure look the same everywhere.

    Returns
    -------
    context manager
        As of `matplotlib.style.context`.
    """
    return matplotlib.style.context(["default", _STYLE])


def styled(draw):
    """Decorate a function that draws a figure, so that it runs within `figure_style`.

    Parameters
    ----------
    draw : callable
        Whatever it takes and returns.

    Returns
    -------
    callable
        The same, within the style.
    """

    @functools.wraps(draw)
    def drawn(*args, **kwargs):
        with figure_style():
            return draw(*args, **kwargs)

    return drawn


def new_figure(width, height):
    """An empty figure that pyplot knows nothing of.

    Parameters
    ----------
    width, height : float
        In inches.

    Returns
    -------
    matplotlib.figure.Figure
        With constrained layout; notebooks show it.
    """
    figure = _ShownFigure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


class _ShownFigure(Figure):
    """Shows itself in notebooks, also where pyplot has not been used, which teaches them to show figures."""

    def _repr_png_(self):
        picture = io.BytesIO()
        self.savefig(picture, format="png", dpi=72, bbox_inches="tight")
        return picture.getvalue()


def note(panel, text, where="upper left", **settings):
    """Write a short text into a corner of a panel, on white.

    Parameters
    ----------
    panel : matplotlib.axes.Axes
        Where to write.
    text : str
        Hyphens become minus signs.
    where : str, optional
        "upper" or "lower", and "left" or "right". Default: "upper left".
    **settings
        Of `matplotlib.axes.Axes.text`, in the place of the usual ones.

    Returns
    -------
    matplotlib.text.Text
        What was written.
    """
    vertical, horizontal = where.split()
    return panel.text(
        {"left": 0.03, "right": 0.97}[horizontal],
        {"upper": 0.96, "lower": 0.04}[vertical],
        text.replace("-", "\u2212"),
        transform=panel.transAxes,
        ha=horizontal,
        va={"upper": "top", "lower": "bottom"}[vertical],
        **{"fontsize": 9, "color": INK, "zorder": 6, **settings},
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5},
    )


def check_figure_path(argument, path):
    """Path of a figure to be written, looked at before the work of drawing.

    Parameters
    ----------
    argument : str
        Name of the user's argument, for errors.
    path : str or Path
        Ends in ``.png``, ``.pdf`` or ``.svg``; its folder exists.

    Returns
    -------
    Path
        With ``~`` expanded.

    Raises
    ------
    ValueError
        If the name has another ending.
    FileNotFoundError
        If the folder does not exist.
    """
    path = Path(path).expanduser()
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"`{argument}` must end in {', '.join(FORMATS)}, got {str(path)!r}.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"`{argument}`: the folder {path.parent} does not exist; make it first.")
    return path


def file_stem(name):
    """A name, such as that of a label, as part of a file name: without separators and other special characters.

    Parameters
    ----------
    name : object
        A str, or what becomes one.

    Returns
    -------
    str
        Letters, digits, ``_``, ``+``, ``.`` and ``-``; "unnamed" if nothing is left.

    Examples
    --------
    >>> file_stem("[C/H]"), file_stem("../teff"), file_stem("Ks-band fakemag")
    ('C_H', 'teff', 'Ks-band_fakemag')
    """
    return re.sub(r"[^\w.+-]+", "_", str(name)).strip("._") or "unnamed"


def save_figure(figure, path):
    """Write a figure, whole or not at all.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What is drawn.
    path : str or Path
        An existing file is replaced. The ending says the format: ``.png`` is written with 110 dots an inch and a
        palette of 128 colours, a third of the usual size; ``.pdf`` and ``.svg`` hold lines and letters.
    """
    path = check_figure_path("path", path)
    pixels = io.BytesIO()
    with figure_style():
        figure.savefig(pixels, format=path.suffix[1:].lower(), dpi=DPI)
    with atomic_file(path) as temporary:
        if path.suffix.lower() != ".png":
            temporary.write_bytes(pixels.getvalue())
            return
        with Image.open(pixels) as image:
            small = image.convert("RGB").quantize(128, dither=Image.Dither.NONE)
            small.save(temporary, format="png", optimize=True, dpi=(DPI, DPI))
