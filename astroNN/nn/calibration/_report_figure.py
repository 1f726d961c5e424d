"""The figure of a calibration report."""

import numpy as np

from astroNN.shared.plotting import BLUE, GREY, INK, check_figure_path, new_figure, note, save_figure, styled

__all__ = ["draw_report"]

_PANEL = 2.5  # inches


@styled
def draw_report(names, curve, histogram, ece, path, columns):
    """Two panels a label; see `CalibrationReport.plot`."""
    path = path if path is None else check_figure_path("path", path)
    n_columns = min(len(names), columns)
    n_rows = 2 * -(-len(names) // columns)
    figure = new_figure(0.6 + _PANEL * n_columns, _PANEL * n_rows)
    grid = figure.subplots(n_rows, n_columns, squeeze=False)
    axes = np.empty((2, len(names)), dtype=object)
    for k, name in enumerate(names):
        row, column = 2 * (k // columns), k % columns
        axes[:, k] = grid[row : row + 2, column]
        _draw_coverage(axes[0, k], name, curve, k, ece[k])
        _draw_pit(axes[1, k], histogram, k)
        if column == 0:
            axes[0, k].set_ylabel("labels inside")
            axes[1, k].set_ylabel("stars / expected")
    for k in range(len(names), n_rows // 2 * n_columns):
        for row in range(2):
            grid[2 * (k // columns) + row, k % columns].remove()
    if path is not None:
        save_figure(figure, path)
    return figure, axes


def _draw_coverage(axis, name, curve, k, ece):
    axis.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle="--")
    band = 2 * curve.err[:, k]
    axis.fill_between(
        curve.levels, curve.levels - band, curve.levels + band, color=GREY, alpha=0.4, linewidth=0,
        label=r"calibrated, 2$\sigma$",
    )  # fmt: skip
    axis.plot(curve.levels, curve.observed[:, k], color=BLUE, label="observed")
    axis.set(title=name, xlim=(0, 1), ylim=(0, 1), xlabel="probability of interval", aspect="equal")
    note(axis, f"ECE {ece:.3f}\n{curve.n_stars[k]} stars", "lower right", fontsize=8)
    if k == 0:
        axis.legend(loc="upper left", fontsize=8, handlelength=1.2)


def _draw_pit(axis, histogram, k):
    expected, err = histogram.expected[k], histogram.err[k]
    axis.axhline(1, color=INK, linewidth=0.8, linestyle="--")
    top = 2.0
    if expected > 0:
        axis.axhspan(1 - 2 * err / expected, 1 + 2 * err / expected, color=GREY, alpha=0.4, linewidth=0)
        axis.stairs(histogram.counts[:, k] / expected, histogram.edges, color=BLUE, linewidth=1.5)
        top = max(top, 1.15 * histogram.counts[:, k].max() / expected)
    axis.set(xlim=(0, 1), ylim=(0, top), xlabel="PIT")
    axis.set_box_aspect(1)
