"""The style of figures of people's own, under its established name."""

import functools
import shutil

__all__ = ["pylab_style"]

_STYLE = {
    "figure.figsize": (8, 5),
    "figure.dpi": 72,
    "axes.titlesize": 20,
    "axes.labelsize": 15,
    "axes.titleweight": "medium",
    "axes.labelweight": "medium",
    "font.weight": "medium",
    "legend.fontsize": 15,
    "legend.markerscale": 3,
    "lines.linewidth": 1,
    "boxplot.boxprops.linewidth": 10,
} | {
    f"{axis}tick.{name}": value
    for axis in "xy"
    for name, value in {
        "labelsize": 15,
        "direction": "in",
        "major.size": 5,
        "major.width": 1,
        "minor.size": 3,
        "minor.width": 0.6,
        "minor.visible": True,
    }.items()
}
_ALL_SIDES = {"xtick.top": True, "xtick.bottom": True, "ytick.left": True, "ytick.right": True}
_PAPER = {
    "text.usetex": True,
    "font.family": "serif",
    "font.size": 20,
    "axes.labelsize": 20,
    "xtick.labelsize": 20,
    "ytick.labelsize": 20,
    "legend.fontsize": 20,
    "savefig.dpi": 300,
}


@functools.cache
def _has_latex():
    return all(shutil.which(program) for program in ("latex", "dvipng"))


def pylab_style(paper=False):
    """Set matplotlib's defaults for all figures of this session to the established style.

    Parameters
    ----------
    paper : bool, optional
        True: larger letters with serifs set by LaTeX, and 300 dots an inch in files. Default False.

    Raises
    ------
    RuntimeError
        If `paper` is True and LaTeX is not installed.

    Notes
    -----
    ``with matplotlib.rc_context(): pylab_style()`` limits it to a block.
    """
    import matplotlib

    if paper and not _has_latex():
        raise RuntimeError(
            "pylab_style: `paper=True` sets all letters by LaTeX, and `latex` or `dvipng` is not installed. Install "
            "them, or use `paper=False`."
        )
    matplotlib.rcParams.update(_STYLE | _ALL_SIDES | (_PAPER if paper else {}))
