"""All measures of a calibration at once, as a table and a figure."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from astropy.table import Table
from scipy.special import ndtr

from astroNN.nn.calibration._calibration_error import error_of_curve, noise_of_calibration_error
from astroNN.nn.calibration._coverage import CoverageCurve, as_levels, curve_of
from astroNN.nn.calibration._pit import PitHistogram, histogram_of
from astroNN.nn.calibration._predictive import Draws, judged
from astroNN.nn.calibration._report_figure import draw_report
from astroNN.nn.calibration._scores import mean_by_label
from astroNN.shared.setting_checks import check_at_least

__all__ = ["CalibrationReport", "calibration_report"]

_ONE_TWO_SIGMA = 2 * ndtr([1.0, 2.0]) - 1
_MAD_TO_SIGMA = 1.4826
_COLUMNS = {
    "label": "name of the label",
    "stars": "stars with the label and a prediction",
    "bias": "median of prediction - label, in the unit of the label",
    "scatter": "1.4826 MAD of prediction - label, in the unit of the label",
    "sharpness": "root mean square of the predicted spread, label errors included, in the unit of the label",
    "within_1s": "fraction of the labels in the central interval of probability 0.683",
    "within_2s": "fraction of the labels in the central interval of probability 0.954",
    "ece": "expected calibration error: mean distance of the coverage curve from the diagonal",
    "ece_noise": "what ece is on average for a calibrated prediction of as many stars",
    "pit_p": "probability of a less flat PIT histogram, if the prediction is calibrated",
    "nll": "mean negative log likelihood (of draws: not defined)",
    "crps": "continuous ranked probability score, in the unit of the label",
}


@dataclass(frozen=True)
class CalibrationReport:
    """What `calibration_report` found.

    Attributes
    ----------
    table : astropy.table.Table
        One row per label; the description of every column says what it is. Printing the report prints it.
    coverage : CoverageCurve
        Observed against nominal coverage, by label.
    pit : PitHistogram
        Histogram of the probability integral transform, by label.
    """

    table: Table
    coverage: CoverageCurve
    pit: PitHistogram

    def __str__(self):
        return "\n".join(self.table.pformat(max_lines=-1, max_width=-1))

    def _repr_html_(self):
        return self.table._repr_html_()

    @cached_property
    def figure(self):
        """The figure of `plot`; notebooks show it."""
        return self.plot()[0]

    def plot(self, path=None, columns=6):
        """Coverage curve and, below it, PIT histogram of every label, with the scatter of a calibrated prediction.

        Parameters
        ----------
        path : str or Path, optional
            File to write, ending in ``.png``, ``.pdf`` or ``.svg``. An existing one is replaced. Default: none.
        columns : int, optional
            Labels side by side before a new pair of rows begins. Default 6.

        Returns
        -------
        figure : matplotlib.figure.Figure
            Of no pyplot session.
        axes : array of matplotlib.axes.Axes, shape (2, n_labels)
            Coverage curves, and below them the histograms.

        Raises
        ------
        ValueError
            If `path` has another ending, or `columns` is no integer of at least 1.
        FileNotFoundError
            If the folder of `path` does not exist.
        """
        check_at_least("columns", columns, 1)
        return draw_report(list(self.table["label"]), self.coverage, self.pit, self.table["ece"], path, columns)


def calibration_report(pred, pred_std, labels, labels_err=None, targetname=None, *, levels=None, n_bins=10):
    """Judge predicted uncertainties by stars whose labels are known, and which the network was not trained on.

    Parameters
    ----------
    pred : array, shape (n_stars, n_labels), GaussianMixture, or array, shape (n_draws, n_stars, n_labels)
        Predicted means; or mixtures, as ``net.predict_distribution`` gives them, or draws, both with
        ``pred_std=None``.
    pred_std : array, shape (n_stars, n_labels), dict of such, or None
        Predicted standard deviations; of a dictionary, as ``net.predict`` gives it, ``"total"``.
    labels : array, shape (n_stars, n_labels)
        NaN or the magic number marks a missing label, which is left out, as is a star without a prediction (NaN).
    labels_err : array, shape (n_stars, n_labels), optional
        Standard errors of the labels; added in quadrature to the predicted spread. Default: exact labels.
    targetname : list of str, optional
        Names of the labels. Default: their numbers.
    levels : array, optional
        Probabilities of the coverage curve. Default: 0.01, 0.02, ..., 0.99.
    n_bins : int, optional
        Bins of the PIT histogram. Default 10.

    Returns
    -------
    CalibrationReport
        ``table`` (print it), ``plot()`` (the figure), ``coverage`` and ``pit`` (the numbers behind it).

    Raises
    ------
    ValueError
        If shapes differ, values are infinite, or a spread is negative or zero.

    See Also
    --------
    coverage_curve : The curve of the figure.
    pit_histogram : The histogram of the figure.
    expected_calibration_error, negative_log_likelihood, crps, sharpness : Single columns of the table.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> labels = rng.normal([4500, 2.0], [100, 0.3], size=(1000, 2))
    >>> pred = labels + rng.normal(size=(1000, 2)) * [30, 0.1]
    >>> report = calibration_report(pred, np.full((1000, 2), [30, 0.2]), labels, targetname=["teff", "logg"])
    >>> report.table["label", "stars", "within_1s", "within_2s"].pprint()
    label stars within_1s within_2s
    ----- ----- --------- ---------
     teff  1000     0.697     0.954
     logg  1000     0.956     1.000
    >>> figure, axes = report.plot()
    """
    check_at_least("n_bins", n_bins, 2)
    levels = as_levels(levels)
    case = judged(pred, pred_std, labels, labels_err)
    names = _names(targetname, case.counted.shape[1])
    pit = case.pit()
    curve, histogram = curve_of(pit, case.n_stars, levels), histogram_of(pit, case.n_stars, n_bins)
    table = _table(case, names, pit, curve, histogram)
    return CalibrationReport(table, curve, histogram)


def _table(case, names, pit, curve, histogram):
    residuals = case.centre - case.label_table
    bias = _median(residuals)
    within = curve_of(pit, case.n_stars, _ONE_TWO_SIGMA).observed
    nll = np.full(len(names), np.nan)
    if not isinstance(case.predicted, Draws):
        nll = mean_by_label(case.table(-case.predicted.log_density(case.labels)))
    values = {
        "label": names,
        "stars": case.n_stars,
        "bias": bias,
        "scatter": _MAD_TO_SIGMA * _median(np.abs(residuals - bias)),
        "sharpness": np.sqrt(mean_by_label(np.where(case.counted, case.spread, np.nan) ** 2)),
        "within_1s": within[0],
        "within_2s": within[1],
        "ece": error_of_curve(curve),
        "ece_noise": noise_of_calibration_error(curve),
        "pit_p": histogram.p_value,
        "nll": nll,
        "crps": mean_by_label(case.table(case.predicted.crps(case.labels))),
    }
    table = Table(values, descriptions=_COLUMNS)
    for name in ("within_1s", "within_2s", "ece", "ece_noise", "nll"):
        table[name].info.format = ".3f"
    for name in ("bias", "scatter", "sharpness", "crps", "pit_p"):
        table[name].info.format = ".3g"
    return table


def _median(values):
    """By label, of the stars that count; NaN where none does."""
    return np.array([np.median(c[~np.isnan(c)]) if (~np.isnan(c)).any() else np.nan for c in values.T])


def _names(targetname, n_labels):
    if targetname is None:
        return [str(k) for k in range(n_labels)]
    names = [targetname] if isinstance(targetname, str) else list(targetname)
    if len(names) != n_labels or not all(isinstance(name, str) for name in names):
        raise ValueError(
            f"calibration_report: `targetname` must be {n_labels} names, one per label; got {targetname!r}."
        )
    return names
