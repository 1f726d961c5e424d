"""The figure of a threshold curve."""

import numpy as np

from astroNN.shared.plotting import BLUE, GREY, INK, ORANGE, check_figure_path, new_figure, note, save_figure, styled

__all__ = ["draw_threshold_curve"]


@styled
def draw_threshold_curve(curve, path):
    """Two panels; see `ThresholdCurve.plot`."""
    path = path if path is None else check_figure_path("path", path)
    figure = new_figure(8.4, 3.6)
    left, right = axes = figure.subplots(1, 2)
    left.plot(curve.thresholds, curve.accuracy, color=INK, label="accuracy")
    left.plot(curve.thresholds, curve.disk_accuracy, color=BLUE, linewidth=1.0, label="accuracy of disks")
    left.plot(curve.thresholds, curve.bulge_accuracy, color=ORANGE, linewidth=1.0, label="accuracy of bulges")
    left.plot(curve.thresholds, curve.completeness, color=GREY, linestyle="--", label="completeness")
    left.set(xlabel="threshold", ylabel="fraction", ylim=(0, 1.03))
    left.legend(loc="lower left")
    right.plot(curve.completeness, curve.accuracy, color=INK, marker="o", markersize=2.5)
    right.set(xlabel="completeness (fraction classified)", ylabel="accuracy", xlim=(0, 1.03))
    _name_thresholds(right, curve)
    note(right, f"{curve.n_galaxies} galaxies", "lower left")
    if path is not None:
        save_figure(figure, path)
    return figure, axes


def _name_thresholds(panel, curve):
    """Write 0.4, 0.5, ... beside their points."""
    for threshold, *point in zip(curve.thresholds, curve.completeness, curve.accuracy, strict=True):
        if abs(10 * threshold - round(10 * threshold)) < 1e-6 and np.isfinite(point).all():
            panel.plot(*point, color=ORANGE, marker="o", markersize=4)
            panel.annotate(
                f"{threshold:.1f}", point, xytext=(-5, -4), textcoords="offset points", ha="right", fontsize=8
            )
