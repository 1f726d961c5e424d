"""The look of the figures, applied for the time of drawing only: matplotlib's own settings stay as they were."""

import functools
import io

import matplotlib.style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image  # matplotlib needs it and brings it

from astroNN.shared.files import atomic_file

__all__ = ["BLUE", "GREEN", "GREY", "INK", "ORANGE", "figure_style", "new_figure", "save_figure", "styled"]

# Okabe & Ito 2008: told apart by all kinds of colour vision, and by their brightness in grey.
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
INK, GREY = "#222222", "#999999"

DPI = 110

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
    """
    return matplotlib.style.context(["default", _STYLE])


def styled(draw):
    """Decorate a function that draws a figure, so that it runs within `figure_style`."""

    @functools.wraps(draw)
    def drawn(*args, **kwargs):
        with figure_style():
            return draw(*args, **kwargs)

    return drawn


def new_figure(width, height):
    """An empty figure of `width` times `height` inches that pyplot knows nothing of."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure, path):
    """Write a figure as PNG with 110 dots an inch and a palette of 128 colours, a third of the usual size.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : str or Path
        An existing file is replaced.
    """
    pixels = io.BytesIO()
    with figure_style():
        figure.savefig(pixels, format="png", dpi=DPI)
    with atomic_file(path) as temporary, Image.open(pixels) as image:
        small = image.convert("RGB").quantize(128, dither=Image.Dither.NONE)
        small.save(temporary, format="png", optimize=True, dpi=(DPI, DPI))
