"""Judging predicted uncertainties, and mending them, by stars held back from the training.

Variational dropout counts its own noise twice, in the spread of the passes and in the variance that the network
learned while dropout was on, so that the documented sum of both is too large. The page :doc:`/calibration` derives
the estimator of the factors that mend it, shows how it was chosen, and explains the measures. Spectra unlike any that
a network was trained on are found by `OutOfDistribution`, see :doc:`/out_of_distribution`.
"""

from astroNN.nn.calibration._calibration_error import expected_calibration_error
from astroNN.nn.calibration._coverage import CoverageCurve, coverage, coverage_curve
from astroNN.nn.calibration._fit_spread_calibration import MINIMUM_STARS, fit_spread_calibration
from astroNN.nn.calibration._pit import PitHistogram, pit, pit_histogram
from astroNN.nn.calibration._report import CalibrationReport, calibration_report
from astroNN.nn.calibration._scores import crps, negative_log_likelihood, sharpness
from astroNN.nn.calibration._spread_calibration import SpreadCalibration
from astroNN.nn.calibration.out_of_distribution import OutOfDistribution

__all__ = [
    "MINIMUM_STARS",
    "CalibrationReport",
    "CoverageCurve",
    "OutOfDistribution",
    "PitHistogram",
    "SpreadCalibration",
    "calibration_report",
    "coverage",
    "coverage_curve",
    "crps",
    "expected_calibration_error",
    "fit_spread_calibration",
    "negative_log_likelihood",
    "pit",
    "pit_histogram",
    "sharpness",
]
